package tlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// maxCheckpoint bounds the bytes of a checkpoint that are read.
const maxCheckpoint = 1 << 20

// Source is where a Tree gets its bytes. Nothing of what it returns is trusted.
type Source interface {
	// ReadTile returns the tile t or, at level -1, the bundle, and the path it has
	// in the layout of tlog-tiles. In place of a partial tile it may return the
	// full one. The bytes are the caller's. The error is fs.ErrNotExist where
	// there is neither; every other error means that it could not look.
	ReadTile(ctx context.Context, t sumdb.Tile) (data []byte, path string, err error)
}

// Dir is the directory of a log, for reading. It needs no lock: a writer may be
// at work in the same directory, in this process or another.
type Dir struct{ path string }

// OpenDir opens the log in a directory. The error is fs.ErrNotExist where there is
// none.
func OpenDir(path string) (*Dir, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a directory: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("open log directory: %w", absent(err))
	}
	return &Dir{path}, nil
}

// absent makes fs.ErrNotExist of the errors that say that what lies there is no file:
// below a file, a socket, a link that leads to itself.
func absent(err error) error {
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ELOOP) {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

// ReadCheckpoint reads what the log last signed, unverified. The error is
// fs.ErrNotExist where it has signed nothing.
func (d *Dir) ReadCheckpoint() ([]byte, error) { return d.read(checkpointPath, maxCheckpoint) }

// Checkpoint reads what the log last signed and verifies the signature. The
// error is a *verify.Finding where it is wrong.
func (d *Dir) Checkpoint(key *entry.LogKey) (verify.Checkpoint, error) {
	signed, err := d.ReadCheckpoint()
	if err != nil {
		return verify.Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	return verify.OpenCheckpoint(key, signed)
}

// ReadTile implements [Source].
func (d *Dir) ReadTile(_ context.Context, t sumdb.Tile) (data []byte, path string, err error) {
	path = TilePath(t)
	data, err = d.read(path, maxFile(t.L))
	if t.W < tileWidth && errors.Is(err, fs.ErrNotExist) {
		// Partial tiles are cleared away once the full one is published.
		if data, err := d.read(TilePath(full(t.L, t.N)), maxFile(t.L)); err == nil {
			return data, TilePath(full(t.L, t.N)), nil
		}
	}
	return data, path, err
}

// Partials returns the widths of the partial versions of a tile or bundle that
// are there, in ascending order.
func (d *Dir) Partials(t sumdb.Tile) ([]int, error) {
	list, err := os.ReadDir(filepath.Join(d.path, filepath.FromSlash(partialDir(t))))
	if errors.Is(absent(err), fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list partial tiles: %w", err)
	}
	var widths []int
	for _, e := range list {
		if w, err := strconv.Atoi(e.Name()); err == nil && strconv.Itoa(w) == e.Name() && 0 < w && w < tileWidth {
			widths = append(widths, w)
		}
	}
	slices.Sort(widths)
	return widths, nil
}

// maxFile is the size of the largest file there can be at a level.
func maxFile(level int) int64 {
	if level == bundle {
		return tileWidth * (2 + entry.MaxSize)
	}
	return tileWidth * sumdb.HashSize
}

// read reads a file, but of one that is too large only one byte too many: its
// size alone will tell that it is wrong.
func (d *Dir) read(path string, limit int64) ([]byte, error) {
	// Opening a named pipe somebody put here must not wait for its writer.
	f, err := os.OpenFile(filepath.Join(d.path, filepath.FromSlash(path)), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, absent(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: not a regular file: %w", f.Name(), fs.ErrNotExist)
	}
	data := make([]byte, min(info.Size(), limit+1))
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return data, nil
}
