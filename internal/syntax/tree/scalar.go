package tree

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// simple reads, at its place, a value that shows where it ends: a scalar, an alias, a
// collection in brackets.
func (r *yamlReader) simple(n *Node, y *yaml.Node, col int, inFlow bool) bool {
	props := r.properties()
	start := r.at
	if y.Kind == yaml.ScalarNode || y.Kind == yaml.MappingNode || y.Kind == yaml.SequenceNode {
		r.at += len(props)
		if props != "" {
			r.at += hash.gap(r.text[r.at:])
		}
	}
	switch y.Kind {
	case yaml.AliasNode:
		n.Type, n.Value = Other, "*"+y.Value
		r.at++
		r.at += len(y.Value)
		ok := strings.HasPrefix(r.text[start:], n.Value)
		n.Text = r.text[start:min(r.at, len(r.text))]
		return ok
	case yaml.MappingNode, yaml.SequenceNode:
		return r.brackets(n, y, r.text[start:r.at])
	}
	n.Type, n.Value = yamlType(y), y.Value
	end := r.scalarEnd(y, col, inFlow)
	if end < 0 {
		return false
	}
	r.at = end
	n.Text = r.text[start:end]
	return true
}

// yamlType is the type of a scalar; a tag of an application belongs to its value.
func yamlType(y *yaml.Node) Type {
	switch y.ShortTag() {
	case "!!str":
		return String
	case "!!int", "!!float":
		return Number
	case "!!bool":
		return Bool
	case "!!null":
		return Null
	}
	return Other
}

// scalarEnd is where a scalar ends that begins at the place of reading; -1: not as the
// parser read it.
func (r *yamlReader) scalarEnd(y *yaml.Node, col int, inFlow bool) int {
	rest := r.text[r.at:]
	switch {
	case y.Style&yaml.DoubleQuotedStyle != 0:
		return r.quotedEnd(rest, '"')
	case y.Style&yaml.SingleQuotedStyle != 0:
		return r.quotedEnd(rest, '\'')
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return r.blockEnd(rest, col)
	case y.Value == "":
		return r.at
	}
	return r.plainEnd(rest, y.Value, inFlow)
}

func (r *yamlReader) quotedEnd(s string, quote byte) int {
	if s == "" || s[0] != quote {
		return -1
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			i++
		case s[i] != quote:
		case quote == '\'' && i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return r.at + i + 1
		}
	}
	return -1
}

// blockEnd is the end of the last line of a block scalar that is not empty; what it
// keeps of empty lines behind that belongs to it.
func (r *yamlReader) blockEnd(s string, col int) int {
	if s == "" || s[0] != '|' && s[0] != '>' {
		return -1
	}
	head := lineEnd(s)
	keep := strings.Contains(strings.SplitN(s[:head], "#", 2)[0], "+")
	end, at := r.at+head, r.lineAfter(r.at)
	for at < len(r.text) {
		line := r.text[at : at+lineEnd(r.text[at:])]
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case strings.TrimRight(line, " \t") == "":
			if keep {
				end = at + len(line)
			}
		case indent <= col || strings.HasPrefix(line, "---") && col < 0 || strings.HasPrefix(line, "...") && col < 0:
			return end
		default:
			end = at + len(line)
		}
		at = r.lineAfter(at)
	}
	return end
}

// plainEnd is where a plain scalar ends, which may go on in further lines.
func (r *yamlReader) plainEnd(s, value string, inFlow bool) int {
	at := 0
	for {
		end := at + plainLength(s[at:], inFlow)
		line := strings.TrimRight(s[at:end], " \t")
		rest, ok := strings.CutPrefix(value, line)
		if !ok {
			// The line holds more than the scalar.
			if !strings.HasPrefix(line, value) {
				return -1
			}
			return r.at + at + len(value)
		}
		if rest == "" {
			return r.at + at + len(line)
		}
		next := end + blank(s[end:])
		if next == end || end < len(s) && strings.IndexByte(s[end:next], '\n') < 0 || next >= len(s) {
			return -1
		}
		breaks := strings.Count(s[end:next], "\n")
		fold := " "
		if breaks > 1 {
			fold = strings.Repeat("\n", breaks-1)
		}
		if value, ok = strings.CutPrefix(rest, fold); !ok {
			return -1
		}
		at = next
	}
}

// plainLength is how far a line of a plain scalar may go.
func plainLength(s string, inFlow bool) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n' || c == '\r',
			c == '#' && i > 0 && (s[i-1] == ' ' || s[i-1] == '\t'),
			c == ':' && (i+1 >= len(s) || strings.IndexByte(" \t\r\n", s[i+1]) >= 0),
			inFlow && i > 0 && strings.IndexByte(",]}", c) >= 0:
			return i
		}
	}
	return len(s)
}

// brackets reads a collection in flow style.
func (r *yamlReader) brackets(n *Node, y *yaml.Node, props string) bool {
	if r.depth++; r.depth > maxDepth {
		return false
	}
	defer func() { r.depth-- }()
	kind, open, shut, step := Map, byte('{'), byte('}'), 2
	if y.Kind == yaml.SequenceNode {
		kind, open, shut, step = List, '[', ']', 1
	}
	if r.at >= len(r.text) || r.text[r.at] != open {
		return false
	}
	n.Kind, n.Comma, n.Text = kind, true, props+r.text[r.at:r.at+1]
	r.at++
	for i := 0; i < len(y.Content); i += step {
		c := &Node{Lead: r.flowGap(n)}
		n.add(c)
		if kind == Map && !r.flowName(c, y.Content[i]) {
			return false
		}
		if !r.flowValue(c, y.Content[i+step-1]) {
			return false
		}
		if !r.comma(c) && i+step < len(y.Content) {
			return false
		}
		n.Trailing = c.Cut
		c.Cut = false
	}
	n.End = r.flowGap(n)
	if r.at >= len(r.text) || r.text[r.at] != shut {
		return false
	}
	r.at++
	n.End += string(shut)
	n.Trailing = n.Trailing && n.lastValue() >= 0
	return true
}

// comma passes the comma behind a value. Until the next value comes, Cut of it says
// that there was one.
func (r *yamlReader) comma(c *Node) bool {
	f := flow{text: r.text, at: r.at, marks: hash}
	c.Cut = f.comma(c)
	r.at = f.at
	return c.Cut
}

func (r *yamlReader) flowGap(n *Node) string {
	f := flow{text: r.text, at: r.at, marks: hash}
	lead := f.gap(n)
	r.at = f.at
	return lead
}

// flowName reads a name in brackets, and the colon where there is one.
func (r *yamlReader) flowName(c *Node, key *yaml.Node) bool {
	start := r.at
	if key.Kind != yaml.ScalarNode || isEmpty(key) || r.place(key) != r.at {
		return false
	}
	var scratch Node
	if !r.simple(&scratch, key, -1, true) {
		return false
	}
	end := r.at + hash.gap(r.text[r.at:])
	if strings.HasPrefix(r.text[end:], ":") {
		end++
		r.at = end
		if next := end + hash.gap(r.text[end:]); next < len(r.text) && strings.IndexByte(",}]", r.text[next]) < 0 {
			r.at = next
		}
	}
	c.Name, c.Label = key.Value, r.text[start:r.at]
	return true
}

func (r *yamlReader) flowValue(c *Node, y *yaml.Node) bool {
	if isEmpty(y) {
		c.Type = Null
		return true
	}
	return r.place(y) == r.at && r.simple(c, y, -1, true)
}
