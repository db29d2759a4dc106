package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrPoisoned says that an earlier failure left a file in a state nobody knows.
// Open it again and read what is there.
var ErrPoisoned = errors.New("outcome of an earlier write is unknown")

// Appender adds to the end of a file. It is not safe for concurrent use.
type Appender struct {
	f       File
	path    string
	size    int64 // where the next byte goes
	synced  int64 // how much is durable
	failure error
}

// Create makes a file that holds head and nothing else, durable, and opens it
// for appending. A crash leaves no file or a whole head.
func Create(fsys FS, path string, head []byte, perm fs.FileMode) (*Appender, error) {
	if err := WriteFile(fsys, path, head, perm); err != nil {
		return nil, err
	}
	return OpenAppend(fsys, path)
}

// OpenAppend opens a file to go on at its end.
func OpenAppend(fsys FS, path string) (*Appender, error) {
	f, err := fsys.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), f.Close())
	}
	return &Appender{f: f, path: path, size: info.Size(), synced: info.Size()}, nil
}

// Path is the path the file was opened with.
func (a *Appender) Path() string { return a.path }

// Size is the offset at which the next byte goes.
func (a *Appender) Size() int64 { return a.size }

// ReadAt reads what was written, durable or not.
func (a *Appender) ReadAt(b []byte, off int64) (int, error) { return a.f.ReadAt(b, off) }

// Write appends b. It is not durable before Sync. After an error, for example
// of a full disk, [Appender.Rollback] takes back what is not durable.
func (a *Appender) Write(b []byte) (int, error) {
	if a.failure != nil {
		return 0, a.poisoned()
	}
	n, err := a.f.WriteAt(b, a.size)
	a.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("append to %s: %w", a.path, err)
	}
	return n, nil
}

// Sync makes all that was appended durable. After an error the file is
// poisoned: the kernel may have dropped what it could not write and call a
// second attempt a success.
func (a *Appender) Sync() error {
	if a.failure != nil {
		return a.poisoned()
	}
	if err := a.f.Sync(); err != nil {
		a.failure = err
		return fmt.Errorf("sync %s: %w", a.path, err)
	}
	a.synced = a.size
	return nil
}

// Rollback cuts off what was appended since the last Sync. A crash after it may
// bring part of that back, as a torn tail.
func (a *Appender) Rollback() error {
	if a.failure != nil {
		return a.poisoned()
	}
	if err := a.f.Truncate(a.synced); err != nil {
		a.failure = err
		return fmt.Errorf("roll back %s: %w", a.path, err)
	}
	a.size = a.synced
	return nil
}

// Close closes the file. What was not synced may be lost.
func (a *Appender) Close() error { return a.f.Close() }

func (a *Appender) poisoned() error {
	return fmt.Errorf("%s: %w: %w", a.path, ErrPoisoned, a.failure)
}
