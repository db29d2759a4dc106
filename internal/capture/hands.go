package capture

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

// errSlow is that of a path that answers too late, or has not yet answered an
// earlier question.
var errSlow = errors.New("no answer from its file system in time")

// hands do for a loop what may take for ever: whoever provides a file system
// decides when it answers. An operation that takes too long is left alone, and
// until it comes back its path is not asked again; nor is, while many are out,
// any other of the loop.
type hands struct {
	end <-chan struct{} // the capture ends

	mu    sync.Mutex
	stuck map[string]bool
}

// by does one operation on a path. What f returns is for the caller alone.
func by[T any](h *hands, path string, f func() T) (T, error) {
	var none T
	if h.waits(path) {
		return none, &os.PathError{Op: "wait for", Path: path, Err: errSlow}
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
	return none, &os.PathError{Op: "wait for", Path: path, Err: errSlow}
}

// waits reports whether path, or its directory, is still to answer.
func (h *hands) waits(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.stuck) > 0 && (h.stuck[path] || h.stuck[filepath.Dir(path)] || len(h.stuck) >= mostStuck)
}

func (h *hands) leave(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stuck[path] = true
}

func (h *hands) back(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.stuck, path)
}

func newHands(ctx context.Context) *hands {
	return &hands{end: ctx.Done(), stuck: map[string]bool{}}
}

// allowances are the times for which contents too large to keep are read, by
// owner. Root's are read at once; anybody else may take a tenth of the time.
type allowances struct {
	mu sync.Mutex
	of map[uint32]*allowance
}

type allowance struct {
	left time.Duration
	at   time.Time // when left was that much
}

const (
	mostAllowed = time.Second // at once, of one file
	allowedPart = 10          // of all time: a tenth
)

// left is for how long a content of this owner may be read now.
func (a *allowances) left(uid uint32, now time.Time) time.Duration {
	if uid == 0 {
		return mostAllowed
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.of[uid]
	if o == nil {
		return mostAllowed
	}
	o.left, o.at = min(o.left+now.Sub(o.at)/allowedPart, mostAllowed), now
	if o.left == mostAllowed {
		delete(a.of, uid) // as if never used
		return mostAllowed
	}
	return max(o.left, 0)
}

// use notes that so much was read.
func (a *allowances) use(uid uint32, took time.Duration) {
	if uid == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.of[uid]
	if o == nil {
		o = &allowance{mostAllowed, time.Now()}
		a.of[uid] = o
	}
	o.left -= took
}

// bounded reads until a time.
type bounded struct {
	f     *os.File
	until time.Time
}

func (b *bounded) Read(p []byte) (int, error) {
	if time.Now().After(b.until) {
		return 0, errSlow
	}
	return b.f.Read(p)
}
