package semdiff

import (
	"encoding/json"
	"strings"

	"github.com/stele-log/stele/internal/syntax/tree"
)

// data is a node as JSON. A name that stands several times has a list.
func data(n *tree.Node) json.RawMessage {
	var b strings.Builder
	writeData(&b, n)
	return json.RawMessage(b.String())
}

func writeData(b *strings.Builder, n *tree.Node) {
	switch n.Kind {
	case tree.Leaf:
		writeLeaf(b, n)
	case tree.Comment:
		b.Write(quote(n.Text))
	case tree.Map:
		writeMap(b, n)
	default:
		b.WriteByte('[')
		first := true
		for _, c := range n.Nodes {
			if c.Kind == tree.Comment {
				continue
			}
			if !first {
				b.WriteByte(',')
			}
			first = false
			writeData(b, c)
		}
		b.WriteByte(']')
	}
}

func writeLeaf(b *strings.Builder, n *tree.Node) {
	switch {
	case n.Type == tree.Null:
		b.WriteString("null")
	case n.Type == tree.Bool && (n.Value == "true" || n.Value == "false"), n.Type == tree.Number && json.Valid([]byte(n.Value)):
		b.WriteString(n.Value)
	default:
		b.Write(quote(n.Value))
	}
}

func writeMap(b *strings.Builder, n *tree.Node) {
	var names []string
	all := make(map[string][]*tree.Node, len(n.Nodes))
	for _, c := range n.Nodes {
		if c.Kind == tree.Comment {
			continue
		}
		if all[c.Name] == nil {
			names = append(names, c.Name)
		}
		all[c.Name] = append(all[c.Name], c)
	}
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(name))
		b.WriteByte(':')
		if nodes := all[name]; len(nodes) == 1 {
			writeData(b, nodes[0])
		} else {
			writeData(b, &tree.Node{Kind: tree.List, Nodes: nodes})
		}
	}
	b.WriteByte('}')
}

// quote is a string as JSON.
func quote(s string) json.RawMessage {
	if plain(s) {
		return json.RawMessage(`"` + s + `"`)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // of a string: cannot fail
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n"))
}

// plain says whether a string stands in JSON as it is.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
