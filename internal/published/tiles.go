package published

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/internal/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	bundle     = -1 // the level of entry bundles, as in sumdb/tlog
)

// piece is a tile or bundle as it was read.
type piece struct {
	tile   sumdb.Tile
	data   []byte
	path   string
	longer bool // the full one in the place of a partial one
}

// read reads a tile or bundle; ok is false, and a fault is noted, where it is
// missing.
func (x *examination) read(ctx context.Context, level int, n int64, width int) (p piece, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return p, false, err
	}
	p.tile = sumdb.Tile{H: tileHeight, L: level, N: n, W: width}
	p.data, p.path, err = x.dir.ReadTile(ctx, p.tile)
	if errors.Is(err, fs.ErrNotExist) {
		x.faults.add("%s is missing", p.path)
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("read %s: %w", p.path, err)
	}
	p.longer = p.path != tlog.TilePath(p.tile)
	return p, true, nil
}

// tiles yields the number and the width of each tile that n items fill.
func tiles(n uint64) func(yield func(n int64, width int) bool) {
	return func(yield func(int64, int) bool) {
		for first := uint64(0); first < n; first += tileWidth {
			if !yield(int64(first/tileWidth), int(min(tileWidth, n-first))) {
				return
			}
		}
	}
}

// leaves examines the leaves as far as they are there.
func (x *examination) leaves(ctx context.Context) error {
	size := x.report.Checkpoint.Size
	for n, width := range tiles(size) {
		p, ok, err := x.read(ctx, bundle, n, width)
		if err != nil || !ok {
			return err
		}
		whole, err := x.bundle(ctx, p)
		if err != nil || !whole {
			return err
		}
		x.cfg.Progress(x.tree.size, size)
	}
	return nil
}

// bundle examines the leaves of a bundle and reports whether all are there.
func (x *examination) bundle(ctx context.Context, p piece) (whole bool, err error) {
	leaves, rest := tlog.SplitBundle(p.data, p.tile.W)
	if err := x.tree.add(leaves); err != nil {
		return false, err
	}
	if err := x.log.Add(leaves...); err != nil {
		return false, err
	}
	if len(leaves) < p.tile.W {
		x.faults.add("%s breaks off after %d entries", p.path, len(leaves))
		return false, nil
	}
	if len(rest) > 0 && !p.longer {
		x.faults.add("%s has %d bytes to spare", p.path, len(rest))
	}
	return true, x.earlier(ctx, p.tile, func(w int) []byte {
		_, rest := tlog.SplitBundle(p.data, w)
		return p.data[:len(p.data)-len(rest)]
	})
}

// earlier holds the partial versions of earlier sizes against what they begin.
func (x *examination) earlier(ctx context.Context, t sumdb.Tile, first func(width int) []byte) error {
	widths, err := x.dir.Partials(t)
	if err != nil {
		return err
	}
	for _, w := range widths {
		if w >= t.W {
			break
		}
		part := sumdb.Tile{H: t.H, L: t.L, N: t.N, W: w}
		data, path, err := x.dir.ReadTile(ctx, part)
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && path != tlog.TilePath(part): // no regular file
		case err != nil:
			return fmt.Errorf("read %s: %w", path, err)
		case !bytes.Equal(data, first(w)):
			x.faults.add("%s does not agree", path)
		}
	}
	return nil
}

// hashTiles holds every hash tile against the tree of the leaves.
func (x *examination) hashTiles(ctx context.Context) error {
	for level := 0; x.tree.size>>(level*tileHeight) > 0; level++ {
		for n, width := range tiles(x.tree.size >> (level * tileHeight)) {
			want := x.tree.tile(level, n, width)
			p, ok, err := x.read(ctx, level, n, width)
			if err != nil {
				return err
			}
			if p.longer {
				p.data = p.data[:min(len(p.data), len(want))]
			}
			if ok && !bytes.Equal(p.data, want) {
				x.faults.add("%s does not agree", p.path)
			}
			if err := x.earlier(ctx, p.tile, func(w int) []byte { return want[:w*sumdb.HashSize] }); err != nil {
				return err
			}
		}
	}
	return nil
}

// hashTree is the tree that the hash tiles of level 0 make: unknown where they have
// not the checkpoint's root.
func (x *examination) hashTree(ctx context.Context) (tree, error) {
	var t tree
	cp := x.report.Checkpoint
	for n, width := range tiles(cp.Size) {
		p, ok, err := x.read(ctx, 0, n, width)
		if err != nil {
			return tree{}, err
		}
		want := width * sumdb.HashSize
		if !ok || len(p.data) < want || len(p.data) > want && !p.longer {
			return tree{}, nil
		}
		if err := t.addHashes(p.data[:want]); err != nil {
			return tree{}, err
		}
	}
	if root, err := t.rootAt(cp.Size); err != nil || root != cp.Root {
		return tree{}, err
	}
	return t, nil
}

// leaf reads a leaf again.
func (x *examination) leaf(ctx context.Context, i uint64) ([]byte, error) {
	first := i - i%tileWidth
	p, ok, err := x.read(ctx, bundle, int64(i/tileWidth), int(min(tileWidth, x.report.Checkpoint.Size-first)))
	if err != nil {
		return nil, err
	}
	leaves, _ := tlog.SplitBundle(p.data, int(i-first)+1)
	if !ok || uint64(len(leaves)) <= i-first {
		return nil, fmt.Errorf("%s changed while it was examined", p.path)
	}
	return leaves[i-first], nil
}
