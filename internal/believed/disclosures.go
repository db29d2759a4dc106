package believed

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
)

// Disclosures is everything that opens entries, read in their order from a server.
type Disclosures struct {
	remote Remote
	size   uint64
	next   uint64           // entries below it have been read
	answer *wire.Evidence   // nil: it has come to its end
	ahead  *wire.Disclosure // read already, of an entry at next or behind

	open  map[uint64][]wire.Disclosure // of the entries that were read last
	bytes int                          // of open
}

// Disclosures reads what opens the entries of a log from one index on, as the answer
// to [wire.AskDisclosures] has it.
func (f Remote) Disclosures(l *Log, answer *wire.Evidence, from uint64) *Disclosures {
	return &Disclosures{remote: f, size: l.Checkpoint().Size, next: from, answer: answer}
}

// Bounds of what is held in memory at once, in bytes.
const (
	openAtOnce = 64 << 20 // of the entries that were read last, if they are several
	openOfOne  = 1 << 30  // of one entry
)

// UpTo reads the disclosures of the entries up to end, or of the first of them if
// those are much, and forgets those it read before. It returns how far it came. An
// answer may end early: what is left is asked for again, as long as that gets on.
func (o *Disclosures) UpTo(ctx context.Context, end uint64) (reached uint64, err error) {
	o.open, o.bytes = make(map[uint64][]wire.Disclosure), 0
	for o.next < end {
		before := o.next
		err := o.read(end)
		if err == nil {
			break
		}
		if ctx.Err() != nil || o.next == before {
			return 0, fmt.Errorf("read what opens the entries from %d on: %w", o.next, err)
		}
		delete(o.open, o.next) // some of it may be missing
		if err := o.again(ctx); err != nil {
			return 0, err
		}
	}
	return o.next, nil
}

// read reads until a disclosure of an entry at end or behind it has come, or of
// another entry where enough have.
func (o *Disclosures) read(end uint64) error {
	for {
		if o.ahead != nil {
			if enough := o.bytes > openAtOnce && o.ahead.Index > o.next; enough || o.ahead.Index >= end {
				o.next = min(o.ahead.Index, end)
				return nil
			}
			o.next = o.ahead.Index
			o.open[o.next] = append(o.open[o.next], *o.ahead)
			o.ahead = nil
		}
		if o.answer == nil {
			o.next = end
			return nil
		}
		p, size, err := o.answer.Next()
		if o.bytes += size; o.bytes > openOfOne {
			return fmt.Errorf("what opens entry %d is more than can be held", o.next)
		}
		switch {
		case errors.Is(err, io.EOF):
			if err := o.Close(); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		case p.Disclosure == nil || p.Disclosure.Index < o.next:
			return errors.New("the server answers something else than it was asked")
		}
		o.ahead = p.Disclosure
	}
}

// again asks for what is left.
func (o *Disclosures) again(ctx context.Context) (err error) {
	o.ahead = nil
	if err := o.Close(); err != nil {
		return err
	}
	o.answer, err = o.remote.Read(ctx, wire.Question{Ask: wire.AskDisclosures, Under: o.size, From: o.next, To: o.size})
	return err
}

// Close ends the reading.
func (o *Disclosures) Close() error {
	if o.answer == nil {
		return nil
	}
	err := o.answer.Close()
	o.answer = nil
	return err
}

// Of are the disclosures of an entry that was read last. They are not tried. It may
// be called from any goroutine while nothing is read.
func (o *Disclosures) Of(i uint64, e *entry.Entry) []seal.Disclosure {
	var ds []seal.Disclosure
	for _, w := range o.open[i] {
		if w.State == wire.Opens {
			ds = append(ds, seal.Disclosure{Source: e.Source, Seq: e.Seq, Line: w.Line, Salt: w.Salt, Body: w.Body})
		}
	}
	return ds
}
