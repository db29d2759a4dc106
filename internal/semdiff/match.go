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

	from, until int // how many are equal at the beginning and at the end
}

const none = -1

// match finds for the nodes of two parents of a kind which of them are the same thing.
func (c *comparison) match(kind tree.Kind, a, b []*tree.Node) *matching {
	m := &matching{c: c, kind: kind, a: a, b: b, toB: slices.Repeat([]int{none}, len(a)), toA: slices.Repeat([]int{none}, len(b))}
	m.ends()
	if m.from == len(a) && m.from == len(b) {
		return m
	}
	if kind == tree.Map {
		m.byName()
	} else {
		m.items(m.free(a, m.toB), m.free(b, m.toA))
	}
	m.comments()
	return m
}

func (m *matching) join(i, j int) { m.toB[i], m.toA[j] = j, i }

// ends joins what is equal at the beginning and at the end.
func (m *matching) ends() {
	n := min(len(m.a), len(m.b))
	for m.from < n && m.c.same(m.a[m.from], m.b[m.from]) {
		m.join(m.from, m.from)
		m.from++
	}
	for m.until < n-m.from && m.c.same(m.a[len(m.a)-1-m.until], m.b[len(m.b)-1-m.until]) {
		m.until++
		m.join(len(m.a)-m.until, len(m.b)-m.until)
	}
}

// atEnds: the i-th node of the old side is one of those.
func (m *matching) atEnds(i int) bool { return i < m.from || i >= len(m.a)-m.until }

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
func (m *matching) byName() {
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
	m.between(m.free(m.a, m.toB), m.free(m.b, m.toA), renamed)
}

// items joins items of lists: by identity, by equal meaning, then by their place
// between those that are joined.
func (m *matching) items(is, js []int) {
	if len(is) == 0 || len(js) == 0 {
		return
	}
	m.equal(is, js, func(n *tree.Node) string {
		if key, value := identity(n); key != "" {
			return key + "\x00" + value
		}
		return ""
	})
	m.equal(is, js, func(n *tree.Node) string {
		if n.Kind == tree.Leaf && n.Type == tree.String {
			return n.Value
		}
		return strconv.FormatUint(meaning(n), 36)
	})
	m.between(is, js, alike)
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
func (m *matching) between(is, js []int, alike func(a, b *tree.Node) bool) {
	if len(is) == 0 || len(js) == 0 {
		return
	}
	gaps := make(map[int][]int) // by the index in b of the neighbour before
	last, at := none, 0
	for _, i := range is {
		for ; at < i; at++ {
			if j := m.toB[at]; j != none && m.a[at].Kind != tree.Comment {
				last = j
			}
		}
		if m.toB[i] == none {
			gaps[last] = append(gaps[last], i)
		}
	}
	last, at = none, 0
	for _, j := range js {
		for ; at < j; at++ {
			if m.toA[at] != none && m.b[at].Kind != tree.Comment {
				last = at
			}
		}
		if m.toA[j] != none {
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
		if m.toB[i] == none && n.Kind == tree.Comment {
			is = append(is, i)
		}
	}
	for j, n := range m.b {
		if m.toA[j] == none && n.Kind == tree.Comment {
			js = append(js, j)
		}
	}
	m.equal(is, js, func(n *tree.Node) string { return n.Text })
	m.between(is, js, alike)
}

// renamed says whether two entries of a map differ in nothing but their names.
func renamed(a, b *tree.Node) bool {
	if a.Kind != b.Kind || a.Kind == tree.Leaf && a.Value == "" || a.Kind != tree.Leaf && values(a) == 0 {
		return false
	}
	x, y := *a, *b
	x.Name, y.Name = "", ""
	return meaning(&x) == meaning(&y)
}

// alike says whether one of two nodes may be a changed form of the other: leaves and
// comments are, maps if half of the smaller one stayed, or half of its names where
// nothing tells them apart.
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
	least := min(values(a), values(b))
	if 2*kept < least && a.Kind == tree.Map {
		oldKey, _ := identity(a)
		newKey, _ := identity(b)
		return oldKey+newKey == "" && 2*sharedNames(a, b) >= max(values(a), values(b))
	}
	return 2*kept >= least
}

// sharedNames counts the names that stand in both of two maps.
func sharedNames(a, b *tree.Node) int {
	names := make(map[string]bool)
	for _, n := range a.Nodes {
		names[n.Name] = n.Kind != tree.Comment
	}
	shared := 0
	for _, n := range b.Nodes {
		if names[n.Name] && n.Kind != tree.Comment {
			shared++
		}
	}
	return shared
}
