package verify

import (
	"maps"
	"slices"

	"github.com/stele-log/stele/entry"
)

// Standing is how an entry stands to what its source signed before.
type Standing int

// The ways an entry can stand.
const (
	Fresh     Standing = iota // the first entry of its seq
	Duplicate                 // the same entry again
	Forked                    // another entry of the same seq
)

// link is one entry of a source's chain.
type link struct {
	id    entry.ID
	index uint64
	saw   uint64
}

// chain is what one source signed, by seq. The common case, without a hole, is
// the slice.
type chain struct {
	run   []link            // seqs 0, 1, … without a hole
	ahead map[uint64]link   // seqs beyond a hole
	forks map[uint64][]link // further entries of a seq
}

func (c *chain) at(seq uint64) (link, bool) {
	if seq < uint64(len(c.run)) {
		return c.run[seq], true
	}
	l, ok := c.ahead[seq]
	return l, ok
}

// add takes an entry in and says how it stands.
func (c *chain) add(seq uint64, l link) Standing {
	if first, ok := c.at(seq); ok {
		if first.id == l.id || slices.ContainsFunc(c.forks[seq], func(f link) bool { return f.id == l.id }) {
			return Duplicate
		}
		if c.forks == nil {
			c.forks = make(map[uint64][]link)
		}
		c.forks[seq] = append(c.forks[seq], l)
		return Forked
	}
	if seq != uint64(len(c.run)) {
		if c.ahead == nil {
			c.ahead = make(map[uint64]link)
		}
		c.ahead[seq] = l
		return Fresh
	}
	c.run = append(c.run, l)
	for { // the hole may have closed
		next, ok := c.ahead[uint64(len(c.run))]
		if !ok {
			return Fresh
		}
		delete(c.ahead, uint64(len(c.run)))
		c.run = append(c.run, next)
	}
}

// hole is a run of missing seqs and the lowest index of an entry beyond it.
type hole struct{ first, last, index uint64 }

func (c *chain) holes() []hole {
	seqs := slices.Sorted(maps.Keys(c.ahead))
	lowest := make([]uint64, len(seqs)+1)
	lowest[len(seqs)] = entry.MaxNumber
	for i := len(seqs) - 1; i >= 0; i-- {
		lowest[i] = min(lowest[i+1], c.ahead[seqs[i]].index)
		for _, f := range c.forks[seqs[i]] {
			lowest[i] = min(lowest[i], f.index)
		}
	}
	var holes []hole
	next := uint64(len(c.run))
	for i, seq := range seqs {
		if seq > next {
			holes = append(holes, hole{next, seq - 1, lowest[i]})
		}
		next = seq + 1
	}
	return holes
}

// follows reports whether prev is the id of an entry with that seq; known says
// whether there is any.
func (c *chain) follows(seq uint64, prev entry.ID) (ok, known bool) {
	l, known := c.at(seq)
	if !known {
		return false, false
	}
	if l.id == prev {
		return true, true
	}
	return slices.ContainsFunc(c.forks[seq], func(f link) bool { return f.id == prev }), true
}

// all yields every entry of the chain.
func (c *chain) all(yield func(link)) {
	for _, l := range c.run {
		yield(l)
	}
	for _, l := range c.ahead {
		yield(l)
	}
	for _, fs := range c.forks {
		for _, l := range fs {
			yield(l)
		}
	}
}
