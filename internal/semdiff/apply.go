package semdiff

import (
	"cmp"
	"errors"
	"slices"

	"github.com/stele-log/stele/internal/syntax/tree"
)

// errForeign says that operations are not of the text that they are applied to.
var errForeign = errors.New("the operations belong to another text")

// Apply makes of a text of a format what the operations say. They must be all those of
// one difference from that text.
func Apply(text, format string, ops []Operation) (string, error) {
	root, err := tree.Parse(text, format)
	if err != nil {
		return "", err
	}
	all := new(edit)
	for _, o := range ops {
		all.take(o)
	}
	after, err := all.apply(root)
	if err != nil {
		return "", err
	}
	return after.String(), nil
}

// edit is what happens to a node.
type edit struct {
	node    *tree.Node // its new self
	all     bool       // with its nodes
	nodes   map[int]*edit
	gone    map[int]bool
	arrived []arrival
}

// arrival is a node that comes to stand at an index: a new one, or one from another.
type arrival struct {
	to   int
	node *tree.Node
	from int
}

// below is the edit of a node on the way to others.
func (e *edit) below(i int) *edit {
	if e.nodes == nil {
		e.nodes, e.gone = make(map[int]*edit), make(map[int]bool)
	}
	if e.nodes[i] == nil {
		e.nodes[i] = new(edit)
	}
	return e.nodes[i]
}

func (e *edit) take(o Operation) {
	for _, with := range o.with {
		e.take(with)
	}
	at := o.at
	whole := o.moves() || o.removes()
	for len(at) > 0 && (len(at) > 1 || !whole) {
		e = e.below(at[0])
		at = at[1:]
	}
	switch {
	case whole:
		e.below(at[0])
		e.gone[at[0]] = true
		if o.moves() {
			e.arrived = append(e.arrived, arrival{to: o.to, from: at[0]})
		}
	case o.adds():
		e.arrived = append(e.arrived, arrival{to: o.to, node: o.node})
	default:
		e.node, e.all = o.node, o.all
	}
}

func (o *Operation) moves() bool   { return o.node == nil && o.Old == nil }
func (o *Operation) removes() bool { return o.node == nil && o.Old != nil }
func (o *Operation) adds() bool    { return o.Old == nil && o.New != nil }

func (e *edit) apply(n *tree.Node) (*tree.Node, error) {
	if e == nil {
		return n, nil
	}
	if e.all {
		return e.node, nil
	}
	out := *n
	if e.node != nil {
		out = *e.node
	}
	kept := make([]*tree.Node, len(n.Nodes))
	for i, c := range n.Nodes {
		var err error
		if kept[i], err = e.nodes[i].apply(c); err != nil {
			return nil, err
		}
	}
	for i := range e.nodes {
		if i >= len(kept) {
			return nil, errForeign
		}
	}
	slices.SortFunc(e.arrived, func(a, b arrival) int { return cmp.Compare(a.to, b.to) })
	out.Nodes = e.merge(kept)
	return &out, nil
}

// merge puts what arrives between what stays.
func (e *edit) merge(old []*tree.Node) []*tree.Node {
	var nodes []*tree.Node
	arrived := e.arrived
	place := func() {
		for len(arrived) > 0 && arrived[0].to <= len(nodes) {
			n := arrived[0].node
			if n == nil {
				n = old[arrived[0].from]
			}
			nodes = append(nodes, n)
			arrived = arrived[1:]
		}
	}
	for i, n := range old {
		if e.gone[i] {
			continue
		}
		place()
		nodes = append(nodes, n)
	}
	place()
	return nodes
}
