//go:build unix

package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// Lock is an exclusive hold on a path, among processes and within this one. It
// ends with Release or with the process, however that ends.
type Lock struct{ f *os.File }

// ErrLocked says that somebody else holds a lock.
var ErrLocked = errors.New("locked")

// LockFile takes the lock on path, creating the file if needed. Where it is
// held already the error is [ErrLocked] and names the holder's process id.
func LockFile(path string) (*Lock, error) {
	f, err := OpenRegular(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w by process %s", path, ErrLocked, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := sign(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return &Lock{f}, nil
}

// patience is how long [WaitLock] waits, and patienceStep between two tries.
const (
	patience     = 30 * time.Second
	patienceStep = 2 * time.Millisecond
)

// WaitLock is LockFile for locks that are held for a moment only: it waits for
// whoever holds it.
func WaitLock(ctx context.Context, path string) (*Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		l, err := LockFile(path)
		if !errors.Is(err, ErrLocked) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, context.Cause(ctx))
		case <-time.After(patienceStep):
		}
	}
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// sign leaves our process id for the message of whoever comes second. It is
// only talk: the lock is the kernel's, and a stale id in the file is harmless.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(io.NewOffsetWriter(f, 0), "%d\n", os.Getpid())
	return err
}

func holder(f *os.File) string {
	b, _ := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if s := strings.TrimSpace(string(b)); s != "" {
		return s
	}
	return "unknown"
}

// Finish is Release for a holder that has come to its end in good order: it leaves
// the file empty, which nobody does who was killed.
func (l *Lock) Finish() error { return errors.Join(l.f.Truncate(0), l.Release()) }

// Release gives the lock up. The file stays: removing it would let two
// processes lock two files of one name.
func (l *Lock) Release() error { return l.f.Close() }
