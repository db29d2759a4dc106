package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
)

// Of a log that is far away every entry, proof, signature, chain, disclosure and
// text is examined as ever. The files in which a server keeps them are not: its
// index, its keyring, and whether each byte on its disk is as it was written.

// openFar opens the log of a server and asks for everything that opens its entries.
func (x *examination) openFar(ctx context.Context) error {
	far := *x.cfg.Far
	if x.cfg.OnlyNew {
		belief, _, err := far.Trust.Read()
		if err != nil {
			return fmt.Errorf("read what was believed: %w", err)
		}
		x.report.From = belief.Verified
	}
	log, answer, err := far.Open(ctx, wire.Question{Ask: wire.AskOpenings, From: x.report.From, To: math.MaxInt64})
	if err != nil {
		return err
	}
	x.log, x.report.Far = log, true
	x.report.Checkpoint, x.report.VKey = log.Checkpoint(), log.Key.VKey()
	x.report.From = min(x.report.From, log.Checkpoint().Size)
	x.bulk = &bulk{far: far, size: log.Checkpoint().Size, next: x.report.From, answer: answer}
	return nil
}

// farLeaves examines every entry. What the index must hold is nobody's concern.
func (x *examination) farLeaves(ctx context.Context) error {
	records := make(chan []index.Record, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for range records {
		}
	}()
	err := x.leaves(ctx, records)
	close(records)
	<-drained
	return errors.Join(err, x.bulk.close())
}

// bulk is everything that opens entries, read in their order from a server.
type bulk struct {
	far    believed.Far
	size   uint64
	next   uint64         // entries below it have been read
	answer *wire.Evidence // nil: it has come to its end
	ahead  *wire.Opening  // read already, of an entry at next or behind

	open map[uint64][]wire.Opening // of the entries that are being examined
}

// upTo reads the openings of the entries up to end. An answer may end early: what
// is left is asked for again, as long as that gets on.
func (b *bulk) upTo(ctx context.Context, end uint64) error {
	b.open = make(map[uint64][]wire.Opening)
	for b.next < end {
		before := b.next
		err := b.read(end)
		if err == nil {
			b.next = end
			return nil
		}
		if ctx.Err() != nil || b.next == before {
			return fmt.Errorf("read what opens the entries from %d on: %w", b.next, err)
		}
		delete(b.open, b.next) // some of it may be missing
		if err := b.again(ctx); err != nil {
			return err
		}
	}
	return nil
}

// read reads until an opening of an entry at end or behind it has come.
func (b *bulk) read(end uint64) error {
	for {
		if b.ahead != nil {
			if b.ahead.Index >= end {
				return nil
			}
			b.next = b.ahead.Index
			b.open[b.next] = append(b.open[b.next], *b.ahead)
			b.ahead = nil
		}
		if b.answer == nil {
			return nil
		}
		p, _, err := b.answer.Next()
		switch {
		case errors.Is(err, io.EOF):
			if err := b.close(); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		case p.Opening == nil || p.Opening.Index < b.next:
			return errors.New("the server answers something else than it was asked")
		}
		b.ahead = p.Opening
	}
}

// again asks for what is left.
func (b *bulk) again(ctx context.Context) (err error) {
	b.ahead = nil
	if err := b.close(); err != nil {
		return err
	}
	b.answer, err = b.far.Read(ctx, wire.Question{Ask: wire.AskOpenings, Under: b.size, From: b.next, To: b.size})
	return err
}

func (b *bulk) close() error {
	if b.answer == nil {
		return nil
	}
	err := b.answer.Close()
	b.answer = nil
	return err
}

// of are the disclosures of an entry.
func (b *bulk) of(i uint64, e *entry.Entry) ([]seal.Disclosure, error) {
	var ds []seal.Disclosure
	for _, o := range b.open[i] {
		if o.State == wire.Opens {
			ds = append(ds, seal.Disclosure{Source: e.Source, Seq: e.Seq, Line: o.Line, Salt: o.Salt, Body: o.Body})
		}
	}
	return ds, nil
}
