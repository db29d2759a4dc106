package intake

import (
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/verify"
)

// tip is the end of a source's chain. It spares nearly every entry a question to
// the index.
type tip struct {
	seq   uint64
	links []verify.Link // the first entry of that seq, and forks of it
}

// maxTip bounds the forks that are remembered; beyond them the index is asked.
const maxTip = 8

// past is what stands in the log, or is on its way there, before an entry.
func (in *Intake) past(e *entry.Entry) (p verify.Past, err error) {
	if p.Same, err = in.links(e.Source, e.Seq); err != nil || e.Seq == 0 {
		return p, err
	}
	if t, ok := in.admission.tips[e.Source]; ok && t.seq == e.Seq-1 {
		p.Before = t.links
		return p, nil
	}
	p.Before, err = in.links(e.Source, e.Seq-1)
	return p, err
}

// extend moves the end of a chain on.
func (ad *admission) extend(e *entry.Entry, l verify.Link, s verify.Standing) {
	switch t, ok := ad.tips[e.Source]; {
	case s == verify.Fresh && e.Seq >= ad.heads[e.Source]:
		ad.tips[e.Source] = tip{e.Seq, []verify.Link{l}}
	case s == verify.Forked && ok && t.seq == e.Seq && len(t.links) < maxTip:
		ad.tips[e.Source] = tip{t.seq, append(t.links[:len(t.links):len(t.links)], l)}
	case s == verify.Forked && ok && t.seq == e.Seq:
		delete(ad.tips, e.Source)
	}
}

// odd tells what is odd about an entry that is taken in all the same: it accuses
// the source, and the log keeps the evidence.
func (in *Intake) odd(it *item, at uint64, late bool, past verify.Past) {
	e := it.entry
	en := in.sources.Lookup(e.Source) // of the admit stage, which alone changes it
	standing, fs := verify.Chain(at, e, it.id, en, late, past, it.root)
	ad := &in.admission
	if standing == verify.Fresh {
		in.holes.take(e.Source, ad.heads[e.Source], e.Seq, at, in.cfg.Now())
		if f := verify.Ahead(at, e, in.cfg.Now()); f != nil {
			fs = append(fs, f)
		}
	}
	for _, line := range it.malformed {
		fs = append(fs, verify.Malformation(at, e.Source, line))
	}
	ad.extend(e, verify.Link{ID: it.id, Index: at, Saw: e.Saw.Size}, standing)
	for _, f := range fs {
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

// links are the entries of a source with that seq, in the log or on the way.
func (in *Intake) links(src entry.Source, seq uint64) ([]verify.Link, error) {
	refs, err := in.refs(seqOf{src, seq})
	if err != nil || len(refs) == 0 {
		return nil, err
	}
	links := make([]verify.Link, len(refs))
	for i, r := range refs {
		links[i] = verify.Link{ID: r.ID, Index: r.Index}
	}
	return links, nil
}

// indexOf is where an entry stands that is among those.
func indexOf(links []verify.Link, id entry.ID) uint64 {
	for _, l := range links {
		if l.ID == id {
			return l.Index
		}
	}
	return 0
}

// refsOf joins what is on its way with what the index knows: the same entry may
// be in both for a moment.
func refsOf(flight, indexed []index.Ref) []index.Ref {
	refs := indexed
	for _, f := range flight {
		known := false
		for _, r := range indexed {
			known = known || r.Index == f.Index
		}
		if !known {
			refs = append(refs, f)
		}
	}
	return refs
}
