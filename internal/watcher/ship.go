package watcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// How much is shipped at once.
const (
	shipMost  = 256
	shipBytes = 8 << 20
	handBytes = 128 << 10 // of checkpoints, with a beat
)

// beatEvery is how often a watcher says that it lives and asks how the log has
// grown: three missed beats and the roll call names it.
const beatEvery = 20 * time.Second

// ship hands in what is spooled, verifies the receipts, and lets the spool
// forget. It tries for ever; only an unusable spool ends it.
func (w *Watcher) ship(ctx context.Context) error {
	pause := w.cfg.Pace.RetryFirst
	var t trouble
	for {
		items, err := w.cfg.Spool.Pending(shipMost, shipBytes)
		if err != nil {
			return err
		}
		if len(items) == 0 {
			select {
			case <-w.wake:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		err = w.shipBatch(ctx, items, &t)
		if err == nil {
			pause = w.cfg.Pace.RetryFirst
			w.noTrouble(&t)
			w.over(finding.NoReceipt, finding.NoAnswer, finding.Refused, finding.MissingInclusion)
			continue
		}
		var broken *spool.Broken
		if errors.As(err, &broken) {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if t.since.IsZero() {
			t.since = w.clock.Now()
		}
		w.cfg.Diag.Warn("entries not acknowledged", "entries", len(items), "error", err)
		w.failed(err, &t)
		select {
		case <-w.retry:
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, w.cfg.Pace.RetryMost)
	}
}

func (w *Watcher) shipBatch(ctx context.Context, items []spool.Item, t *trouble) error {
	if err := w.meet(ctx); err != nil {
		return err
	}
	subs := make([]wire.Submission, len(items))
	notes := make([][]byte, len(items))
	for i := range items {
		subs[i], notes[i] = items[i].Submission, items[i].Submission.Note
	}
	answers, err := w.cfg.Server.Submit(ctx, subs)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	if len(answers) != len(items) {
		return fmt.Errorf("%d answers to %d entries", len(answers), len(items))
	}
	indexes := make([]uint64, len(items))
	for i, a := range answers {
		if a.Refused != nil {
			return &refusedError{items[i].Seq, a.Refused}
		}
		indexes[i] = a.Index
	}
	if t.accepted.IsZero() {
		t.accepted = w.clock.Now()
	}
	cp, err := w.prove(ctx, indexes, notes, func(believed uint64) (*wire.Receipt, error) {
		return w.cfg.Server.Receipt(ctx, believed, indexes)
	})
	if err != nil {
		return err
	}
	return w.acknowledge(cp, items, indexes)
}

// meet finds out, before anything is sent by a watcher that was started while
// the server could not be reached, whether the log is ahead of the spool.
func (w *Watcher) meet(ctx context.Context) error {
	if w.met {
		return nil
	}
	theirs, err := w.head(ctx)
	if err != nil {
		return err
	}
	if err := w.behind(theirs); err != nil {
		return err
	}
	w.mu.Lock()
	ahead := theirs.Next > w.chain.Head().Next
	w.mu.Unlock()
	if ahead {
		if err := w.learn(ctx); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if theirs.Next > w.chain.Head().Next {
		if err := w.adopt(theirs); err != nil {
			return err
		}
	}
	w.met = true
	return nil
}

// head asks where the log sees our own chain. Whoever says that it is at a place
// shows the entry there, which nobody else could have signed: to go on from an
// invented one would make this source look as if it had forked or dropped some.
func (w *Watcher) head(ctx context.Context) (record.Head, error) {
	h, note, err := w.cfg.Server.Head(ctx, w.Source())
	if err != nil {
		return h, fmt.Errorf("ask for our own head: %w", err)
	}
	if h.Next == 0 {
		return h, w.enrolledBy(h)
	}
	if err := h.EndsWith(note, w.cfg.Key.Public()); err != nil {
		return h, fmt.Errorf("%w: %w", errBadAnswer, err)
	}
	if e, err := entry.Parse(note); err == nil {
		at := e.At()
		w.signed.Store(&at)
	}
	return h, nil
}

// alive is when the watcher before this one was last known to run: by the spool as
// it was found, or by the newest of its entries that the log has shown, which may be
// all that is left. It is never later than it was.
func (w *Watcher) alive() time.Time {
	if at := w.signed.Load(); at != nil && at.After(w.found) && at.Before(w.cfg.Now()) {
		return *at
	}
	return w.found
}

// enrolledBy holds what the server says before our first entry against the
// enrolment that was proved when this host joined, where the spool still has it.
func (w *Watcher) enrolledBy(h record.Head) error {
	ours, ok := w.cfg.Spool.Head()
	if ok && ours.Next == 0 && ours.Prev != h.Prev {
		return fmt.Errorf("%w: we were enrolled by another entry", errBadAnswer)
	}
	return nil
}

// learn asks for the newest checkpoint: what this source signed before its disk
// was put back may have seen more than the spool remembers, and what it signs
// next must not have seen less.
func (w *Watcher) learn(ctx context.Context) error {
	cp, err := w.prove(ctx, nil, nil, func(believed uint64) (*wire.Receipt, error) {
		return w.cfg.Server.Receipt(ctx, believed, nil)
	})
	if err != nil {
		return err
	}
	return w.believe(cp)
}

// behind checks that the log has not lost what it had proved to this source.
func (w *Watcher) behind(theirs record.Head) error {
	proved := w.cfg.Spool.Acknowledged()
	if theirs.Next >= proved {
		return nil
	}
	return &verify.Finding{
		Code: verify.Shrunk, Accused: verify.TheLog, Source: w.Source(),
		Detail: fmt.Sprintf("the log has %d entries of this source, and %d were acknowledged", theirs.Next, proved),
	}
}

// adopt goes on from the log's head: this host was rolled back, or its spool was
// lost. What the spool knew of paths is as old as the spool. The caller holds mu.
func (w *Watcher) adopt(theirs record.Head) error {
	w.chain.MoveTo(theirs)
	w.stale = true
	return w.gapLocked("the spool is behind the log: the host was rolled back or the spool was lost", w.alive())
}

// prove asks for a receipt and verifies it: nothing the server says is taken on
// trust. What it proves is believed from then on. One proof is asked for at a
// time, so that each continues the one before.
//
// P1: until this returns for an entry the spool keeps it. P6: a server that shows
// another log than before is found out here, by each of its hosts.
func (w *Watcher) prove(ctx context.Context, indexes []uint64, notes [][]byte, ask func(believed uint64) (*wire.Receipt, error)) (verify.Checkpoint, error) {
	select {
	case w.proof <- struct{}{}:
		defer func() { <-w.proof }()
	case <-ctx.Done():
		return verify.Checkpoint{}, fmt.Errorf("wait for another proof: %w", ctx.Err())
	}
	before := w.Believed()
	r, err := ask(before.Size)
	if err != nil {
		return verify.Checkpoint{}, fmt.Errorf("receipt: %w", err)
	}
	cp, err := w.check(r, before, indexes, notes)
	if err != nil {
		return cp, err
	}
	w.setBelieved(cp)
	return cp, nil
}

// believe keeps a checkpoint that was proved. Only then may an entry say that it
// saw it: after a crash the next one must not have seen less.
func (w *Watcher) believe(cp verify.Checkpoint) error {
	if err := w.cfg.Spool.Believe(cp, w.cfg.Now()); err != nil {
		return err
	}
	w.saw(cp)
	return nil
}

func (w *Watcher) saw(cp verify.Checkpoint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.see(cp)
}

func (w *Watcher) acknowledge(cp verify.Checkpoint, items []spool.Item, indexes []uint64) error {
	if err := w.cfg.Spool.Forget(items[len(items)-1].Seq, cp, w.cfg.Now()); err != nil {
		return err
	}
	w.saw(cp)
	w.waitMu.Lock()
	defer w.waitMu.Unlock()
	for i := range items {
		if done, ok := w.waiting[items[i].Seq]; ok {
			done <- acknowledged{index: indexes[i]}
			delete(w.waiting, items[i].Seq)
		}
	}
	return nil
}

// beat says that this watcher lives, and verifies how the log has grown, until
// the context ends.
func (w *Watcher) beat(ctx context.Context) error {
	tick := time.NewTicker(w.cfg.BeatEvery)
	defer tick.Stop()
	var t trouble
	for {
		w.sees()
		err := w.beatOnce(ctx)
		var broken *spool.Broken
		switch {
		case errors.As(err, &broken):
			return err
		case ctx.Err() != nil:
			return nil
		case err == nil:
			w.noTrouble(&t)
			w.over(finding.NoAnswer)
			w.again()
		default:
			if t.since.IsZero() {
				t.since = w.clock.Now()
			}
			w.cfg.Diag.Debug("beat not answered", "error", err)
			w.failed(err, &t)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// again has shipping not wait for its next try: the server answers.
func (w *Watcher) again() {
	select {
	case w.retry <- struct{}{}:
	default:
	}
}

func (w *Watcher) beatOnce(ctx context.Context) error {
	w.mu.Lock()
	next := w.chain.Head().Next
	w.mu.Unlock()
	before := w.Believed().Size
	var handed [][]byte
	cp, err := w.prove(ctx, nil, nil, func(believed uint64) (*wire.Receipt, error) {
		note, err := w.signBeat(next)
		if err != nil {
			return nil, err
		}
		handed = w.cfg.Spool.Kept().Unshipped(wire.MaxCheckpoints, handBytes)
		return w.cfg.Server.Beat(ctx, wire.Beat{Believed: believed, Note: note, Checkpoints: w.ofThisLog(handed)})
	})
	if err == nil {
		err = w.cfg.Spool.Handed(handed)
	}
	if err != nil || cp.Size == before {
		return err
	}
	return w.believe(cp)
}

// signBeat says that this watcher lives, what it has signed and what it believes.
// The spool is counted after the chain was looked at: what was acknowledged in
// between is in the log, and no beat claims more than is. The caller holds proof.
func (w *Watcher) signBeat(next uint64) ([]byte, error) {
	if err := w.cfg.Spool.Keep(w.believed, w.cfg.Now()); err != nil {
		return nil, err
	}
	b := entry.Beat{
		Origin: w.cfg.LogKey.Origin(), Next: next, Kept: min(uint64(w.cfg.Spool.Len()), next),
		Time: body.FormatTime(w.cfg.Now()), Saw: entry.Saw{Size: w.believed.Size, Root: w.believed.Root},
	}
	return b.Sign(w.cfg.Key)
}

// Believed is the newest checkpoint that was verified.
func (w *Watcher) Believed() verify.Checkpoint {
	w.believedMu.Lock()
	defer w.believedMu.Unlock()
	return w.believed
}

func (w *Watcher) setBelieved(cp verify.Checkpoint) {
	w.believedMu.Lock()
	defer w.believedMu.Unlock()
	w.believed = cp
}
