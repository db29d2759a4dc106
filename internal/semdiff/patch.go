package semdiff

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/stele-log/stele/internal/syntax/tree"
)

// PatchOperation is one of RFC 6902: add, remove or replace.
type PatchOperation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
}

// errNames says that a text cannot be patched as JSON.
var errNames = errors.New("a name stands twice in it")

// Data is a text of a format as JSON: what it means, without comments and layout. Of
// several documents it is the list.
func Data(text, format string) (json.RawMessage, error) {
	root, err := tree.Parse(text, format)
	if err != nil {
		return nil, err
	}
	return data(document(root)), nil
}

// document is the one document of a text; the root where it has several.
func document(root *tree.Node) *tree.Node {
	if root.Kind != tree.Stream || values(root) != 1 {
		return root
	}
	return root.Nodes[slices.IndexFunc(root.Nodes, func(n *tree.Node) bool { return n.Kind != tree.Comment })]
}

// Patch is the difference of two texts as a JSON Patch: applied to [Data] of the one it
// gives that of the other. Where a name stands twice, its whole map is replaced. What
// JSON does not have, comments, order of names, layout, it says nothing of.
func Patch(a, b, format string) ([]PatchOperation, error) {
	before, err := tree.Parse(a, format)
	if err != nil {
		return nil, err
	}
	after, err := tree.Parse(b, format)
	if err != nil {
		return nil, err
	}
	p := patch{c: &comparison{}}
	p.pair(document(before), document(after), "")
	return p.ops, nil
}

type patch struct {
	c   *comparison
	ops []PatchOperation
}

func (p *patch) put(op, path string, n *tree.Node) {
	o := PatchOperation{Op: op, Path: path}
	if n != nil {
		o.Value = data(n)
	}
	p.ops = append(p.ops, o)
}

func (p *patch) pair(a, b *tree.Node, path string) {
	switch {
	case a.Kind != b.Kind && (isLeaf(a) || isLeaf(b) || a.Kind == tree.Map || b.Kind == tree.Map):
		p.put("replace", path, b)
	case isLeaf(a):
		if !slices.Equal(data(a), data(b)) {
			p.put("replace", path, b)
		}
	case a.Kind == tree.Map:
		p.names(a, b, path)
	default:
		p.items(a, b, path)
	}
}

func isLeaf(n *tree.Node) bool { return n.Kind == tree.Leaf }

// names patches a map.
func (p *patch) names(a, b *tree.Node, path string) {
	old, errOld := byName(a)
	recent, errNew := byName(b)
	if errors.Join(errOld, errNew) != nil {
		if !slices.Equal(data(a), data(b)) {
			p.put("replace", path, b)
		}
		return
	}
	for _, n := range a.Nodes {
		if n.Kind == tree.Comment {
			continue
		}
		if other := recent[n.Name]; other != nil {
			p.pair(n, other, path+"/"+pointer(n.Name))
		} else {
			p.put("remove", path+"/"+pointer(n.Name), nil)
		}
	}
	for _, n := range b.Nodes {
		if n.Kind != tree.Comment && old[n.Name] == nil {
			p.put("add", path+"/"+pointer(n.Name), n)
		}
	}
}

func byName(n *tree.Node) (map[string]*tree.Node, error) {
	all := make(map[string]*tree.Node, len(n.Nodes))
	for _, c := range n.Nodes {
		if c.Kind == tree.Comment {
			continue
		}
		if all[c.Name] != nil {
			return nil, errNames
		}
		all[c.Name] = c
	}
	return all, nil
}

// items patches a list: first the items that stay, then it takes out, from the end,
// what goes and what moves, and puts in from the start what comes.
func (p *patch) items(a, b *tree.Node, path string) {
	old, recent := items(a), items(b)
	m := p.c.match(tree.List, old, recent)
	stays := m.inOrder()
	at := func(i int) string { return path + "/" + strconv.Itoa(i) }
	for i, j := range m.toB {
		if j != none && stays[i] {
			p.pair(old[i], recent[j], at(i))
		}
	}
	for i := len(old) - 1; i >= 0; i-- {
		if !stays[i] {
			p.put("remove", at(i), nil)
		}
	}
	for j, i := range m.toA {
		if i == none || !stays[i] {
			p.put("add", at(j), recent[j])
		}
	}
}

func items(n *tree.Node) []*tree.Node {
	var all []*tree.Node
	for _, c := range n.Nodes {
		if c.Kind != tree.Comment {
			all = append(all, c)
		}
	}
	return all
}

// pointer is a name as a part of a JSON pointer.
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
