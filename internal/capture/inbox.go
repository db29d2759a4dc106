package capture

import (
	"sync"

	"github.com/stele-log/stele/internal/capture/fanotify"
)

// maxInbox bounds the notifications that wait for the loop of one user's share.
// Root's may make the reader wait, and are kept by the kernel.
const maxInbox = 1 << 16

// inbox is what waits for a loop: notifications, and what other loops ask of it.
type inbox struct {
	bound int // 0: as much as comes
	wake  chan struct{}

	mu     sync.Mutex
	raws   []fanotify.Notice
	jobs   []func()
	missed uint64 // notifications there was no room for, since it was last asked
	count  uint64 // notifications put, in all
}

func newInbox(bound int) *inbox { return &inbox{bound: bound, wake: make(chan struct{}, 1)} }

func (b *inbox) put(r fanotify.Notice) {
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

func (b *inbox) post(job func()) {
	b.mu.Lock()
	b.jobs = append(b.jobs, job)
	b.mu.Unlock()
	b.ring()
}

func (b *inbox) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns all that waits, and how many notifications are missing after it.
func (b *inbox) take() (raws []fanotify.Notice, jobs []func(), missed uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	raws, jobs, missed = b.raws, b.jobs, b.missed
	b.raws, b.jobs, b.missed = nil, nil, 0
	return raws, jobs, missed
}

// waiting is how many notifications wait.
func (b *inbox) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.raws)
}

// came is how many notifications ever came.
func (b *inbox) came() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}
