// Package reach opens what is watched so that nobody but root can lead a watcher
// that is root to another file than was meant.
//
// A path is opened by descriptor and without any effect on it; what is then looked
// at, read or marked is that descriptor's file. A symbolic link on the way is
// followed only if it is root's and lies where only root can put one. Behind
// anybody else's link, and of a file of others to which a user gave a second name,
// a process that has dropped to that user's ids opens what the user may read, and
// nothing else. Where that cannot be had either the path is refused, with a
// [RefusedError] that says why.
//
// It does not wait for less than the file system does: whoever calls it must be
// able to wait, or not wait for it.
package reach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Reach opens files. Its methods may be called from any goroutine.
type Reach struct {
	mu      sync.Mutex
	openers map[uint32]*opener // by user
}

// New returns a Reach without any helper yet.
func New() *Reach { return &Reach{openers: map[uint32]*opener{}} }

// RefusedError is that of a path that only a user's own rights could lead to, and
// they do not.
type RefusedError struct {
	Path string
	UID  uint32
	Why  string
}

func (e *RefusedError) Error() string {
	whose := fmt.Sprintf("of user %d", e.UID)
	if e.UID == 0 {
		whose = "that others can replace"
	}
	return fmt.Sprintf("%s: %s %s: not followed", e.Path, e.Why, whose)
}

// Unwrap makes it a matter of permission.
func (e *RefusedError) Unwrap() error { return fs.ErrPermission }

// File is one open path: the link itself, where it is one.
type File struct {
	Path string
	Stat unix.Stat_t // when it was opened
	fd   int         // good for anything but reading
	read int         // as its user opened it; -1: none
	user error       // it may be read only through read; else, this
}

// Open opens path itself, not what it links to.
func (r *Reach) Open(path string) (*File, error) { return r.open(path, false) }

// Foreign reports that a user led to the file, so that it is to be read with that
// user's rights alone.
func (f *File) Foreign() bool { return f.user != nil }

// OpenDir opens the directory that path is or links to.
func (r *Reach) OpenDir(path string) (*File, error) {
	f, err := r.open(path, true)
	if err == nil && f.Stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		f.Close()
		return nil, &os.PathError{Op: "open", Path: path, Err: unix.ENOTDIR}
	}
	return f, err
}

// Close closes it.
func (f *File) Close() {
	unix.Close(f.fd)
	if f.read >= 0 {
		unix.Close(f.read)
	}
}

// List lists a directory.
func (f *File) List() ([]os.DirEntry, error) {
	d, err := f.Reader()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}

// Fits reports whether no more than so many files are in a directory and below it, nor
// deeper. One that cannot be listed does.
func (r *Reach) Fits(dir string, most, deep int) bool {
	_, fits := r.count(dir, most, deep)
	return fits
}

func (r *Reach) count(dir string, left, deep int) (int, bool) {
	f, err := r.OpenDir(dir)
	if err != nil {
		return left, true
	}
	entries, _ := f.List()
	f.Close()
	left -= len(entries)
	fits := left >= 0 && deep > 0
	for _, e := range entries {
		if fits && e.IsDir() {
			left, fits = r.count(filepath.Join(dir, e.Name()), left, deep-1)
		}
	}
	return left, fits
}

// errNotRead is that of a file that has no text: opening one can have effects.
var errNotRead = errors.New("neither a file nor a directory")

func (f *File) readable() error {
	switch f.Stat.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		return nil
	}
	return &os.PathError{Op: "read", Path: f.Path, Err: errNotRead}
}

// Close ends the helpers.
func (r *Reach) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for uid, o := range r.openers {
		o.close()
		delete(r.openers, uid)
	}
}
