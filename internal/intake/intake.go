// Package intake is the one way into the log. It takes signed entries with the
// disclosures of their seals, refuses exactly what verify calls bad, and answers
// accepted once the disclosures are durable in the vault and the entry is durable
// in the log.
//
// What is odd but not bad (a hole, a fork, a clock that runs ahead) is recorded
// as it came and told at once: it accuses its source, and a log must not lose
// evidence. What is odd is for package verify to say. The same entry again is
// answered with the index it already has.
//
// Batches pass through stages that run at the same time: check, admit, wait (so
// that small batches grow), keep (vault), append (log), note (index). After an error
// whose outcome is unknown, or an entry that was admitted and cannot be kept, the
// intake stops for good; its owner opens the store again, which recovers from
// what is on disk.
package intake

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// maxBatch is how many entries go through a stage at once, and maxChanges how
// many changes, give or take those of one request. They bound memory; larger
// ones gain nothing.
const (
	maxBatch   = 1024
	maxChanges = 8192
)

// waiting is how many batches may wait for a stage. They wait one by one, so
// that the stage takes all there are by the time it is free; whoever handed them
// in waits too, which is what bounds them.
const waiting = 64

// ErrStopped says that the intake has ended; why is in the same chain.
var ErrStopped = errors.New("intake has stopped")

// Log is the part of the log that intake needs.
type Log interface {
	// Append adds entries in order, at consecutive indexes from first, and
	// returns once they are durable. After an error the outcome is unknown.
	Append(ctx context.Context, entries [][]byte) (first uint64, err error)
}

// Vault is the part of the vault that intake needs.
type Vault interface {
	// Put is durable on return. [vault.ErrRefused] says that nothing was written
	// and never will be; after any other error the outcome is unknown.
	Put(batch []vault.Disclosures) ([]vault.Placed, error)
}

// Index is the part of the index that intake needs.
type Index interface {
	Add(ctx context.Context, records []index.Record) error
	// First finds the first entry of a source with that seq.
	First(ctx context.Context, src entry.Source, seq uint64) (r index.Ref, found bool, err error)
	// Among finds the entry of that name among those of a source with that seq.
	Among(ctx context.Context, src entry.Source, seq uint64, id entry.ID) (at uint64, found bool, err error)
	// LatestText is the text of the subject's latest change, 0 if none.
	LatestText(ctx context.Context, s index.Subject) (uint64, error)
}

// Config is what an intake works on. The index must have caught up with the log.
type Config struct {
	Log     Log
	Vault   Vault
	Index   Index
	Sources *verify.Sources         // enrolled so far; the intake owns it from now on
	Next    uint64                  // index of the next entry
	Heads   map[entry.Source]uint64 // highest seq + 1 of each source so far
	Diag    *slog.Logger            // nil: discard
	Now     func() time.Time        // nil: time.Now

	// Found is told what is odd about an entry that was taken in all the same. It
	// must not wait. Nil: nobody is told.
	Found func(f *verify.Finding, about entry.ID)

	// Root is the root of the log's tree at a size, if it has one by now and can
	// say so at little cost. Nil: what entries saw is not compared.
	Root func(ctx context.Context, size uint64) (entry.Hash, bool)

	Signature entry.SignatureFunc // in place of ed25519.Verify, with its verdicts; nil: that
}

// Intake accepts entries. All methods may be called from any goroutine.
type Intake struct {
	cfg    Config
	queue  chan *request
	turn   chan struct{} // held by the one small batch between admit and log
	stages sync.WaitGroup
	cancel context.CancelFunc
	ctx    context.Context // of the stages; an append must outlive the request that asked for it

	mu      sync.RWMutex // of what follows
	sources *verify.Sources
	stopped error
	closed  bool
	senders sync.WaitGroup // Submit calls that may still write to queue

	flight map[seqOf][]index.Ref // admitted, perhaps not in the index yet

	holes     holes
	admission admission // owned by the admit stage
	nearby    nearby    // owned by the keep stage
}

