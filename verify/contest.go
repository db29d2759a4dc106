package verify

import (
	"slices"

	"github.com/stele-log/stele/entry"
)

// Contest is a tree that this log has not and that it seems to have shown to
// those who signed that they saw it: either they lie, or the log was rewritten.
type Contest struct {
	Size uint64
	Root entry.Hash
	Saw  []Sighting // in order of index
}

// Sighting is an entry whose source saw a tree.
type Sighting struct {
	Index  uint64
	Source entry.Source
	Host   string // of the source, where its enrolment is disclosed
}

// claim is an entry that failed step 16 or 17, with its finding.
type claim struct {
	view
	finding *Finding
	counts  bool // towards a contest: it is still its source's word
}

// judgeClaims decides whom steps 16 and 17 accuse: nobody of having seen what a
// checkpoint at hand shows that the log signed, nor of what is contested. No entry
// can have seen the tree of this log that holds it: its root is in that tree.
func (l *Log) judgeClaims(convicting map[view]bool) {
	groups := make(map[view][]claim)
	var order []view
	for _, c := range l.claims {
		switch {
		case convicting[c.view]:
		case !c.counts:
			l.report(c.finding)
		default:
			if groups[c.view] == nil {
				order = append(order, c.view)
			}
			groups[c.view] = append(groups[c.view], c)
		}
	}
	hosts := l.hosts()
	for _, v := range order {
		if !l.decided(v, convicting) && l.several(groups[v], hosts) {
			l.verdict.Contested = append(l.verdict.Contested, l.contest(v, groups[v]))
			continue
		}
		for _, c := range groups[v] {
			l.report(c.finding)
		}
	}
}

func (l *Log) contest(v view, group []claim) Contest {
	c := Contest{Size: v.size, Root: v.root}
	for _, g := range group {
		src := g.finding.Source
		c.Saw = append(c.Saw, Sighting{g.finding.Index, src, l.subjects.hosts[src].name})
	}
	return c
}

// decided reports whether the verifier's own belief says which tree it was.
func (l *Log) decided(v view, convicting map[view]bool) bool {
	b := l.cfg.Believed
	return b != nil && b.Size >= v.size && !convicting[view{b.Size, b.Root}]
}

// several reports whether a recorder is among those who saw a tree, or sources of
// two hosts.
func (l *Log) several(group []claim, hosts union) bool {
	first := group[0].finding.Source
	return slices.ContainsFunc(group, func(c claim) bool {
		src := c.finding.Source
		return l.sources.Lookup(src).Role == entry.Recorder || hosts.find("source "+src.String()) != hosts.find("source "+first.String())
	})
}

// hosts tells which sources are on one host: those whose disclosed enrolments
// name it, and those that follow one another.
func (l *Log) hosts() union {
	u := make(union)
	for src, en := range l.sources.m {
		if en.Follows != nil {
			u.join("source "+src.String(), "source "+en.Follows.String())
		}
		if h, disclosed := l.subjects.hosts[src]; disclosed {
			u.join("source "+src.String(), "host "+h.name)
		}
	}
	return u
}

// union joins names into sets; each name points towards the one that stands for
// its set.
type union map[string]string

func (u union) find(name string) string {
	for u[name] != "" {
		name = u[name]
	}
	return name
}

func (u union) join(a, b string) {
	if a, b = u.find(a), u.find(b); a != b {
		u[a] = b
	}
}
