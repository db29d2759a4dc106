package tlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"path/filepath"
	"syscall"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
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
// continued. A crash in here is followed by the same steps again.
func (d *Dir) recover(ctx context.Context, origin string, log *slog.Logger) (last verify.Checkpoint, err error) {
	state, err := d.readState()
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.checkEmpty(); err != nil {
			return last, err
		}
		return last, d.sweep(0, log)
	}
	if err != nil {
		return last, fmt.Errorf("read state of log: %w", err)
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
	state.Origin = origin
	if err := NewTree(d, state).continues(ctx, last); err != nil {
		return last, err
	}
	return last, d.sweep(state.Size, log)
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
