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
}

func (c *chain) at(seq uint64) (Link, bool) {
	if seq < uint64(len(c.run)) {
		return c.run[seq], true
	}
	l, ok := c.ahead[seq]
	return l, ok
}

// all of a seq, in log order. The common case costs no memory.
func (c *chain) links(seq uint64) []Link {
	forks := c.forks[seq]
	if seq < uint64(len(c.run)) && len(forks) == 0 {
		return c.run[seq : seq+1 : seq+1]
	}
	if first, ok := c.at(seq); ok {
		return append([]Link{first}, forks...)
	}
	return nil
}

// past is what an entry with that seq is held against.
func (c *chain) past(seq uint64) Past {
	p := Past{Same: c.links(seq)}
	if seq > 0 {
		p.Before = c.links(seq - 1)
	}
	return p
}

// add takes an entry in that stands so.
func (c *chain) add(seq uint64, l Link, s Standing) {
	switch {
	case s == Duplicate:
	case s == Forked:
		if c.forks == nil {
			c.forks = make(map[uint64][]Link)
		}
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
		lowest[i] = min(lowest[i+1], c.ahead[seqs[i]].Index)
		for _, f := range c.forks[seqs[i]] {
			lowest[i] = min(lowest[i], f.Index)
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
