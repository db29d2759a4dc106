package intake

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// batch is what passes through the stages behind admit: new entries only.
type batch struct {
	first    uint64 // index of the first entry
	items    []*item
	placed   []vault.Placed
	requests []*request // answered once the batch is in the log
	changes  int        // of all items
	turn     bool       // it has the turn
}

func (b *batch) add(it *item) {
	b.items, b.changes = append(b.items, it), b.changes+len(it.sub.What)
}

// full reports whether a batch gains nothing from being larger.
func (b *batch) full() bool { return len(b.items) >= maxBatch || b.changes >= maxChanges }

// join takes in a batch that follows b.
func (b *batch) join(next *batch) {
	b.items, b.placed = append(b.items, next.items...), append(b.placed, next.placed...)
	b.requests, b.changes = append(b.requests, next.requests...), b.changes+next.changes
	b.turn = b.turn || next.turn
}

// large reports whether a batch is worth a trip of its own.
func (b *batch) large() bool { return len(b.items) >= maxBatch/4 || b.changes >= maxChanges/2 }

// gather joins to b whatever waits behind it: a stage costs little more for
// many entries than for one, most of it in fsyncs.
func (b *batch) gather(from <-chan *batch) {
	for !b.full() {
		select {
		case next, ok := <-from:
			if !ok {
				return
			}
			b.join(next)
		default:
			return
		}
	}
}

// admission is what the admit stage knows of the log so far.
type admission struct {
	next  uint64
	heads map[entry.Source]uint64 // highest seq + 1; written under mu, for others to read
	tips  map[entry.Source]tip
}

type seqOf struct {
	source entry.Source
	seq    uint64
}

func newAdmission(cfg Config) admission {
	return admission{cfg.Next, cfg.Heads, make(map[entry.Source]tip)}
}

// admit gives entries their indexes, in the order they came.
func (in *Intake) admit(out chan<- *batch) {
	defer close(out)
	for r := range in.queue {
		b := &batch{first: in.admission.next}
		in.admitRequest(b, r)
		out <- b
	}
}

func (in *Intake) admitRequest(b *batch, r *request) {
	b.requests = append(b.requests, r)
	for i := range r.items {
		it := &r.items[i]
		answer, fresh, err := in.judge(it)
		if err != nil {
			in.fail(err)
			return
		}
		r.answers[i] = answer
		if fresh {
			b.add(it)
		}
	}
}

// judge decides whether an entry is refused, known already, or new.
func (in *Intake) judge(it *item) (a wire.Answer, fresh bool, err error) {
	if it.refused != nil {
		return wire.Answer{Refused: it.refused}, false, nil
	}
	ad := &in.admission
	e := it.entry
	past := &past{in: in, source: e.Source}
	standing, odd := in.stands(it, past)
	switch {
	case past.err != nil: // nothing was said about it that can be relied upon
		return a, false, past.err
	case standing == verify.Duplicate:
		at, _ := past.at(e.Seq, it.id)
		return wire.Answer{Index: at, Duplicate: true}, false, past.err
	}
	in.mu.Lock()
	err = in.sources.Admit(ad.next, e, func(k *entry.PublicKey) error {
		if k == it.tried {
			return it.signed
		}
		return e.VerifyBy(in.cfg.Signature, k)
	})
	if err == nil {
		at := seqOf{e.Source, e.Seq}
		in.flight[at] = append(in.flight[at], index.Ref{Index: ad.next, ID: it.id})
	}
	in.mu.Unlock()
	if err != nil {
		return wire.Answer{Refused: err}, false, nil
	}
	in.tell(it, standing, odd)
	a = wire.Answer{Index: ad.next}
	in.mu.Lock()
	ad.heads[e.Source] = max(ad.heads[e.Source], e.Seq+1)
	in.mu.Unlock()
	ad.next++
	return a, true, nil
}

