//go:build !linux

package reach

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/helper"
)

// Task is the name of the task of [Serve].
const Task = "open"

// Serve has nothing to do: this system tells no watcher anything, and a scan that
// is not root's has no more rights than its user.
func Serve(*helper.Conn) {}

type opener struct{}

func (*opener) close() {}

func (r *Reach) open(path string, follow bool) (*File, error) {
	flags := unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	f := &File{Path: path, fd: -1, read: -1}
	stat := unix.Lstat
	if follow {
		stat = unix.Stat
	} else {
		flags |= unix.O_NOFOLLOW
	}
	if err := stat(path, &f.Stat); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if f.readable() != nil {
		return f, nil
	}
	fd, err := unix.Open(path, flags, 0)
	if err != nil {
		return f, nil // it is there, and cannot be read
	}
	f.read = fd
	return f, unix.Fstat(fd, &f.Stat)
}

// Keeper is 0: only on Linux is there a watcher for several users.
func Keeper(string) (uint32, error) { return 0, nil }

// OwnerOf is root: only on Linux is there a watcher for several users.
func OwnerOf(string) (uid uint32, isDir bool) { return 0, true }

// Proc is the path.
func (f *File) Proc() string { return f.Path }

// FD is none here.
func (f *File) FD() int { return f.read }

// Reader opens a file or directory for reading.
func (f *File) Reader() (*os.File, error) {
	if err := f.readable(); err != nil {
		return nil, err
	}
	fd := f.read
	if f.read = -1; fd < 0 {
		return nil, &os.PathError{Op: "open", Path: f.Path, Err: errors.ErrUnsupported}
	}
	return os.NewFile(uintptr(fd), f.Path), nil
}

// Again is what Stat is now.
func (f *File) Again() (st unix.Stat_t, err error) {
	err = unix.Lstat(f.Path, &st)
	return st, err
}

// Link is the target of a symbolic link.
func (f *File) Link() (string, error) { return os.Readlink(f.Path) }
