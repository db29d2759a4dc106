package tlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// cachedTiles bounds the verified tiles a Tree keeps, at 8 KiB each.
const cachedTiles = 512

// cachedBundles bounds the bundles a Tree keeps for whoever reads entries one by
// one: often they lie close together, or are the enrolments that all began with.
const cachedBundles = 8

// Tree is a log as one checkpoint describes it. Whatever it returns leads to
// the checkpoint's root; what is damaged on disk but can be proved from other
// files is proved from them, and CheckFiles names the damage. Errors that are a
// *[Mismatch] say that bytes are wrong; all others that they could not be read.
// Its methods may be called from any goroutine.
type Tree struct {
	src    Source
	cp     verify.Checkpoint
	full   *lru.Cache[sumdb.Tile, []byte] // verified, never altered
	recent *lru.Cache[int64, rawBundle]   // as read; every entry taken from one is verified
	ahead  int                            // bundles read at once by Entries

	mu    sync.Mutex
	edges [][]byte // verified partial tiles by level, nil before the first look
}

// NewTree returns the tree under a checkpoint that the caller has verified.
func NewTree(src Source, cp verify.Checkpoint) *Tree {
	return &Tree{src: src, cp: cp, full: newCache[sumdb.Tile, []byte](cachedTiles), recent: newCache[int64, rawBundle](cachedBundles), ahead: readAhead}
}

// ReadAhead has Entries read n bundles at once: more where each takes a while to
// come. It is called before anything is read.
func (t *Tree) ReadAhead(n int) { t.ahead = max(n, 1) }

func newCache[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // the size is positive
	}
	return cache
}

// Checkpoint is what the tree is read under.
func (t *Tree) Checkpoint() verify.Checkpoint { return t.cp }

// at returns the coordinates of a tile, as wide as the tree makes it; 0 if it
// lies beyond.
func (t *Tree) at(level int, n int64) sumdb.Tile {
	tile := full(level, n)
	hashes := int64(t.cp.Size >> (max(level, 0) * tileHeight))
	tile.W = int(min(max(hashes-n*tileWidth, 0), tileWidth))
	return tile
}

// tile returns a verified tile: a full one leads to its hash in the level above,
// a partial one to the root.
func (t *Tree) tile(ctx context.Context, level int, n int64) ([]byte, error) {
	tile := t.at(level, n)
	if tile.W < tileWidth {
		edges, err := t.edge(ctx)
		if err != nil {
			return nil, err
		}
		return edges[level], nil
	}
	if data, ok := t.full.Get(tile); ok {
		return data, nil
	}
	want, err := t.hashOf(ctx, tile)
	if err != nil {
		return nil, err
	}
	data, err := t.readTile(ctx, tile)
	if err == nil && subtreeOf(data) != want {
		err = newMismatch(TilePath(tile), tile, "%s", wrongTile)
	}
	if mismatched(err) {
		rebuilt, e := t.rebuild(ctx, tile)
		if e != nil || subtreeOf(rebuilt) != want {
			return nil, err
		}
		data, err = rebuilt, nil
	}
	if err != nil {
		return nil, err
	}
	t.full.Add(tile, data)
	return data, nil
}

const wrongTile = "its hashes are not those of the tree"

// hashOf is the verified hash of a full tile or bundle, from the level above.
func (t *Tree) hashOf(ctx context.Context, tile sumdb.Tile) (sumdb.Hash, error) {
	parent, err := t.tile(ctx, max(tile.L, 0)+1, tile.N/tileWidth)
	if err != nil {
		return sumdb.Hash{}, err
	}
	return hashAt(parent, int(tile.N%tileWidth)), nil
}

func mismatched(err error) bool { return errors.As(err, new(*Mismatch)) }

// read reads a tile or bundle. That it is not there is a Mismatch: under this
// checkpoint it has to be.
func (t *Tree) read(ctx context.Context, tile sumdb.Tile) (data []byte, path string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	data, path, err = t.src.ReadTile(ctx, tile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, path, newMismatch(TilePath(tile), tile, "the file is missing")
	}
	if err != nil {
		return nil, path, fmt.Errorf("read %s: %w", TilePath(tile), err)
	}
	return data, path, nil
}

// readTile reads a tile of hashes; it is not verified yet.
func (t *Tree) readTile(ctx context.Context, tile sumdb.Tile) ([]byte, error) {
	data, path, err := t.read(ctx, tile)
	if err != nil {
		return nil, err
	}
	width := tile.W
	if path == TilePath(full(tile.L, tile.N)) {
		width = tileWidth
	}
	if len(data) != width*sumdb.HashSize {
		return nil, newMismatch(path, tile, "%d bytes in place of %d", len(data), width*sumdb.HashSize)
	}
	return data[:tile.W*sumdb.HashSize], nil
}

