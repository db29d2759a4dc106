package tree

import "strings"

// flow reads what stands in brackets: JSON with or without comments, the arrays and
// inline tables of TOML.
type flow struct {
	text     string
	at       int
	depth    int
	colon    byte // between name and value
	marks    marks
	trailing bool // a comma may stand behind the last value
	// bare reads a value that is not quoted.
	bare func(s string) (t Type, value string, ok bool)
	// bareLength is how far that goes.
	bareLength func(s string) int
	// quoted is the length of the quoted string that s begins with, and its content.
	quoted func(s string) (n int, value string, ok bool)
	names  bool // names may be bare
	spare  []Node
}

// node is a new one; they are made many at a time.
func (f *flow) node() *Node {
	if len(f.spare) == 0 {
		f.spare = make([]Node, min(max(8, len(f.text)/256), 128))
	}
	n := &f.spare[0]
	f.spare = f.spare[1:]
	return n
}

// value reads the value at f.at into n.
func (f *flow) value(n *Node) bool {
	rest := f.text[f.at:]
	if rest == "" {
		return false
	}
	switch rest[0] {
	case '{':
		return f.collection(n, Map, '}')
	case '[':
		return f.collection(n, List, ']')
	case '"', '\'':
		length, value, ok := f.quoted(rest)
		n.Text, n.Value, n.Type = rest[:length], value, String
		f.at += length
		return ok
	}
	length := f.bareLength(rest)
	t, value, ok := f.bare(rest[:length])
	n.Text, n.Value, n.Type = rest[:length], value, t
	f.at += length
	return ok
}

// nameLength is how far a name or value goes that is not quoted.
func nameLength(s string) int {
	i := 0
	for i < len(s) && strings.IndexByte(" \t\r\n,:=[]{}#\"'/", s[i]) < 0 {
		i++
	}
	return i
}

// collection reads what stands between two brackets.
func (f *flow) collection(n *Node, kind Kind, shut byte) bool {
	if f.depth++; f.depth > maxDepth {
		return false
	}
	n.Kind, n.Comma = kind, true
	n.Text = f.text[f.at : f.at+1]
	f.at++
	comma := true // the next value may come
	for {
		lead := f.gap(n)
		switch {
		case f.at >= len(f.text):
			return false
		case f.text[f.at] == shut:
			f.at++
			n.Trailing = comma && n.lastValue() >= 0
			n.End = f.text[f.at-1-len(lead) : f.at]
			f.depth--
			return !n.Trailing || f.trailing
		case !comma:
			return false
		}
		c := n.add(f.node())
		c.Lead = lead
		if kind == Map && !f.name(c) || !f.value(c) {
			return false
		}
		comma = f.comma(c)
	}
}

// gap passes white space and comments, which become nodes of n.
func (f *flow) gap(n *Node) (lead string) {
	start := f.at
	f.at += f.marks.gap(f.text[start:])
	return n.comments(f.text[start:f.at], f.marks, false)
}

// name reads a name and what parts it from its value.
func (f *flow) name(c *Node) bool {
	start, rest := f.at, f.text[f.at:]
	if rest[0] == '"' || rest[0] == '\'' {
		length, name, ok := f.quoted(rest)
		if !ok {
			return false
		}
		c.Name = name
		f.at += length
	} else {
		length := nameLength(rest)
		if length == 0 || !f.names {
			return false
		}
		c.Name = rest[:length]
		f.at += length
	}
	f.at += f.marks.gap(f.text[f.at:])
	if f.at >= len(f.text) || f.text[f.at] != f.colon {
		return false
	}
	f.at++
	f.at += f.marks.gap(f.text[f.at:])
	c.Label = f.text[start:f.at]
	return true
}

// comma passes the comma behind a value, with what stands before it.
func (f *flow) comma(c *Node) bool {
	end := f.at + f.marks.gap(f.text[f.at:])
	if end >= len(f.text) || f.text[end] != ',' {
		return false
	}
	c.Tail = f.text[f.at:end]
	f.at = end + 1
	return true
}
