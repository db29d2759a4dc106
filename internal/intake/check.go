package intake

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// P8: what is refused is refused by name and place, and nothing else suffers: one
// hostile source stops the intake of no other.

// item is one submission and what could be said of it without knowing which
// entries come before it.
type item struct {
	sub     *wire.Submission
	entry   *entry.Entry
	id      entry.ID
	refused error
	tried   *entry.PublicKey // the key the signature was tried with
	signed  error            // and what came of it
	opened  index.Opened     // bodies as far as they are well formed

	malformed []entry.Line
	root      verify.Root // of the tree it saw
}

// check examines submissions side by side: nearly all the work of intake is
// here and needs no order.
func (in *Intake) check(subs []wire.Submission) []item {
	items := make([]item, len(subs))
	workers := min(runtime.GOMAXPROCS(0), len(subs))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(subs); i += workers {
				items[i] = in.examine(&subs[i])
			}
		})
	}
	wg.Wait()
	return items
}

func (in *Intake) examine(s *wire.Submission) item {
	it := item{sub: s}
	if it.entry, it.refused = entry.Parse(s.Note); it.refused != nil {
		return it
	}
	it.id = it.entry.ID()
	if en := in.Enrolled(it.entry.Source); en != nil {
		it.tried, it.signed = en.Key, it.entry.VerifyBy(in.cfg.Signature, en.Key)
	}
	if size := it.entry.Saw.Size; size > 0 && it.tried != nil && it.signed == nil {
		it.root.Hash, it.root.Known = in.cfg.Root(in.ctx, size)
	}
	it.refused = it.open()
	return it
}

// open tries every seal; one that has no opening cannot be accepted, for then
// nobody could ever say what was recorded.
func (it *item) open() error {
	s, e := it.sub, it.entry
	if len(s.What) != len(e.What) {
		return it.missing(verify.MissingDisclosure, "%d bodies for %d what lines", len(s.What), len(e.What))
	}
	bodies := append([][]byte{s.Who, s.Why, s.How}, s.What...)
	for i, line := range e.Lines() {
		sealed, _ := e.Seal(line)
		if err := it.try(line, sealed, bodies[i], seal.MaxBody); err != nil {
			return err
		}
	}
	it.read()
	return it.texts()
}

func (it *item) try(line entry.Line, sealed entry.Hash, b []byte, limit int) error {
	if len(b) > limit {
		return it.missing(verify.SealMismatch, "%s: %d bytes are more than %d", line, len(b), limit)
	}
	if seal.Seal(it.entry.Source, it.entry.Seq, line, it.sub.Seed.Salt(line), b) != sealed {
		return it.missing(verify.SealMismatch, "%s: the disclosure does not open the seal", line)
	}
	return nil
}

func (it *item) missing(code verify.Code, format string, args ...any) error {
	return &verify.Finding{
		Code: code, Accused: verify.TheSource, Source: it.entry.Source,
		Detail: fmt.Sprintf("seq %d: ", it.entry.Seq) + fmt.Sprintf(format, args...),
	}
}

// read takes the bodies apart; a malformed one is recorded and stays unread.
func (it *item) read() {
	o := &it.opened
	o.Who = readBody[body.Who](it, entry.LineWho, it.sub.Who)
	o.Why = readBody[body.Why](it, entry.LineWhy, it.sub.Why)
	o.How = readBody[body.How](it, entry.LineHow, it.sub.How)
	o.What = make([]*body.What, len(it.sub.What))
	for k, b := range it.sub.What {
		o.What[k] = readBody[body.What](it, entry.LineWhat(k), b)
	}
}

func readBody[T any](it *item, line entry.Line, b []byte) *T {
	v := new(T)
	if body.Unmarshal(b, v) != nil {
		it.malformed = append(it.malformed, line)
		return nil
	}
	return v
}

// texts holds the texts against the seals in the bodies, one for one.
func (it *item) texts() error {
	next := 0
	for k, w := range it.opened.What {
		if w == nil || w.After == "" {
			continue
		}
		if next >= len(it.sub.Texts) || it.sub.Texts[next].K != k {
			return it.missing(verify.MissingDisclosure, "%s: no disclosure", entry.LineText(k))
		}
		sealed, _ := entry.ParseHash(w.After) // held to be a digest when the body was read
		if err := it.try(entry.LineText(k), sealed, it.sub.Texts[next].Body, seal.MaxText); err != nil {
			return err
		}
		next++
	}
	if next < len(it.sub.Texts) {
		return it.missing(verify.SealMismatch, "text %d: no change has this text", it.sub.Texts[next].K)
	}
	return nil
}
