// Package hands does for somebody who may not wait what may take for ever.
package hands

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Limits of what files may make a loop wait for.
const (
	lookWithin = 2 * time.Second        // one operation on one path
	endWithin  = 200 * time.Millisecond // the same, once the capture ends
	mostStuck  = 32                     // operations of one loop that never came back
)

// ErrSlow is that of a path that answers too late, or has not yet answered an
// earlier question.
var ErrSlow = errors.New("no answer from its file system in time")

// Hands do for a loop what may take for ever: whoever provides a file system
// decides when it answers. An operation that takes too long is left alone, and
// until it comes back its path is not asked again; nor is, while many are out,
// any other of the loop.
type Hands struct {
	end <-chan struct{} // the capture ends

	mu    sync.Mutex
	stuck map[string]bool
}

// By does one operation on a path. What f returns is for the caller alone.
func By[T any](h *Hands, path string, f func() T) (T, error) {
	var none T
	if h.waits(path) {
		return none, &os.PathError{Op: "wait for", Path: path, Err: ErrSlow}
	}
	done := make(chan T, 1)
	go func() { done <- f() }()
	limit := time.NewTimer(lookWithin)
	defer limit.Stop()
	select {
	case v := <-done:
		return v, nil
	case <-limit.C:
	case <-h.end:
		select {
		case v := <-done:
			return v, nil
		case <-time.After(endWithin):
		}
	}
	h.leave(path)
	go func() { <-done; h.back(path) }()
	return none, &os.PathError{Op: "wait for", Path: path, Err: ErrSlow}
}

// waits reports whether path, or its directory, is still to answer.
func (h *Hands) waits(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.stuck) > 0 && (h.stuck[path] || h.stuck[filepath.Dir(path)] || len(h.stuck) >= mostStuck)
}

func (h *Hands) leave(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stuck[path] = true
}

func (h *Hands) back(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.stuck, path)
}

// New returns hands that wait less once ctx has ended.
func New(ctx context.Context) *Hands {
	return &Hands{end: ctx.Done(), stuck: map[string]bool{}}
}
