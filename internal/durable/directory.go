package durable

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
)

// MkdirAll makes a directory and those above it. When it returns nil they are
// durable: each is made known to the disk before the next one is made in it, and
// so is the deepest one that was there, which a process that was killed here may
// have left.
func MkdirAll(fsys FS, dir string, perm fs.FileMode) error {
	parent := filepath.Dir(dir)
	switch info, err := fsys.Stat(dir); {
	case err == nil && !info.IsDir():
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case err == nil && parent == dir:
		return nil
	case err == nil:
		return ownOrKnown(fsys.SyncDir(parent))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := MkdirAll(fsys, parent, perm); err != nil {
		return err
	}
	if err := fsys.Mkdir(dir, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}

// ownOrKnown drops that a directory may not be read: who may not, has made
// nothing in it that could still be unknown to the disk.
func ownOrKnown(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
