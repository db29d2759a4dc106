package verify

import (
	"maps"
	"slices"

	"github.com/stele-log/stele/entry"
)

// chain is what one source signed, by seq. The common case, without a hole, is
// the slice.
type chain struct {
	run   []Link            // seqs 0, 1, … without a hole
	ahead map[uint64]Link   // seqs beyond a hole
	forks map[uint64][]Link // further entries of a seq
	other map[entry.ID]bool // the names of forks: a name says the seq too
}

// First implements [Past].
func (c *chain) First(seq uint64) (Link, bool) {
	if seq < uint64(len(c.run)) {
		return c.run[seq], true
	}
	l, ok := c.ahead[seq]
	return l, ok
}

// Has implements [Past].
func (c *chain) Has(seq uint64, id entry.ID) bool {
	return c.other[id] && slices.ContainsFunc(c.forks[seq], func(f Link) bool { return f.ID == id })
}

// add takes an entry in that stands so.
func (c *chain) add(seq uint64, l Link, s Standing) {
	switch {
	case s == Duplicate:
	case s == Forked:
		if c.forks == nil {
			c.forks, c.other = make(map[uint64][]Link), make(map[entry.ID]bool)
		}
		c.other[l.ID] = true
		c.forks[seq] = append(c.forks[seq], l)
	case seq != uint64(len(c.run)):
		if c.ahead == nil {
			c.ahead = make(map[uint64]Link)
		}
		c.ahead[seq] = l
	default:
		c.run = append(c.run, l)
		c.close()
	}
}

// close moves what stands beyond a hole that has closed.
func (c *chain) close() {
	for {
		next, ok := c.ahead[uint64(len(c.run))]
		if !ok {
			return
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
		lowest[i] = min(lowest[i+1], c.ahead[seqs[i]].Index) // forks of a seq stand behind its first entry
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

// all yields every entry of the chain.
func (c *chain) all(yield func(Link)) {
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
