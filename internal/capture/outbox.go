package capture

import (
	"context"
	"sync"
	"time"
)

// Limits of what waits for a slow handler. Beyond them paths stay unsettled and
// their changes are folded, distinct texts kept. All users together may take up half
// of it and each a quarter of that half, so that nobody fills it for the others.
const (
	maxWaiting      = 10_000
	maxWaitingBytes = 64 << 20
	maxBatch        = 1_000
	usersPart       = 2
	userPart        = 8
)

// item is one thing to hand over: a gap, an observation, or the word that the
// first scan is done.
type item struct {
	gap *Gap
	obs *Observation
	did func()
	uid uint32 // whose share an observation is of
}

// load is what waits, of all or of some.
type load struct{ items, bytes int }

func (l *load) add(i item, sign int) {
	if i.obs != nil {
		l.items += sign
		l.bytes += sign * len(i.obs.Content)
	}
}

// over reports whether that is as much as a part of the box.
func (l load) over(part int) bool {
	return l.items >= maxWaiting/part || l.bytes >= maxWaitingBytes/part
}

// outbox is the queue between the loop and the handler.
type outbox struct {
	mu     sync.Mutex
	change sync.Cond // something was put, taken or closed
	items  []item
	all    load
	users  load            // all but root's
	of     map[uint32]load // by user
	closed bool
	err    error
}

func newOutbox() *outbox {
	b := &outbox{of: map[uint32]load{}}
	b.change.L = &b.mu
	return b
}

func (b *outbox) put(i item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, i)
	b.weigh(i, 1)
	b.change.Broadcast()
}

// weigh adds up what waits. The caller holds mu.
func (b *outbox) weigh(i item, sign int) {
	b.all.add(i, sign)
	if i.uid == 0 {
		return
	}
	b.users.add(i, sign)
	own := b.of[i.uid]
	own.add(i, sign)
	if b.of[i.uid] = own; own == (load{}) {
		delete(b.of, i.uid)
	}
}

// overfull: the share of a user has no room in it. The caller holds mu.
func (b *outbox) overfull(uid uint32) bool {
	return b.err == nil && (b.all.over(1) || uid != 0 && (b.users.over(usersPart) || b.of[uid].over(userPart)))
}

func (b *outbox) full(uid uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overfull(uid)
}

// room waits until there is some for a user's share.
func (b *outbox) room(uid uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.overfull(uid) {
		b.change.Wait()
	}
}

func (b *outbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.change.Broadcast()
}

func (b *outbox) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *outbox) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	b.change.Broadcast()
}

// grace is how long after the end of Run's context the handler's ends.
const grace = 10 * time.Second

// deliver hands over until the box is closed and empty, or handle fails. The
// handler's context outlives ctx by a grace: what is pending at the end is
// handed over too.
func (b *outbox) deliver(ctx context.Context, handle func(context.Context, Batch) error) error {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	ctx = longer
	for {
		items := b.take()
		if len(items) == 0 {
			return nil
		}
		if err := handAll(ctx, items, handle); err != nil {
			b.fail(err)
			return err
		}
	}
}

// take returns what waits, waiting for it; nothing when closed.
func (b *outbox) take() []item {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.items) == 0 && !b.closed {
		b.change.Wait()
	}
	n := min(len(b.items), maxBatch)
	items := b.items[:n:n]
	b.items = b.items[n:]
	for _, i := range items {
		b.weigh(i, -1)
	}
	b.change.Broadcast()
	return items
}

func handAll(ctx context.Context, items []item, handle func(context.Context, Batch) error) error {
	var batch Batch
	flush := func() error {
		if batch.Gap == nil && len(batch.Observations) == 0 {
			return nil
		}
		full := batch
		batch = Batch{}
		return handle(ctx, full)
	}
	for _, i := range items {
		if i.obs != nil {
			batch.Observations = append(batch.Observations, *i.obs)
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		batch.Gap = i.gap
		if i.did != nil {
			i.did()
		}
	}
	return flush()
}
