// Package tree reads configurations into trees that lose nothing: every byte of a
// text, blanks and comments included, belongs to exactly one node, and a tree prints
// as the text that it was read from.
//
// Names and values are decoded as the format has it; numbers stay the digits that
// were written. A text that is not of the format it is taken for is [ErrUnparsed],
// never half a tree. Reading takes time that grows linearly with the text; bounds on
// size and depth are [MaxText] and maxDepth.
//
// It does not judge and does not compare (see semdiff), resolves no references or
// includes, and is apart from the walk of package syntax, which wants every leaf of a
// text however broken that is.
package tree

import (
	"errors"
	"strings"
)

// MaxText is the longest text that is read, in bytes.
const MaxText = 4 << 20

// maxDepth bounds how deep collections nest.
const maxDepth = 256

// ErrUnparsed says that a text is not of its format, or that the format is unknown.
var ErrUnparsed = errors.New("unparsed")

// Kind is what a node is.
type Kind uint8

// The kinds of nodes.
const (
	Leaf    Kind = iota // one value
	Map                 // of names to what they have; a name may stand twice
	List                // items, which have no name
	Comment             // and nothing else: a comment is never part of another node
	Stream              // the documents of a text, which is the root
)

// Type is how a leaf is to be read.
type Type uint8

// The types of leaves.
const (
	String Type = iota
	Number
	Bool
	Null
	Other // a date, an alias, a tag of an application
)

// Node is a part of a text: Lead, Label, Text, its Nodes, End and Tail, in this order,
// are its bytes. Where Comma is set, one stands between its values, and none is part of
// a node.
type Node struct {
	Kind  Kind
	Type  Type   // of a leaf
	Name  string // in a Map, decoded
	Value string // of a leaf, decoded

	Lead  string // blanks and empty lines before it
	Label string // its name and what parts that from the value
	Text  string // of a leaf, the value as written; of the others, what opens it
	Nodes []*Node
	End   string // what closes it
	Tail  string // the rest of its line

	Comma    bool // commas stand between the values
	Trailing bool // and behind the last
	Cut      bool // of a root: the text ends without the line feed that was read
}

// Parse reads a text of a format: yaml, json, jsonc, toml, xml, hcl, or one of lines,
// ini, conf, sshd, sudoers, crontab, rsyslog, env, rules. The error is [ErrUnparsed].
func Parse(text, format string) (*Node, error) {
	if len(text) > MaxText {
		return nil, ErrUnparsed
	}
	root := read(text, format)
	if root == nil || !root.prints(text) {
		return nil, ErrUnparsed
	}
	return root, nil
}

// prints says whether the tree prints as the text, as it must.
func (n *Node) prints(text string) bool {
	if n.Cut {
		text += "\n"
	}
	rest, ok := n.cut(text)
	return ok && rest == ""
}

// cut takes what the node prints off the front of a text.
func (n *Node) cut(text string) (rest string, ok bool) {
	for _, part := range [...]string{n.Lead, n.Label, n.Text} {
		if text, ok = strings.CutPrefix(text, part); !ok {
			return text, false
		}
	}
	last := -1
	if n.Comma {
		last = n.lastValue()
	}
	for i, c := range n.Nodes {
		if text, ok = c.cut(text); !ok {
			return text, false
		}
		if n.Comma && c.Kind != Comment && (i < last || n.Trailing) {
			if text, ok = strings.CutPrefix(text, ","); !ok {
				return text, false
			}
		}
	}
	if text, ok = strings.CutPrefix(text, n.End); !ok {
		return text, false
	}
	return strings.CutPrefix(text, n.Tail)
}

// read is Parse without a look at what the tree prints; nil: unparsed.
func read(text, format string) *Node {
	mark := ""
	if rest, ok := strings.CutPrefix(text, "\ufeff"); ok {
		mark, text = "\ufeff", rest
	}
	cut := false
	if format != "json" && format != "jsonc" && format != "xml" && !strings.HasSuffix(text, "\n") {
		cut, text = true, text+"\n"
	}
	var root *Node
	switch format {
	case "json", "jsonc":
		root = readJSON(text, format == "jsonc")
	case "yaml":
		root = readYAML(text)
	case "toml":
		root = readTOML(text)
	case "xml":
		root = readXML(text)
	default:
		if s, ok := styles[format]; ok {
			root = readLines(text, s)
		}
	}
	if root != nil {
		root.Lead, root.Cut = mark+root.Lead, cut
	}
	return root
}

// String is the text.
func (n *Node) String() string {
	var b strings.Builder
	n.print(&b)
	if n.Cut {
		return strings.TrimSuffix(b.String(), "\n")
	}
	return b.String()
}

func (n *Node) print(b *strings.Builder) {
	b.WriteString(n.Lead)
	b.WriteString(n.Label)
	b.WriteString(n.Text)
	last := -1
	if n.Comma {
		last = n.lastValue()
	}
	for i, c := range n.Nodes {
		c.print(b)
		if n.Comma && c.Kind != Comment && (i < last || n.Trailing) {
			b.WriteByte(',')
		}
	}
	b.WriteString(n.End)
	b.WriteString(n.Tail)
}

// lastValue is the index of the last node that is no comment; -1: there is none.
func (n *Node) lastValue() int {
	i := len(n.Nodes) - 1
	for i >= 0 && n.Nodes[i].Kind == Comment {
		i--
	}
	return i
}

// add adds a node and returns it.
func (n *Node) add(c *Node) *Node {
	if n.Nodes == nil {
		n.Nodes = make([]*Node, 0, 6)
	}
	n.Nodes = append(n.Nodes, c)
	return c
}
