// Package inbox is what waits for a loop: notifications, and what other loops ask
// of it. It has a bound where a user could fill it, and says how much it refused.
package inbox

import (
	"sync"

	"github.com/stele-log/stele/internal/capture/fanotify"
)

// Most bounds the notifications that wait for the loop of one user's share.
// Root's may make the reader wait, and are kept by the kernel.
const Most = 1 << 16

// Inbox is what waits for one loop. Its methods may be called from any goroutine.
type Inbox struct {
	Wake chan struct{} // there is something to take

	bound int // 0: as much as comes

	mu     sync.Mutex
	raws   []fanotify.Notice
	jobs   []func()
	missed uint64 // notifications there was no room for, since it was last asked
	count  uint64 // notifications put, in all
}

// New returns an empty one; bound 0: as much as comes.
func New(bound int) *Inbox { return &Inbox{bound: bound, Wake: make(chan struct{}, 1)} }

// Bound sets another bound.
func (b *Inbox) Bound(most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bound = most
}

// Put adds a notification, where there is room.
func (b *Inbox) Put(r fanotify.Notice) {
	b.mu.Lock()
	if b.bound > 0 && len(b.raws) >= b.bound {
		b.missed++
	} else {
		b.raws = append(b.raws, r)
		b.count++
	}
	b.mu.Unlock()
	b.ring()
}

// Post adds something to be done.
func (b *Inbox) Post(job func()) {
	b.mu.Lock()
	b.jobs = append(b.jobs, job)
	b.mu.Unlock()
	b.ring()
}

func (b *Inbox) ring() {
	select {
	case b.Wake <- struct{}{}:
	default:
	}
}

// Take returns all that waits, and how many notifications are missing after it.
func (b *Inbox) Take() (raws []fanotify.Notice, jobs []func(), missed uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	raws, jobs, missed = b.raws, b.jobs, b.missed
	b.raws, b.jobs, b.missed = nil, nil, 0
	return raws, jobs, missed
}

// Waiting is how many notifications wait.
func (b *Inbox) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.raws)
}

// Came is how many notifications ever came.
func (b *Inbox) Came() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}
