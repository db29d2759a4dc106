package catalogue

import (
	"path"
	"strings"
)

// claim is one pattern of one agent.
type claim struct {
	agent   *Agent
	pattern *Pattern
	order   int
}

func (c claim) match() Match {
	base := c.pattern.glob.elems[len(c.pattern.glob.elems)-1]
	return Match{
		Agent: c.agent, Format: c.pattern.Format, Secrets: c.agent.Secrets, Opaque: c.pattern.Opaque,
		Reads: c.agent.Ignore != nil || strings.Trim(base, "*") != "",
	}
}

// beats orders claims on the same path.
func (c claim) beats(o claim) bool {
	a, b := &c.pattern.glob, &o.pattern.glob
	if len(a.prefix) != len(b.prefix) {
		return len(a.prefix) > len(b.prefix)
	}
	if a.literal != b.literal {
		return a.literal > b.literal
	}
	return c.order < o.order
}

// index finds the claims on a path without trying every pattern: the watcher
// asks for every event it sees.
type index struct {
	exact    map[string]claim   // by path
	below    map[string][]claim // patterns with wildcards, by their literal directory
	floating map[string][]claim // ~/ and **/ patterns, by literal base name
	loose    []claim            // ~/ and **/ patterns whose base name has a wildcard
}

func newIndex(agents []*Agent) index {
	x := index{exact: map[string]claim{}, below: map[string][]claim{}, floating: map[string][]claim{}}
	n := 0
	for _, a := range agents {
		for i := range a.Paths {
			x.add(claim{agent: a, pattern: &a.Paths[i], order: n})
			n++
		}
	}
	return x
}

func (x *index) add(c claim) {
	g := &c.pattern.glob
	base := g.elems[len(g.elems)-1]
	switch {
	case g.exact():
		x.exact[g.prefix] = c
	case g.anchor == atRoot:
		x.below[g.prefix] = append(x.below[g.prefix], c)
	case wild(base):
		x.loose = append(x.loose, c)
	default:
		x.floating[base] = append(x.floating[base], c)
	}
}

// find returns the strongest claim on p, an absolute and clean path.
func (x *index) find(p string) (claim, bool) {
	if c, ok := x.exact[p]; ok {
		return c, true
	}
	name := strings.Split(p[1:], "/")
	// The longest literal directory wins, so the first hit on the way up does.
	for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
		if c, ok := strongest(x.below[dir], name); ok {
			return c, true
		}
	}
	a, okA := strongest(x.floating[name[len(name)-1]], name)
	b, okB := strongest(x.loose, name)
	if okA && okB && b.beats(a) || !okA {
		return b, okB
	}
	return a, okA
}

func strongest(claims []claim, name []string) (best claim, ok bool) {
	for _, c := range claims {
		if c.pattern.glob.match(name) && (!ok || c.beats(best)) {
			best, ok = c, true
		}
	}
	return best, ok
}
