package verify

import (
	"cmp"
	"slices"

	"github.com/stele-log/stele/entry"
)

// Ground is an entry that says who speaks in a log, an enrol or a revoke, and the
// index at which it was proved to stand.
type Ground struct {
	Index uint64
	Entry *entry.Entry
}

// Grounded returns the sources that those entries make, each judged as in a log
// of which nothing else is known. What does not pass has no effect. signed says
// whether an entry verifies under a key; nil: e.Verify.
//
// Together with [Sources.Judge] it judges one entry of a log without the others:
// as the whole log does, if the grounds are all those before the entry that enrol
// or revoke its source, or the source it enrols, and likewise for the signers of
// those grounds, down to entry 0. Whoever leaves a revoke out hides that the
// entry came after it; nothing left out makes an entry somebody's word that it is
// not.
func Grounded(key *entry.LogKey, grounds []Ground, signed func(*entry.Entry, *entry.PublicKey) error) *Sources {
	if signed == nil {
		signed = (*entry.Entry).Verify
	}
	s := NewSources(key)
	for _, g := range inOrder(grounds) {
		_ = s.Admit(g.Index, g.Entry, func(k *entry.PublicKey) error { return signed(g.Entry, k) }) // what does not pass is judged where it is shown
	}
	return s
}

// Judge judges an entry that stands at index, after all that was admitted: steps
// 6 to 11, and 15. It takes nothing in. nil: the entry is its source's word.
func (s *Sources) Judge(index uint64, e *entry.Entry, signed func(*entry.PublicKey) error) *Finding {
	if f := s.examine(index, e, signed); f != nil {
		return f
	}
	if s.Late(e) {
		return afterRevoke(index, e, s.m[e.Source])
	}
	return nil
}

// Voided returns which lines are voided by an erase in effect, given the erases,
// the approvals of those, and their grounds as for [Grounded], with every enrol
// that has an erasers line.
func Voided(key *entry.LogKey, grounds []Ground, signed func(*entry.Entry, *entry.PublicKey) error) func(entry.ID, entry.Line) bool {
	if signed == nil {
		signed = (*entry.Entry).Verify
	}
	l := NewLog(Config{Key: key})
	for _, g := range inOrder(grounds) {
		late := l.sources.Late(g.Entry)
		if err := l.sources.Admit(g.Index, g.Entry, func(k *entry.PublicKey) error { return signed(g.Entry, k) }); err == nil {
			l.gather(&leaf{index: g.Index, entry: g.Entry, id: g.Entry.ID(), late: late})
		}
	}
	return func(id entry.ID, line entry.Line) bool {
		return slices.ContainsFunc(l.erases, func(er erasure) bool {
			return er.inEffect && slices.Contains(er.voids, entry.Void{ID: id, Line: line})
		})
	}
}

// inOrder are grounds in log order, each once.
func inOrder(grounds []Ground) []Ground {
	sorted := slices.SortedFunc(slices.Values(grounds), func(a, b Ground) int { return cmp.Compare(a.Index, b.Index) })
	return slices.CompactFunc(sorted, func(a, b Ground) bool { return a.Index == b.Index })
}

// Links are entries of one source and one seq, in log order, as a [Past].
type Links []Link

// First implements [Past].
func (ls Links) First(uint64) (Link, bool) {
	if len(ls) == 0 {
		return Link{}, false
	}
	return ls[0], true
}

// Has implements [Past].
func (ls Links) Has(_ uint64, id entry.ID) bool {
	return slices.ContainsFunc(ls, func(l Link) bool { return l.ID == id })
}

// ForkOf is step 12 for an entry at index, given those of its source and seq that
// stand before it. nil: it is none, or the same entry again.
func ForkOf(index uint64, e *entry.Entry, before Links) *Finding {
	if StandingOf(before, e.Seq, e.ID()) != Forked {
		return nil
	}
	return forkedSource(index, e)
}