// wait lets a small batch go only when the one before it is in the log, and
// until then has it grow, as Nagle's algorithm does with small packets: a trip
// through vault and log takes fsyncs and new files, however few entries make it.
// Large batches go at once, so that vault and log work at the same time.
func (in *Intake) wait(from <-chan *batch, to chan<- *batch) {
	defer close(to)
	for b := range from {
		b.gather(from)
		for more := from; !b.turn && !b.large(); {
			select {
			case in.turn <- struct{}{}:
				b.turn = true
			case next, ok := <-more:
				if ok {
					b.join(next)
				} else {
					more = nil
				}
			}
		}
		b.gather(from)
		to <- b
	}
}

// pass runs one stage over batch after batch, those that wait as one. Once the
// intake has failed nothing more is done, and whoever waits is told.
func (in *Intake) pass(from <-chan *batch, to chan<- *batch, stage func(*batch) error) {
	if to != nil {
		defer close(to)
	}
	for b := range from {
		b.gather(from)
		if in.Err() == nil {
			if err := stage(b); err != nil {
				in.fail(err)
			}
		}
		if err := in.Err(); err != nil {
			in.answer(b, fmt.Errorf("%w: %w", ErrStopped, err))
		}
		if to != nil {
			to <- b
		}
	}
}

// answer tells the senders, once, and gives the turn to the next batch.
func (in *Intake) answer(b *batch, err error) {
	for _, r := range b.requests {
		r.done <- err
	}
	b.requests = nil
	if b.turn {
		b.turn = false
		<-in.turn
	}
}

// keep puts the disclosures into the vault. A crash after it leaves disclosures no
// entry needs; the sender sends again, and they are put again.
func (in *Intake) keep(b *batch) error {
	if len(b.items) == 0 {
		return nil
	}
	puts := make([]vault.Disclosures, len(b.items))
	for i, it := range b.items {
		var err error
		if puts[i], err = in.disclosures(it); err != nil {
			return err
		}
	}
	placed, err := in.cfg.Vault.Put(puts)
	if errors.Is(err, vault.ErrRefused) { // it has an index by now: to go on without it would leave a hole
		return fmt.Errorf("an entry was admitted that the vault cannot keep: %w", err)
	}
	if err != nil {
		return fmt.Errorf("keep disclosures: %w", err)
	}
	b.placed = placed
	in.remember(b)
	return nil
}

// append puts the entries into the log and answers accepted. A crash after it
// loses only the answer; the sender sends again and is told the same index.
func (in *Intake) append(b *batch) error {
	if len(b.items) > 0 {
		notes := make([][]byte, len(b.items))
		for i, it := range b.items {
			notes[i] = it.sub.Note
		}
		first, err := in.cfg.Log.Append(in.ctx, notes)
		if err != nil {
			return fmt.Errorf("append %d entries at %d: %w", len(notes), b.first, err)
		}
		if first != b.first {
			return fmt.Errorf("append entries: the log put them at %d, not at %d: another process writes to it", first, b.first)
		}
	}
	in.answer(b, nil)
	return nil
}

// landed forgets what the index knows now. A fork in a later batch is still on
// its way.
func (in *Intake) landed(b *batch) {
	end := b.first + uint64(len(b.items))
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, it := range b.items {
		at := seqOf{it.entry.Source, it.entry.Seq}
		refs := slices.DeleteFunc(in.flight[at], func(r index.Ref) bool { return r.Index < end })
		if in.flight[at] = refs; len(refs) == 0 {
			delete(in.flight, at)
		}
	}
}

// note tells the index. It is derived: after a crash it catches up.
func (in *Intake) note(b *batch) error {
	if len(b.items) == 0 {
		return nil
	}
	records := make([]index.Record, len(b.items))
	for i, it := range b.items {
		it.opened.Loc, it.opened.Texts = uint64(b.placed[i].Loc), texts(it.sub, b.placed[i].Texts)
		records[i] = index.From(b.first+uint64(i), it.entry, it.opened)
	}
	if err := in.cfg.Index.Add(in.ctx, records); err != nil {
		return fmt.Errorf("index entries from %d: %w", b.first, err)
	}
	in.landed(b)
	return nil
}
