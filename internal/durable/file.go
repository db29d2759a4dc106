package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TempSuffix ends the name of a file that [WriteFile] has not finished. Such a
// file holds nothing anybody was promised; its owner removes it at start.
const TempSuffix = ".tmp"

// WriteFile replaces the content of path as a whole. When it returns nil the
// new content is durable. A crash, or an error, leaves the old file (or none,
// where there was none) or the new one, whole, and perhaps a temporary file
// beside it, which the next WriteFile to that path overwrites.
func WriteFile(fsys FS, path string, data []byte, perm fs.FileMode) error {
	temp := path + TempSuffix
	if err := writeSynced(fsys, temp, data, perm); err != nil {
		_ = fsys.Remove(temp) // it is of no use; the error that matters is above
		return fmt.Errorf("write %s: %w", path, err)
	}
	// A crash here leaves the old file and a whole temporary one.
	if err := fsys.Rename(temp, path); err != nil {
		_ = fsys.Remove(temp)
		return fmt.Errorf("write %s: %w", path, err)
	}
	// A crash here leaves either; the name is not durable yet.
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func writeSynced(fsys FS, path string, data []byte, perm fs.FileMode) error {
	f, err := fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
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

// ShredTemp removes the files of a directory that [WriteFile] has not finished.
func ShredTemp(fsys FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), TempSuffix) {
			if err := Shred(fsys, filepath.Join(dir, e.Name())); err != nil {
				return err
			}
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
