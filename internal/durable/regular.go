//go:build unix

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// OddFile says that at a path lies something else than the file that belongs
// there: a link, a pipe, a device, or far too many bytes.
type OddFile struct{ Path, Why string }

// Error names the path and what is there.
func (e *OddFile) Error() string { return e.Path + " " + e.Why }

// Damaged makes an OddFile a [Damage] of the file that belongs there, and leaves
// other errors alone.
func Damaged(err error) error {
	var odd *OddFile
	if errors.As(err, &odd) {
		return &Damage{Path: odd.Path, Why: odd.Why}
	}
	return err
}

// Absent reports whether an error says that there is no such file or directory: none
// of that name, one below a file, or a link that leads to itself.
func Absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}

// OpenRegular opens a regular file as os.OpenFile does. It follows no link, opens
// no device and never waits for the other end of a pipe.
func OpenRegular(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if info, err := os.Lstat(name); err == nil {
		if err := Regular(name, info); err != nil {
			return nil, err
		}
	} else if errors.Is(err, syscall.ELOOP) { // above it
		return nil, err
	}
	f, err := os.OpenFile(name, flag|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, perm)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &OddFile{name, "is a link, not a file"}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // it may have been exchanged since
	if err == nil {
		err = Regular(name, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Regular says what lies at a path where it is no regular file: an [OddFile].
func Regular(name string, info fs.FileInfo) error {
	what := ""
	switch m := info.Mode(); {
	case m.IsRegular():
		return nil
	case m.IsDir():
		what = "directory"
	case m&fs.ModeSymlink != 0:
		what = "link"
	case m&fs.ModeNamedPipe != 0:
		what = "named pipe"
	case m&fs.ModeSocket != 0:
		what = "socket"
	default:
		what = "device"
	}
	return &OddFile{name, "is a " + what + ", not a file"}
}

// ReadSmall returns the content of a small file: at most limit bytes. Every small
// file is read through here, so that nothing put in its place makes the reader
// wait or eat memory; the error is then an [OddFile].
func ReadSmall(fsys FS, path string, limit int64) ([]byte, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	data, err := readSmall(f, path, limit)
	return data, errors.Join(err, f.Close())
}

// ReadLinked is ReadSmall for files outside our own directories, in whose place
// their owner may have put a link.
func ReadLinked(path string, limit int64) ([]byte, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	return ReadSmall(OS, real, limit)
}

func readSmall(f File, path string, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, &OddFile{path, fmt.Sprintf("has %d bytes, more than the %d that belong there", info.Size(), limit)}
	}
	return ReadFrom(f, 0)
}
