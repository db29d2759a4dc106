// Package semdiff compares two texts of a configuration by what they mean: which value
// is another, what was added or removed, what only moved, and what changed for people
// alone (a comment, an order, how it is laid out).
//
// It promises that the operations of a [Difference] say everything: applied to the one
// text they give the other, byte by byte ([Apply]). Numbers stay the digits that were
// written, null differs from an empty map, absent from both. Items of lists are told by
// their identity (a name, an id) before their place. The time taken grows as n log n.
//
// It does not know what an agent makes of a value, and guesses nothing: a text that is
// not of its format has no operations, and [Difference.Unparsed] says so.
package semdiff

import (
	"encoding/json"
	"strings"

	"github.com/stele-log/stele/internal/syntax/tree"
)

// Text is a text as it was recorded.
type Text struct {
	Text    string
	Secrets []string // fingerprints of what was masked, in the order of the marks
}

// Kind is what sort of change an operation is.
type Kind string

// The kinds of operations.
const (
	Value   Kind = "value"
	Added   Kind = "added"
	Removed Kind = "removed"
	Moved   Kind = "moved"   // an item of a list, where order has a meaning; what has another name
	Order   Kind = "order"   // a name, where it has none for most readers
	Comment Kind = "comment" // changed, added, lost
	Format  Kind = "format"  // blanks, quotes, 7 and 7.0
)

// Operation is one change. Old and New are JSON: a string, a number with the digits that
// were written, an object of everything below. The operations of one difference belong
// together.
type Operation struct {
	Path   string          `json:"path"`
	Kind   Kind            `json:"kind"`
	Old    json.RawMessage `json:"old,omitempty"`
	New    json.RawMessage `json:"new,omitempty"`
	Secret bool            `json:"secret,omitempty"` // what differs is masked, and known by its fingerprint

	at   []int       // the node of the old tree, or where one is added the node that holds it
	to   int         // its index among the nodes there, if it is added or moved
	node *tree.Node  // what is put there
	all  bool        // with its nodes, in place of the old one and its
	with []Operation // layout of what stands beside it, which changed along with it
}

// Difference is how two texts differ.
type Difference struct {
	Unparsed   bool        // nothing is known but the lines
	Operations []Operation // in the order of the old text, as far as there is one
}

// Diff compares two texts of a format.
func Diff(a, b Text, format string) Difference {
	before, err := tree.Parse(a.Text, format)
	if err != nil {
		return Difference{Unparsed: true}
	}
	after, err := tree.Parse(b.Text, format)
	if err != nil {
		return Difference{Unparsed: true}
	}
	c := comparison{old: marked(before, a), new: marked(after, b), single: values(before) == 1 && values(after) == 1}
	return Difference{Operations: c.pair(before, after, nil)}
}

// values counts the nodes that are no comments.
func values(n *tree.Node) int {
	count := 0
	for _, c := range n.Nodes {
		if c.Kind != tree.Comment {
			count++
		}
	}
	return count
}

// comparison is of two trees.
type comparison struct {
	old, new map[*tree.Node]string // fingerprints of what is masked in a node's own bytes
	single   bool                  // one document each: paths do not say which
}

// place is where a node stands, from the root down.
type place struct {
	up    *place
	step  string
	index int
}

func (p *place) at() []int {
	var at []int
	for ; p != nil; p = p.up {
		at = append(at, p.index)
	}
	for i, j := 0, len(at)-1; i < j; i, j = i+1, j-1 {
		at[i], at[j] = at[j], at[i]
	}
	return at
}

// mostPath bounds a path that is told, in bytes: each operation has one, and whoever
// sends a text decides how long its names are.
const mostPath = 1024

// path is the way to a place, the end of it where it is very long.
func (p *place) path() string {
	var steps []string
	size := 0
	for ; p != nil && size <= mostPath; p = p.up {
		step := p.step
		if size += len(step); size > mostPath {
			step = "…" + strings.ToValidUTF8(step[size-mostPath:], "")
		}
		steps = append(steps, step)
	}
	var b strings.Builder
	for i := len(steps) - 1; i >= 0; i-- {
		if b.Len() > 0 && steps[i] != "" && steps[i][0] != '[' {
			b.WriteByte('.')
		}
		b.WriteString(steps[i])
	}
	return b.String()
}

// pair compares two nodes that stand for the same thing.
func (c *comparison) pair(a, b *tree.Node, at *place) []Operation {
	if a.Kind != b.Kind {
		return []Operation{{Path: at.path(), Kind: Value, Old: data(a), New: data(b), at: at.at(), node: b, all: true}}
	}
	ops := c.shell(a, b, at)
	ops = append(ops, c.nodes(a, b, at)...)
	if len(ops) < 2 {
		return ops
	}
	for _, o := range ops {
		if o.Kind != Format || o.Old != nil {
			return ops
		}
	}
	return []Operation{{Path: at.path(), Kind: Format, at: at.at(), node: b, all: true}}
}

// shell compares what two nodes have beside their nodes.
func (c *comparison) shell(a, b *tree.Node, at *place) []Operation {
	secret := c.old[a] != c.new[b]
	if !secret && sameShell(a, b) {
		return nil
	}
	o := Operation{Kind: Format, Secret: secret, at: at.at(), node: b}
	switch {
	case a.Name != b.Name:
		o.Kind, o.Old, o.New = Moved, quote(a.Name), quote(b.Name)
	case a.Kind == tree.Comment:
		o.Kind, o.Old, o.New = Comment, quote(a.Text), quote(b.Text)
		if a.Text == b.Text && !secret {
			o.Kind, o.Old, o.New = Format, nil, nil
		}
	case a.Kind == tree.Leaf && (secret || !sameValue(a, b)):
		o.Kind, o.Old, o.New = Value, data(a), data(b)
	case a.Kind == tree.Leaf && a.Value != b.Value:
		o.Old, o.New = data(a), data(b) // 7 and 7.0
	case secret || strings.TrimSpace(a.Tail) != strings.TrimSpace(b.Tail) || strings.TrimSpace(a.Lead) != strings.TrimSpace(b.Lead):
		o.Kind, o.Old, o.New = Comment, quote(strings.TrimSpace(a.Lead+a.Tail)), quote(strings.TrimSpace(b.Lead+b.Tail))
	}
	o.Path = at.path()
	return []Operation{o}
}

func sameShell(a, b *tree.Node) bool {
	return a.Text == b.Text && a.Lead == b.Lead && a.Label == b.Label && a.End == b.End && a.Tail == b.Tail &&
		a.Comma == b.Comma && a.Trailing == b.Trailing && a.Cut == b.Cut && a.Name == b.Name && a.Value == b.Value && a.Type == b.Type
}

// sameValue says whether two leaves mean the same.
func sameValue(a, b *tree.Node) bool {
	switch {
	case a.Type != b.Type:
		return false
	case a.Type == tree.Number:
		return a.Value == b.Value || decimal(a.Value) == decimal(b.Value)
	case a.Type == tree.Other:
		return a.Value == b.Value && a.Text == b.Text
	}
	return a.Value == b.Value
}

// same says whether two nodes are equal in every byte, and in what is masked.
func (c *comparison) same(a, b *tree.Node) bool {
	if a.Kind != b.Kind || len(a.Nodes) != len(b.Nodes) || !sameShell(a, b) || c.old[a] != c.new[b] {
		return false
	}
	for i := range a.Nodes {
		if !c.same(a.Nodes[i], b.Nodes[i]) {
			return false
		}
	}
	return true
}