// rebuild computes a tile from what lies below it; it is not verified.
func (t *Tree) rebuild(ctx context.Context, tile sumdb.Tile) ([]byte, error) {
	if tile.L == 0 {
		return t.rebuildLeaves(ctx, tile)
	}
	hashes := make([]byte, 0, tile.W*sumdb.HashSize)
	for i := range int64(tile.W) {
		child, err := t.readTile(ctx, full(tile.L-1, tile.N*tileWidth+i))
		if err != nil {
			return nil, err
		}
		h := subtree(child)
		hashes = append(hashes, h[:]...)
	}
	return hashes, nil
}

func (t *Tree) rebuildLeaves(ctx context.Context, tile sumdb.Tile) ([]byte, error) {
	tile.L = bundle
	data, path, err := t.read(ctx, tile)
	if err != nil {
		return nil, err
	}
	entries, _ := SplitBundle(data, tile.W)
	if len(entries) < tile.W {
		return nil, newMismatch(path, tile, "the bundle breaks off after %d entries", len(entries))
	}
	return leafHashes(data, entries), nil
}

// RootAt is the root of the tree when it had size entries.
func (t *Tree) RootAt(ctx context.Context, size uint64) (entry.Hash, error) {
	if size > t.cp.Size {
		return entry.Hash{}, fmt.Errorf("root at size %d: the checkpoint covers %d", size, t.cp.Size)
	}
	if size == 0 {
		return entry.EmptyRoot, nil
	}
	h, err := sumdb.TreeHash(int64(size), hashReader{ctx, t})
	if err != nil {
		return entry.Hash{}, fmt.Errorf("root at size %d: %w", size, err)
	}
	return entry.Hash(h), nil
}

// Inclusion proves that an entry is in the tree.
func (t *Tree) Inclusion(ctx context.Context, index uint64) (sumdb.RecordProof, error) {
	return t.InclusionAt(ctx, t.cp.Size, index)
}

// InclusionAt proves that an entry was in the tree when that had size entries.
func (t *Tree) InclusionAt(ctx context.Context, size, index uint64) (sumdb.RecordProof, error) {
	if size > t.cp.Size || index >= size {
		return nil, fmt.Errorf("prove entry %d of %d: the checkpoint covers %d", index, size, t.cp.Size)
	}
	p, err := sumdb.ProveRecord(int64(size), int64(index), hashReader{ctx, t})
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", index, err)
	}
	return p, nil
}

// Consistency proves that the tree continues the one of an earlier size. The
// empty tree needs no proof.
func (t *Tree) Consistency(ctx context.Context, size uint64) (sumdb.TreeProof, error) {
	if size > t.cp.Size {
		return nil, fmt.Errorf("prove consistency with size %d: the checkpoint covers %d", size, t.cp.Size)
	}
	if size == 0 {
		return sumdb.TreeProof{}, nil
	}
	p, err := sumdb.ProveTree(int64(t.cp.Size), int64(size), hashReader{ctx, t})
	if err != nil {
		return nil, fmt.Errorf("prove consistency with size %d: %w", size, err)
	}
	return p, nil
}

// Consistent checks that the tree continues that of an earlier checkpoint of
// the same log. The error is a *verify.Finding if it does not: shrunk or fork.
func (t *Tree) Consistent(ctx context.Context, old verify.Checkpoint) error {
	if old.Origin != t.cp.Origin {
		return &verify.Finding{
			Code: verify.Fork, Accused: verify.TheLog, Index: t.cp.Size,
			Detail: fmt.Sprintf("the log is %q, not %q", t.cp.Origin, old.Origin),
		}
	}
	var proof sumdb.TreeProof
	if old.Size < t.cp.Size {
		var err error
		if proof, err = t.Consistency(ctx, old.Size); err != nil {
			return err
		}
	}
	return verify.Consistent(old, t.cp, proof)
}

// hashReader hands verified hashes to the proofs of sumdb/tlog.
type hashReader struct {
	ctx  context.Context // of the one call that made this reader
	tree *Tree
}

// ReadHashes implements [sumdb.HashReader].
func (r hashReader) ReadHashes(indexes []int64) ([]sumdb.Hash, error) {
	hashes := make([]sumdb.Hash, len(indexes))
	for i, x := range indexes {
		at := sumdb.TileForIndex(tileHeight, x)
		data, err := r.tree.tile(r.ctx, at.L, at.N)
		if err != nil {
			return nil, err
		}
		if hashes[i], err = sumdb.HashFromTile(at, data, x); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// Unwrap makes a Mismatch a finding against the log.
func (m *Mismatch) Unwrap() error {
	return &verify.Finding{
		Code: verify.TreeMismatch, Accused: verify.TheLog, Index: m.Index,
		Detail: fmt.Sprintf("%s: %s", m.Path, m.Detail),
	}
}
