package semdiff

import (
	"slices"
	"sort"

	"github.com/stele-log/stele/internal/syntax/tree"
)

// nodes compares what two nodes hold.
func (c *comparison) nodes(a, b *tree.Node, at *place) []Operation {
	if len(a.Nodes) == 0 && len(b.Nodes) == 0 {
		return nil
	}
	m := c.match(a.Kind, a.Nodes, b.Nodes)
	stays := m.inOrder()
	in := inside{c: c, m: m, at: at, a: a, b: b}
	var ops, layout []Operation
	first := none // of the operations that put something elsewhere
	put := func(o Operation) {
		if first == none {
			first = len(ops)
		}
		ops = append(ops, o)
	}
	for i, n := range a.Nodes {
		j := m.toB[i]
		if j == none {
			put(in.removed(i, n))
			continue
		}
		if !stays[i] {
			put(in.moved(i, j))
		}
		if m.atEnds(i) || c.same(n, b.Nodes[j]) {
			continue
		}
		more := c.pair(n, b.Nodes[j], in.place(i))
		if len(more) == 1 && more[0].isLayout() {
			layout = append(layout, more...)
		} else {
			ops = append(ops, more...)
		}
	}
	for j, n := range b.Nodes {
		if m.toA[j] == none {
			put(in.added(j, n))
		}
	}
	if first == none {
		return append(ops, layout...)
	}
	ops[first].with = layout
	return ops
}

// isLayout: nothing changed but blanks and what parts one thing from the next.
func (o *Operation) isLayout() bool { return o.Kind == Format && o.Old == nil && !o.all }

// inOrder says which of the joined nodes need not move: the most that stand in the
// same order on both sides.
func (m *matching) inOrder() []bool {
	stays := make([]bool, len(m.a))
	var tails []int // of the best run of each length, the index in a of its last
	before := slices.Repeat([]int{none}, len(m.a))
	for i, j := range m.toB {
		if j == none {
			continue
		}
		k := len(tails)
		if k > 0 && m.toB[tails[k-1]] >= j {
			k = sort.Search(len(tails), func(k int) bool { return m.toB[tails[k]] >= j })
		}
		if k > 0 {
			before[i] = tails[k-1]
		}
		if k == len(tails) {
			tails = append(tails, i)
		}
		tails[k] = i
	}
	if len(tails) == 0 {
		return stays
	}
	for i := tails[len(tails)-1]; i != none; i = before[i] {
		stays[i] = true
	}
	return stays
}

// inside is what operations on the nodes of a pair need.
type inside struct {
	c    *comparison
	m    *matching
	at   *place
	a, b *tree.Node

	oldNames, newNames map[string]int
	oldIndex, newIndex []int
}

// place is that of the i-th node of the old side.
func (in *inside) place(i int) *place {
	return &place{up: in.at, step: in.step(in.a, i, &in.oldNames, &in.oldIndex), index: i}
}

func (in *inside) step(parent *tree.Node, i int, names *map[string]int, index *[]int) string {
	n := parent.Nodes[i]
	if n.Kind == tree.Comment || parent.Kind == tree.Stream && in.c.single {
		return ""
	}
	if *index == nil {
		*names = make(map[string]int)
		for k, c := range parent.Nodes {
			*index = append(*index, k)
			if k > 0 {
				(*index)[k] = (*index)[k-1]
				if parent.Nodes[k-1].Kind != tree.Comment {
					(*index)[k]++
				}
			} else {
				(*index)[k] = 0
			}
			if parent.Kind == tree.Map {
				(*names)[c.Name]++
			}
		}
	}
	return step(parent, n, (*index)[i], (*names)[n.Name] > 1)
}

func (in *inside) removed(i int, n *tree.Node) Operation {
	at := in.place(i)
	return Operation{Path: at.path(), Kind: kindOf(n, Removed), Old: data(n), at: at.at()}
}

func (in *inside) added(j int, n *tree.Node) Operation {
	at := &place{up: in.at, step: in.step(in.b, j, &in.newNames, &in.newIndex)}
	return Operation{Path: at.path(), Kind: kindOf(n, Added), New: data(n), at: in.at.at(), to: j, node: n}
}

func (in *inside) moved(i, j int) Operation {
	kind := Order
	if in.a.Kind != tree.Map {
		kind = Moved
	}
	at := in.place(i)
	return Operation{Path: at.path(), Kind: kindOf(in.a.Nodes[i], kind), at: at.at(), to: j}
}

// kindOf is the kind of an operation on a whole node.
func kindOf(n *tree.Node, kind Kind) Kind {
	if n.Kind == tree.Comment {
		return Comment
	}
	return kind
}
