package tlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/transparency-dev/tessera"

	"github.com/stele-log/stele/entry"
)

// request is one Append on its way through the writer.
type request struct {
	entries []*tessera.Entry
	first   uint64
	err     error
	done    chan struct{}
}

// Append adds entries at consecutive indexes from first, in order, and returns
// when they are integrated and durable. Calls that run at the same time are
// appended one after the other, in any order. The entries must not be altered
// before it returns.
//
// The context bounds the wait for room only: if it ends there, nothing was
// appended and the error is the context's. From then on Append stays until the
// outcome is known. After any other error but those for a closed log and for an
// entry that is too large it is unknown, and the log is of no more use.
func (l *Log) Append(ctx context.Context, entries [][]byte) (first uint64, err error) {
	for i, e := range entries {
		if len(e) > entry.MaxSize {
			return 0, fmt.Errorf("append entry %d of %d: %d bytes are more than %d", i, len(entries), len(e), entry.MaxSize)
		}
	}
	if len(entries) == 0 {
		return l.Size(), l.err()
	}
	weight := int64(min(len(entries), l.cfg.MaxInFlight)) // a larger call has the log to itself
	if err := l.room.Acquire(ctx, weight); err != nil {
		return 0, fmt.Errorf("wait for room in the log: %w", err)
	}
	defer l.room.Release(weight)
	r := &request{entries: hashed(entries), done: make(chan struct{})}
	if err := l.send(r); err != nil {
		return 0, err
	}
	<-r.done
	return r.first, r.err
}

// hashed makes Tessera's entries of ours. That hashes them, which the callers
// do side by side and not the one writer.
func hashed(entries [][]byte) []*tessera.Entry {
	made := make([]*tessera.Entry, len(entries))
	for i, e := range entries {
		made[i] = tessera.NewEntry(e)
	}
	return made
}

// send hands a request to the writer, which takes it unless the log is closed.
func (l *Log) send(r *request) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return errClosed
	}
	l.queue <- r
	return nil
}

// write is the only goroutine that adds to Tessera. It keeps one batch of
// Tessera's in the making: were there two, a batch that Tessera's timer lets go
// could be overtaken by one that is full.
func (l *Log) write(ctx context.Context) {
	defer close(l.done)
	for r := range l.queue {
		requests := l.gather(r)
		err := l.append(ctx, requests)
		for _, r := range requests {
			r.err = err
			close(r.done)
		}
	}
}

// gather takes the requests that have come in meanwhile, up to a batch.
func (l *Log) gather(r *request) []*request {
	requests, n := []*request{r}, len(r.entries)
	for n < batchSize {
		select {
		case r, ok := <-l.queue:
			if !ok {
				return requests
			}
			requests, n = append(requests, r), n+len(r.entries)
		default:
			return requests
		}
	}
	return requests
}

func (l *Log) append(ctx context.Context, requests []*request) error {
	if err := l.err(); err != nil {
		return err
	}
	var entries []*tessera.Entry
	next := l.Size()
	for _, r := range requests {
		r.first = next
		next += uint64(len(r.entries))
		entries = append(entries, r.entries...)
	}
	for len(entries) > 0 {
		n := l.share(len(entries))
		if err := l.appendBatch(ctx, entries[:n]); err != nil {
			l.fail(fmt.Errorf("append to log: %w", err))
			return l.err()
		}
		entries = entries[n:]
	}
	return nil
}

// share is how many of n entries make the next batch. Many are cut where bundles
// end: what reaches over that end is written once as a part, in a directory of
// its own, and once more in the full bundle.
func (l *Log) share(n int) int {
	if n <= batchSize {
		return n
	}
	return batchSize - int(l.Size()%batchSize)
}

// appendBatch waits for every future, failed or not: after it returns Tessera
// has nothing of ours in hand. A crash in here leaves entries behind the tree
// that recover clears away, or a longer tree nobody was told of.
func (l *Log) appendBatch(ctx context.Context, batch []*tessera.Entry) error {
	futures := make([]tessera.IndexFuture, len(batch))
	for i, e := range batch {
		futures[i] = l.add(ctx, e)
	}
	var errs []error
	next := l.Size()
	for i, future := range futures {
		index, err := future()
		switch {
		case err != nil:
			errs = append(errs, err)
		case index.Index != next+uint64(i):
			errs = append(errs, fmt.Errorf("entry %d was put at %d", next+uint64(i), index.Index))
		}
	}
	if len(errs) > 0 {
		return errs[0] // the others say the same
	}
	if err := errors.Join(l.err(), ctx.Err()); err != nil {
		return err
	}
	l.size.Store(next + uint64(len(batch)))
	return nil
}
