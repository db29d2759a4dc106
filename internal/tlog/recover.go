package tlog

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/verify"
)

// lockDir keeps other writers out for as long as the directory stays open: an
// flock ends with the process, however that ends. It leaves no file behind.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock log: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errInUse
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock log %s: %w", dir, err), f.Close())
	}
	return f, nil
}

// recover makes the directory what the writer's note says it is, and returns
// the checkpoint to continue. It alters nothing before it knows that the tree
// continues that checkpoint: a log that lost its tail is evidence, and never
// continued. A note that is gone, damaged or older than the checkpoint is no such
// loss: it says nothing that the tiles do not say. A crash in here is followed by
// the same steps again.
func (d *Dir) recover(ctx context.Context, origin string, log *slog.Logger) (last verify.Checkpoint, err error) {
	if err := d.clearNotes(log); err != nil {
		return last, err
	}
	signed, err := d.ReadCheckpoint()
	switch {
	case errors.Is(err, fs.ErrNotExist): // a crash before the first was written
	case err != nil:
		return last, fmt.Errorf("read checkpoint: %w", err)
	default:
		if last, err = verify.ReadCheckpoint(signed); err != nil {
			return last, err
		}
	}
	state, err := d.state(ctx, origin, last)
	if unnoted(err) && last.Size > 0 {
		healed, herr := d.heal(ctx, last)
		if herr != nil {
			log.Error("the writer's note of the tree cannot be made anew from the tiles", "error", herr)
		} else {
			log.Warn("the writer's note of the tree was made anew from the tiles", "path", statePath, "entries", healed.Size, "error", err)
			state, err = healed, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.checkEmpty(); err != nil {
			return last, err
		}
		return last, d.sweep(0, log)
	}
	if err != nil {
		return last, err
	}
	return last, d.sweep(state.Size, log)
}

// clearNotes removes, of what the writer keeps for itself, what Tessera would trip
// over and makes anew where there is none.
func (d *Dir) clearNotes(log *slog.Logger) error {
	list, err := os.ReadDir(filepath.Join(d.path, stateDir))
	if err != nil {
		return fmt.Errorf("list the writer's notes: %w", err)
	}
	for _, e := range list {
		f := classify(path.Join(stateDir, e.Name()))
		if f.Kind != stateFile && f.Kind != lockFile || e.Type().IsRegular() && d.usable(f.Path) {
			continue
		}
		if err := os.Remove(filepath.Join(d.path, filepath.FromSlash(f.Path))); err != nil {
			return fmt.Errorf("remove what is no note of the writer: %w", err)
		}
		log.Warn("a note of the writer was of no use and is made anew", "path", f.Path)
	}
	return nil
}

// usable reports whether Tessera can read a note. Of the one of the tree is seen to
// elsewhere; a later version than ours is Tessera's to refuse.
func (d *Dir) usable(note string) bool {
	switch note {
	case versionPath:
		raw, err := d.read(note, 32)
		_, bad := strconv.ParseUint(string(raw), 10, 16)
		return err == nil && bad == nil
	case gcStatePath:
		raw, err := d.read(note, 4096)
		return err == nil && canonical(raw, new(gcState))
	case statePath:
		return true
	}
	raw, err := d.read(note, 0) // of a lock
	return err == nil && len(raw) == 0
}

// state reads the writer's note of its tree, which has to continue the checkpoint.
func (d *Dir) state(ctx context.Context, origin string, last verify.Checkpoint) (verify.Checkpoint, error) {
	state, err := d.readState()
	if err != nil {
		return state, fmt.Errorf("read state of log: %w", err)
	}
	state.Origin = origin
	return state, NewTree(d, state).continues(ctx, last)
}

// unnoted reports whether an error says that the note is no use, and not that it
// could not be read.
func unnoted(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*verify.Finding)) || errors.As(err, new(*Mismatch))
}

// heal makes the writer's note anew, from the tiles: of the largest tree that they
// hold whole and that continues the checkpoint. A log that has lost its tail has
// none. A crash leaves the note as it was.
func (d *Dir) heal(ctx context.Context, last verify.Checkpoint) (state verify.Checkpoint, err error) {
	for _, size := range d.sizes(last.Size) {
		state = verify.Checkpoint{Origin: last.Origin, Size: size}
		if state.Root, err = d.rootOf(ctx, state); err != nil {
			continue
		}
		if err = NewTree(d, state).continues(ctx, last); err != nil {
			continue
		}
		note, err := json.Marshal(treeState{state.Size, state.Root[:]})
		if err != nil {
			return state, err
		}
		return state, durable.WriteFile(durable.OS, filepath.Join(d.path, filepath.FromSlash(statePath)), note, 0o644)
	}
	return state, err
}

// sizes are those a tree may have by the names of the bundles at the end of the
// log, the largest first and not less than that.
func (d *Dir) sizes(least uint64) []uint64 {
	found := map[uint64]bool{least: true}
	files, _ := d.near(least) // what cannot be listed is not there
	for _, f := range files {
		if first, count := span(f.Tile); f.Kind == bundleFile && first+count > least {
			found[first+count] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b uint64) int { return cmp.Compare(b, a) })
}

