package durable

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempSuffix ends the name of a file that [WriteFile] has not finished. Such a
// file holds nothing anybody was promised.
const tempSuffix = ".tmp"

// IsTemp reports whether a file of that name was never finished.
func IsTemp(name string) bool { return strings.HasSuffix(name, tempSuffix) }

// TempOf is the name of the file that a temporary one was to become.
func TempOf(name string) string {
	name = strings.TrimSuffix(name, tempSuffix)
	if at := len(name) - len(".0123456789abcdef"); at > 0 && name[at] == '.' {
		return name[:at]
	}
	return name // as earlier versions called it
}

// WriteFile replaces the content of path as a whole. When it returns nil the
// new content is durable. An error leaves the old file (or none, where there was
// none) or the new one, whole. So does a crash, and perhaps a temporary file
// beside it, under a name of its own, which [Sweep] removes.
func WriteFile(fsys FS, path string, data []byte, perm fs.FileMode) error {
	if err := replace(fsys, path, data, perm); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(fsys FS, path string, data []byte, perm fs.FileMode) error {
	f, temp, err := createTemp(fsys, path, perm)
	if err != nil {
		return err
	}
	err = errors.Join(fill(f, data), f.Close())
	// A crash here leaves the old file and a whole temporary one.
	if err == nil {
		err = fsys.Rename(temp, path)
	}
	if err != nil {
		_ = fsys.Remove(temp) // it is of no use; the error that matters is above
		return err
	}
	// A crash here leaves either; the name is not durable yet.
	return fsys.SyncDir(filepath.Dir(path))
}

// createTemp makes a file that nobody else has: two processes that write to one
// path at once never share one.
func createTemp(fsys FS, path string, perm fs.FileMode) (f File, name string, err error) {
	for range 16 {
		var b [8]byte
		rand.Read(b[:])
		name = path + "." + hex.EncodeToString(b[:]) + tempSuffix
		if f, err = fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		_ = fsys.Remove(name) // it may have been made all the same
	}
	return f, name, err
}

func fill(f File, data []byte) error {
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	return f.Sync()
}

// ReadFile returns the content of a file.
func ReadFile(fsys FS, path string) ([]byte, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	data, err := ReadFrom(f, 0)
	return data, errors.Join(err, f.Close())
}

// ReadFrom returns the bytes of a file from an offset to its present end.
func ReadFrom(f File, off int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() <= off {
		return nil, nil
	}
	data := make([]byte, info.Size()-off)
	n, err := f.ReadAt(data, off)
	if errors.Is(err, io.EOF) {
		err = nil // it became shorter meanwhile
	}
	return data[:n], err
}

// ReadUpTo returns n bytes of a file from an offset, or fewer at its end.
func ReadUpTo(f File, off int64, n int) ([]byte, error) {
	b := make([]byte, n)
	got, err := f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:got], err
}

// Sweep removes what crashes have left of files that [WriteFile] did not finish,
// and leaves nothing of what was in them. The directory must be the caller's
// alone: no other process may be writing there.
func Sweep(fsys FS, dir string) error {
	return SweepOf(fsys, dir, func(string) bool { return true })
}

// SweepOf is Sweep for the files of a directory that are the caller's alone: own says
// so of the name that one was to get.
func SweepOf(fsys FS, dir string, own func(name string) bool) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !IsTemp(e.Name()) || !own(TempOf(e.Name())) || !e.Type().IsRegular() { // of anything else there is nothing ours
			continue
		}
		if err := Shred(fsys, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Shred overwrites a file with zeros, makes that durable and removes the file.
// A crash leaves the file, its bytes perhaps zeros, or no file: Shred again.
func Shred(fsys FS, path string) error {
	err := shred(fsys, path)
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("shred %s: %w", path, err)
	}
	return nil
}

func shred(fsys FS, path string) error {
	f, err := fsys.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(zero(f), f.Close()); err != nil {
		return err
	}
	return fsys.Remove(path)
}

func zero(f File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, min(info.Size(), 1<<16))
	for off := int64(0); off < info.Size(); off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), info.Size()-off)], off); err != nil {
			return err
		}
	}
	return f.Sync()
}
