package intake

import (
	"fmt"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/verify"
)

// tip is the end of a source's chain. It spares nearly every entry a question to
// the index.
type tip struct {
	seq   uint64
	first verify.Link
	forks []entry.ID // of that seq, as many as are remembered
	more  bool       // there are others
}

// maxTip bounds the forks that are remembered; beyond them the index is asked.
const maxTip = 8

// past is what a source has in the log, or on its way there. An error sticks.
type past struct {
	in     *Intake
	source entry.Source
	err    error
}

// First implements [verify.Past].
func (p *past) First(seq uint64) (l verify.Link, known bool) {
	ad := &p.in.admission
	if seq >= ad.heads[p.source] {
		return l, false
	}
	if t, ok := ad.tips[p.source]; ok && t.seq == seq {
		return t.first, true
	}
	flying, inFlight := p.in.flying(seqOf{p.source, seq}, nil)
	r, found, err := p.in.cfg.Index.First(p.in.ctx, p.source, seq)
	if p.fail(err, seq); found {
		return verify.Link{ID: r.ID, Index: r.Index}, true
	}
	return verify.Link{ID: flying.ID, Index: flying.Index}, inFlight
}

// Has implements [verify.Past].
func (p *past) Has(seq uint64, id entry.ID) bool {
	_, has := p.at(seq, id)
	return has
}

// at is where the entry of that name stands, if it has that seq.
func (p *past) at(seq uint64, id entry.ID) (index uint64, has bool) {
	t, ok := p.in.admission.tips[p.source]
	switch {
	case ok && t.seq == seq && t.first.ID == id:
		return t.first.Index, true
	case ok && t.seq == seq && len(t.forks) == 0 && !t.more:
		return 0, false
	}
	if r, flies := p.in.flying(seqOf{p.source, seq}, &id); flies {
		return r.Index, true
	}
	index, has, err := p.in.cfg.Index.Among(p.in.ctx, p.source, seq, id)
	p.fail(err, seq)
	return index, has
}

func (p *past) fail(err error, seq uint64) {
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("look up source %s seq %d: %w", p.source, seq, err)
	}
}

// flying finds an entry that is admitted and perhaps not in the index yet: that
// of a name, or the first. Whoever looks here first and then into the index
// misses none.
func (in *Intake) flying(at seqOf, id *entry.ID) (r index.Ref, found bool) {
	in.mu.RLock()
	defer in.mu.RUnlock()
	for _, r := range in.flight[at] {
		if id == nil || r.ID == *id {
			return r, true
		}
	}
	return r, false
}

// extend moves the end of a chain on.
func (ad *admission) extend(e *entry.Entry, l verify.Link, s verify.Standing) {
	t, ok := ad.tips[e.Source]
	switch {
	case s == verify.Fresh && e.Seq >= ad.heads[e.Source]:
		t = tip{seq: e.Seq, first: l}
	case s != verify.Forked || !ok || t.seq != e.Seq:
		return
	case len(t.forks) < maxTip:
		t.forks = append(t.forks[:len(t.forks):len(t.forks)], l.ID)
	default:
		t.more = true
	}
	ad.tips[e.Source] = t
}

// stands says how an entry that is to be the next one in the log stands to those
// before it, and what is odd about that. It is asked before the entry itself is
// taken in. One whose source is not enrolled is refused later.
func (in *Intake) stands(it *item, past *past) (verify.Standing, []*verify.Finding) {
	e, at := it.entry, in.admission.next
	en := in.sources.Lookup(e.Source)
	if en == nil && at > 0 {
		return verify.StandingOf(past, e.Seq, it.id), nil
	}
	return verify.Chain(at, e, it.id, en, in.sources.Late(e), past, it.root)
}

// tell takes in an entry that was admitted and tells what is odd about it: it
// accuses the source, and the log keeps the evidence.
func (in *Intake) tell(it *item, standing verify.Standing, odd []*verify.Finding) {
	e, ad, now := it.entry, &in.admission, in.cfg.Now()
	if standing == verify.Fresh {
		in.holes.take(e.Source, ad.heads[e.Source], e.Seq, ad.next, now)
		if f := verify.Ahead(ad.next, e, now); f != nil {
			odd = append(odd, f)
		}
	}
	for _, line := range it.malformed {
		odd = append(odd, verify.Malformation(ad.next, e.Source, line))
	}
	ad.extend(e, verify.Link{ID: it.id, Index: ad.next, Saw: e.Saw.Size}, standing)
	for _, f := range odd {
		in.cfg.Found(f, it.id)
	}
}

// Gaps tells, once each, which numbers were passed over before that time and are
// still not here: batches may overtake each other, but not for long.
func (in *Intake) Gaps(before time.Time) []*verify.Finding { return in.holes.due(before) }

// Next is one more than the highest number of a source that is in the log or on
// its way there.
func (in *Intake) Next(src entry.Source) uint64 {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return in.admission.heads[src]
}