// rootOf computes the root of a tree of that size from the tiles as they are.
func (d *Dir) rootOf(ctx context.Context, cp verify.Checkpoint) (entry.Hash, error) {
	t := NewTree(d, cp)
	root, err := sumdb.TreeHash(int64(cp.Size), sumdb.HashReaderFunc(func(indexes []int64) ([]sumdb.Hash, error) {
		hashes := make([]sumdb.Hash, len(indexes))
		for i, x := range indexes {
			at := sumdb.TileForIndex(tileHeight, x)
			data, err := t.readTile(ctx, t.at(at.L, at.N))
			if err != nil {
				return nil, err
			}
			if hashes[i], err = sumdb.HashFromTile(t.at(at.L, at.N), data, x); err != nil {
				return nil, err
			}
		}
		return hashes, nil
	}))
	return entry.Hash(root), err
}

// treeState is Tessera's note of how far the tree is integrated.
type treeState struct {
	Size uint64 `json:"size"`
	Root []byte `json:"root"`
}

// readState reads the writer's note of its tree: what no signature stands for.
func (d *Dir) readState() (verify.Checkpoint, error) {
	raw, err := d.read(statePath, 4096)
	if err != nil {
		return verify.Checkpoint{}, err
	}
	return parseState(raw)
}

// Integrated is the tree as the writer has integrated it, which no signature
// stands for: entries beyond the checkpoint were accepted, and the process ended,
// or has not come to, before it signed them. Without any note of the writer it is
// empty.
func (d *Dir) Integrated(origin string) (*Tree, error) {
	state, err := d.readState()
	if errors.Is(err, fs.ErrNotExist) {
		state, err = verify.Checkpoint{Root: entry.EmptyRoot}, nil
	}
	state.Origin = origin
	return NewTree(d, state), err
}

// Begun is how many entries a writer has integrated, by its own note; where there
// are tiles and no note, more than anybody knows.
func (d *Dir) Begun() uint64 {
	state, err := d.readState()
	if err == nil {
		return state.Size
	}
	if _, err := os.Lstat(filepath.Join(d.path, "tile")); errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	return math.MaxUint64
}

// IsEmpty reports whether there is nothing of a log in a directory.
func IsEmpty(path string) bool {
	d := &Dir{path}
	_, err := os.Lstat(filepath.Join(path, checkpointPath))
	return errors.Is(err, fs.ErrNotExist) && d.Begun() == 0
}

func parseState(raw []byte) (cp verify.Checkpoint, err error) {
	var s treeState
	if !canonical(raw, &s) || len(s.Root) != sumdb.HashSize || s.Size > entry.MaxNumber {
		return cp, &Mismatch{Path: statePath, Detail: "it is not a size and a root"}
	}
	if s.Size == 0 && entry.Hash(s.Root) != entry.EmptyRoot {
		return cp, &Mismatch{Path: statePath, Detail: "the root is not that of the empty tree"}
	}
	return verify.Checkpoint{Size: s.Size, Root: entry.Hash(s.Root)}, nil
}

// canonical reads JSON into v and reports whether it is spelt as Go would.
func canonical(raw []byte, v any) bool {
	if json.Unmarshal(raw, v) != nil {
		return false
	}
	again, err := json.Marshal(v)
	return err == nil && bytes.Equal(raw, again)
}

// checkEmpty refuses to begin a log where there was one: Tessera would sign an
// empty tree over it.
func (d *Dir) checkEmpty() error {
	for _, name := range []string{checkpointPath, "tile"} {
		_, err := os.Lstat(filepath.Join(d.path, name))
		if err == nil {
			return &verify.Finding{
				Code: verify.Shrunk, Accused: verify.TheLog,
				Detail: fmt.Sprintf("there is a %s, but %s is missing", name, statePath),
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sweep removes what a crash left: files half written, and tiles of a batch
// that never became part of the tree. Such a tile would contradict those that
// take its place, and accuse the log. They need no fsync: until it is durable,
// the next sweep finds them again.
func (d *Dir) sweep(size uint64, log *slog.Logger) error {
	files, err := d.near(size)
	if err != nil {
		return err
	}
	var leftover []logFile
	for _, f := range files {
		first, count := span(f.Tile)
		switch {
		case f.Kind == tempFile:
		case f.Kind != tileFile && f.Kind != bundleFile, first+count <= size:
			continue
		case first+count > size+batchSize:
			return &verify.Finding{
				Code: verify.Shrunk, Accused: verify.TheLog, Index: size,
				Detail: fmt.Sprintf("%s has entries up to %d, %s only up to %d", f.Path, first+count, statePath, size),
			}
		}
		leftover = append(leftover, f)
	}
	for _, f := range leftover {
		if err := os.Remove(filepath.Join(d.path, filepath.FromSlash(f.Path))); err != nil {
			return fmt.Errorf("remove leftover of a crash: %w", err)
		}
		log.Warn("leftover of a crash removed", "path", f.Path)
	}
	return nil
}

// near lists the files in the directories in which a writer at that size was at
// work. It does not walk the whole log: that takes seconds per million tiles.
func (d *Dir) near(size uint64) ([]logFile, error) {
	dirs := map[string]bool{".": true, ".state": true}
	for level := bundle; level <= maxLevel; level++ {
		shift := max(level, 0) * tileHeight
		for n := size >> shift / tileWidth; n <= (size+batchSize)>>shift/tileWidth; n++ {
			for _, dir := range listDirs(full(level, int64(n))) {
				dirs[dir] = true
			}
		}
	}
	var files []logFile
	for dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(d.path, filepath.FromSlash(dir)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for leftovers of a crash: %w", err)
		}
		for _, e := range entries {
			if e.Type().IsRegular() {
				files = append(files, classify(path.Join(dir, e.Name())))
			}
		}
	}
	return files, nil
}
