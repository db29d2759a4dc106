package histories

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/stele-log/stele/internal/durable"
)

// errDead is what a disk answers once its host has crashed.
var errDead = errors.New("the host has crashed")

// disk is the disk of a host. When the host crashes it does nothing any more:
// whoever still runs can leave no trace.
type disk struct {
	durable.FS
	dead atomic.Bool
}

func newDisk() *disk { return &disk{FS: durable.OS} }

func (d *disk) gone() error {
	if d.dead.Load() {
		return errDead
	}
	return nil
}

func (d *disk) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	if err := d.gone(); err != nil {
		return nil, err
	}
	f, err := d.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return file{f, d}, nil
}

func (d *disk) Rename(from, to string) error {
	if err := d.gone(); err != nil {
		return err
	}
	return d.FS.Rename(from, to)
}

func (d *disk) Remove(name string) error {
	if err := d.gone(); err != nil {
		return err
	}
	return d.FS.Remove(name)
}

func (d *disk) SyncDir(name string) error { return d.gone() } // no power is cut here

type file struct {
	durable.File
	d *disk
}

func (f file) WriteAt(b []byte, off int64) (int, error) {
	if err := f.d.gone(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

func (f file) Truncate(n int64) error {
	if err := f.d.gone(); err != nil {
		return err
	}
	return f.File.Truncate(n)
}

// Sync keeps nothing but the order: what a power cut loses is shown elsewhere.
func (f file) Sync() error { return f.d.gone() }

// putBack replaces a directory by a copy of another.
func putBack(dir, from string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return copied(dir, from)
}

// copied copies a directory with the modes of what is in it: a store that others
// may read is an unsafe one.
func copied(dir, from string) error {
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		info, err := os.Lstat(filepath.Join(from, rel))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // whoever lives there has removed it since
		}
		if err != nil {
			return err
		}
		return os.Chmod(p, info.Mode().Perm())
	})
}