// request is one Submit on its way through the stages.
type request struct {
	items   []item
	answers []wire.Answer
	done    chan error
}

// New starts an intake. Stop ends it.
func New(cfg Config) *Intake {
	if cfg.Diag == nil {
		cfg.Diag = slog.New(slog.DiscardHandler)
	}
	if cfg.Signature == nil {
		cfg.Signature = ed25519.Verify
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Found == nil {
		cfg.Found = func(*verify.Finding, entry.ID) {}
	}
	if cfg.Root == nil {
		cfg.Root = func(context.Context, uint64) (entry.Hash, bool) { return entry.Hash{}, false }
	}
	ctx, cancel := context.WithCancel(context.Background())
	in := &Intake{
		cfg: cfg, queue: make(chan *request, 64), turn: make(chan struct{}, 1), ctx: ctx, cancel: cancel, sources: cfg.Sources,
		flight: make(map[seqOf][]index.Ref), admission: newAdmission(cfg),
	}
	admitted, ready, kept := make(chan *batch, waiting), make(chan *batch), make(chan *batch, waiting)
	appended := make(chan *batch, 4) // few: they are answered, and bounded by nothing else
	in.stages.Go(func() { in.admit(admitted) })
	in.stages.Go(func() { in.wait(admitted, ready) })
	in.stages.Go(func() { in.pass(ready, kept, in.keep) })
	in.stages.Go(func() { in.pass(kept, appended, in.append) })
	in.stages.Go(func() { in.pass(appended, nil, in.note) })
	return in
}

// Submit hands entries in and waits for the answers, in order. The context ends
// the waiting, not the work: what was handed in may still be accepted. An error
// says that nothing is known about the outcome; the sender keeps everything.
func (in *Intake) Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	var answers []wire.Answer
	for len(subs) > 0 {
		n := take(subs)
		a, err := in.submit(ctx, subs[:n])
		if err != nil {
			return nil, err
		}
		answers, subs = append(answers, a...), subs[n:]
	}
	return answers, nil
}

// take says how many submissions make one request.
func take(subs []wire.Submission) int {
	changes := 0
	for i := range subs {
		changes += len(subs[i].What)
		if i == maxBatch || i > 0 && changes > maxChanges {
			return i
		}
	}
	return len(subs)
}

func (in *Intake) submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	r := &request{items: in.check(subs), answers: make([]wire.Answer, len(subs)), done: make(chan error, 1)}
	if err := in.enter(); err != nil {
		return nil, err
	}
	select {
	case in.queue <- r:
		in.senders.Done()
	case <-ctx.Done():
		in.senders.Done()
		return nil, ctx.Err()
	}
	select {
	case err := <-r.done:
		return r.answers, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// enter counts a sender in, unless the intake has ended.
func (in *Intake) enter() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.stopped != nil {
		return fmt.Errorf("%w: %w", ErrStopped, in.stopped)
	}
	if in.closed {
		return ErrStopped
	}
	in.senders.Add(1)
	return nil
}

// Stop lets what was handed in run to its end and returns why the intake had
// stopped before, if it had.
func (in *Intake) Stop() error {
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return nil
	}
	in.closed = true
	in.mu.Unlock()
	in.senders.Wait()
	close(in.queue)
	in.stages.Wait()
	in.cancel()
	return in.Err()
}

// Err is why the intake stopped, nil while it runs.
func (in *Intake) Err() error {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return in.stopped
}

// fail stops the intake: what this error concerns, and all that comes after it,
// may or may not be on disk.
func (in *Intake) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.stopped == nil {
		in.stopped = err
		in.cfg.Diag.Error("intake stopped", "error", err)
	}
}

// Enrolled returns the enrolment of a source as it is now, nil if there is none.
func (in *Intake) Enrolled(src entry.Source) *verify.Enrolment {
	in.mu.RLock()
	defer in.mu.RUnlock()
	en := in.sources.Lookup(src)
	if en == nil {
		return nil
	}
	now := *en // the original changes when the source is revoked
	return &now
}
