package semdiff

import (
	"slices"
	"strconv"

	"github.com/stele-log/stele/internal/syntax/tree"
)

// matching says which nodes of one list stand for which of another: the index there,
// or none.
type matching struct {
	c    *comparison
	kind tree.Kind // of the parents
	a, b []*tree.Node
	toB  []int
	toA  []int
}

const none = -1

// match finds for the nodes of two parents of a kind which of them are the same thing.
func (c *comparison) match(kind tree.Kind, a, b []*tree.Node) *matching {
	m := &matching{c: c, kind: kind, a: a, b: b, toB: slices.Repeat([]int{none}, len(a)), toA: slices.Repeat([]int{none}, len(b))}
	from, until := m.ends()
	if from == len(a) && from == len(b) {
		return m
	}
	if kind == tree.Map {
		m.byName(from, until)
	} else {
		m.items(m.free(a, m.toB), m.free(b, m.toA))
	}
	m.comments()
	return m
}

func (m *matching) join(i, j int) { m.toB[i], m.toA[j] = j, i }

// ends joins what is equal at the beginning and at the end.
func (m *matching) ends() (from, until int) {
	n := min(len(m.a), len(m.b))
	for from < n && m.c.same(m.a[from], m.b[from]) {
		m.join(from, from)
		from++
	}
	for until < n-from && m.c.same(m.a[len(m.a)-1-until], m.b[len(m.b)-1-until]) {
		until++
		m.join(len(m.a)-until, len(m.b)-until)
	}
	return from, until
}

// free are the values that are not matched yet.
func (m *matching) free(nodes []*tree.Node, to []int) []int {
	var free []int
	for i, n := range nodes {
		if to[i] == none && n.Kind != tree.Comment {
			free = append(free, i)
		}
	}
	return free
}

// byName joins the entries of two maps. Those whose name stands several times are
// items of a list.
func (m *matching) byName(from, until int) {
	old := make(map[string][]int)
	for _, i := range m.free(m.a, m.toB) {
		old[m.a[i].Name] = append(old[m.a[i].Name], i)
	}
	recent := make(map[string][]int)
	var names []string
	for _, j := range m.free(m.b, m.toA) {
		name := m.b[j].Name
		if recent[name] == nil {
			names = append(names, name)
		}
		recent[name] = append(recent[name], j)
	}
	for _, name := range names {
		is, js := old[name], recent[name]
		switch {
		case len(is) == 1 && len(js) == 1:
			m.join(is[0], js[0])
		case len(is) > 0:
			m.items(is, js)
		}
	}
}

// items joins items of lists: by identity, by equal meaning, then by their place
// between those that are joined.
func (m *matching) items(is, js []int) {
	m.equal(is, js, func(n *tree.Node) string {
		if key, value := identity(n); key != "" {
			return key + "\x00" + value
		}
		return ""
	})
	m.equal(is, js, func(n *tree.Node) string { return strconv.FormatUint(meaning(n), 36) })
	m.between(is, js)
}

// equal joins what has the same key, in order; the empty key joins nothing.
func (m *matching) equal(is, js []int, key func(*tree.Node) string) {
	open := make(map[string][]int)
	for _, i := range is {
		if m.toB[i] == none {
			if k := key(m.a[i]); k != "" {
				open[k] = append(open[k], i)
			}
		}
	}
	if len(open) == 0 {
		return
	}
	for _, j := range js {
		if m.toA[j] != none {
			continue
		}
		if k := key(m.b[j]); len(open[k]) > 0 {
			m.join(open[k][0], j)
			open[k] = open[k][1:]
		}
	}
}

// between joins, in order, what stands behind the same joined neighbour and is alike.
func (m *matching) between(is, js []int) {
	gaps := make(map[int][]int) // by the index in b of the neighbour before
	last := none
	for _, i := range is {
		if m.toB[i] != none {
			last = m.toB[i]
			continue
		}
		gaps[last] = append(gaps[last], i)
	}
	last = none
	for _, j := range js {
		if m.toA[j] != none {
			last = j
			continue
		}
		open := gaps[last]
		if len(open) == 0 {
			continue
		}
		if m.kind == tree.Stream || alike(m.a[open[0]], m.b[j]) {
			m.join(open[0], j)
		}
		gaps[last] = open[1:]
	}
}

// comments joins comments of the same text, and then those at the same place.
func (m *matching) comments() {
	var is, js []int
	for i, n := range m.a {
		if m.toB[i] != none || n.Kind == tree.Comment {
			is = append(is, i)
		}
	}
	for j, n := range m.b {
		if m.toA[j] != none || n.Kind == tree.Comment {
			js = append(js, j)
		}
	}
	m.equal(is, js, func(n *tree.Node) string { return n.Text })
	m.between(is, js)
}

// alike says whether one of two nodes may be a changed form of the other: leaves and
// comments are, maps if half of the smaller one stayed.
func alike(a, b *tree.Node) bool {
	if a.Kind != b.Kind {
		return false
	}
	if a.Kind != tree.Map && a.Kind != tree.List {
		return true
	}
	had := make(map[uint64]int)
	for _, n := range a.Nodes {
		if n.Kind != tree.Comment {
			had[meaning(n)]++
		}
	}
	kept := 0
	for _, n := range b.Nodes {
		if n.Kind == tree.Comment {
			continue
		}
		if sum := meaning(n); had[sum] > 0 {
			had[sum]--
			kept++
		}
	}
	return 2*kept >= min(values(a), values(b))
}
