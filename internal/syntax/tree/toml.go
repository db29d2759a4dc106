package tree

import (
	"regexp"
	"strings"
)

var hash = marks{line: "#"}

// tomlReader reads TOML: tables, and in them names with values.
type tomlReader struct {
	flow
	open []tomlTable // the tables that the next ones may belong to
}

// tomlTable is an open table; the root has no path.
type tomlTable struct {
	node *Node
	path string
}

func readTOML(text string) *Node {
	r := tomlReader{flow: flow{text: text, colon: '=', marks: hash, trailing: true, names: true, bare: tomlBare, bareLength: tomlBareLength, quoted: tomlQuoted}}
	root := &Node{Kind: Map}
	r.open = []tomlTable{{node: root}}
	for {
		in := r.open[len(r.open)-1].node
		lead := r.lineGap(in)
		if r.at >= len(text) {
			root.End = lead
			return root
		}
		ok := false
		if text[r.at] == '[' {
			ok = r.table(lead)
		} else {
			ok = r.entry(in.add(&Node{Lead: lead}))
		}
		if !ok {
			return nil
		}
	}
}

// lineGap passes blanks and comments between lines.
func (r *tomlReader) lineGap(n *Node) string {
	start := r.at
	r.at += r.marks.gap(r.text[start:])
	return n.comments(r.text[start:r.at], r.marks, true)
}

// table reads the line that begins a table: [a.b] or [[a.b]].
func (r *tomlReader) table(lead string) bool {
	rest := r.text[r.at:]
	line := rest[:lineEnd(rest)]
	brackets := 1
	if strings.HasPrefix(line, "[[") {
		brackets = 2
	}
	at := brackets
	path, n, ok := tomlName(line[at:])
	at += n
	if !ok || !strings.HasPrefix(line[at:], "]]"[:brackets]) {
		return false
	}
	at += brackets
	for len(r.open) > 1 && !strings.HasPrefix(path, r.open[len(r.open)-1].path+".") {
		r.open = r.open[:len(r.open)-1]
	}
	up := r.open[len(r.open)-1]
	t := up.node.add(&Node{Kind: Map, Lead: lead, Label: line[:at], Name: strings.TrimPrefix(path, up.path+".")})
	if up.path == "" {
		t.Name = path
	}
	r.at += at
	if len(r.open) < maxDepth {
		r.open = append(r.open, tomlTable{t, path})
	}
	return r.header(t)
}

// header reads what stands behind what opens a table: a comment, the end of the line.
func (r *tomlReader) header(t *Node) bool {
	rest := r.text[r.at:]
	n := spaces(rest)
	end := lineEnd(rest)
	brk := spacesBreak(rest[end:])
	switch {
	case n == end:
		t.Text = rest[:end+brk]
	case rest[n] == '#':
		t.add(&Node{Kind: Comment, Lead: rest[:n], Text: rest[n:end], Tail: rest[end : end+brk]})
	default:
		return false
	}
	r.at += end + brk
	return true
}

// spacesBreak is the length of the end of a line that s begins with.
func spacesBreak(s string) int {
	switch {
	case strings.HasPrefix(s, "\r\n"):
		return 2
	case strings.HasPrefix(s, "\n"):
		return 1
	}
	return 0
}

// entry reads a name, its value and the rest of the line.
func (r *tomlReader) entry(c *Node) bool {
	start := r.at
	name, n, ok := tomlName(r.text[r.at:])
	if !ok {
		return false
	}
	r.at += n
	if r.at >= len(r.text) || r.text[r.at] != '=' {
		return false
	}
	r.at++
	r.at += spaces(r.text[r.at:])
	c.Name, c.Label = name, r.text[start:r.at]
	return r.value(c) && r.restOfLine(c)
}

// restOfLine takes the rest of the line behind a value: nothing, or a comment.
func (r *flow) restOfLine(c *Node) bool {
	rest := r.text[r.at:]
	n, end := spaces(rest), lineEnd(rest)
	brk := end + spacesBreak(rest[end:])
	r.at += brk
	switch {
	case n == end:
		c.Tail = rest[:brk]
	case r.marks.begins(rest[n:]) > 0:
		c.trail(&Node{Kind: Comment, Lead: rest[:n], Text: rest[n:end]}, rest[end:brk])
	default:
		return false
	}
	return true
}

// trail gives c the comment that stands behind it on its line.
func (c *Node) trail(comment *Node, end string) {
	if len(c.Nodes) == 0 && c.End == "" {
		c.add(comment)
		c.Tail = end
		return
	}
	// Behind what closes a collection there is no place among its nodes.
	c.Tail = comment.Lead + comment.Text + end
}

// tomlName reads a dotted name, which may be quoted; n is its length with the blanks
// behind it.
func tomlName(s string) (name string, n int, ok bool) {
	var parts []string
	for {
		n += spaces(s[n:])
		part, length := "", 0
		if n < len(s) && (s[n] == '"' || s[n] == '\'') {
			if length, part, ok = tomlQuoted(s[n:]); !ok {
				return "", 0, false
			}
		} else if length = tomlBareName(s[n:]); length == 0 {
			return "", 0, false
		} else {
			part = s[n : n+length]
		}
		parts = append(parts, part)
		n += length
		n += spaces(s[n:])
		if n >= len(s) || s[n] != '.' {
			return strings.Join(parts, "."), n, true
		}
		n++
	}
}

func tomlBareName(s string) int {
	i := 0
	for i < len(s) && (s[i] == '_' || s[i] == '-' || s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z') {
		i++
	}
	return i
}

var (
	tomlNumber = regexp.MustCompile(`^[+-]?(0|[1-9](_?\d)*)(\.\d(_?\d)*)?([eE][+-]?\d(_?\d)*)?$|^0x[0-9a-fA-F](_?[0-9a-fA-F])*$|^0o[0-7](_?[0-7])*$|^0b[01](_?[01])*$|^[+-]?(inf|nan)$`)
	tomlTime   = regexp.MustCompile(`^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?)?$|^\d\d:\d\d:\d\d(\.\d+)?$`)
	tomlSpaced = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:`)
)

// tomlBareLength is how far a value goes that is not quoted; a blank may part a date
// from a time.
func tomlBareLength(s string) int {
	end := len(s)
	if i := strings.IndexAny(s, " \t\r\n,]}#"); i >= 0 {
		end = i
	}
	if end == len("2006-01-02") && tomlSpaced.MatchString(s) {
		return end + 1 + tomlBareLength(s[end+1:])
	}
	return end
}

func tomlBare(s string) (t Type, value string, ok bool) {
	switch {
	case s == "true" || s == "false":
		return Bool, s, true
	case tomlNumber.MatchString(s):
		return Number, strings.TrimPrefix(strings.ReplaceAll(s, "_", ""), "+"), true
	}
	return Other, s, tomlTime.MatchString(s)
}

// tomlQuoted reads a string with one or three quotes of either sort.
func tomlQuoted(s string) (n int, value string, ok bool) {
	quote := s[:1]
	if three := strings.Repeat(quote, 3); strings.HasPrefix(s, three) {
		return tomlLines(s, three)
	}
	if quote == `"` {
		n, ok = closing(s)
		if ok {
			value, ok = unescape(s[1 : n-1])
		}
		return n, value, ok
	}
	i := strings.IndexAny(s[1:], "'\n")
	if i < 0 || s[1+i] == '\n' {
		return 0, "", false
	}
	return i + 2, s[1 : 1+i], true
}

var tomlJoined = regexp.MustCompile(`\\[ \t]*\r?\n[ \t\r\n]*`)

// tomlLines reads a string of several lines.
func tomlLines(s, three string) (n int, value string, ok bool) {
	i := 3
	for ; i < len(s) && !strings.HasPrefix(s[i:], three); i++ {
		if s[i] == '\\' && three[0] == '"' {
			i++
		}
	}
	if i >= len(s) {
		return 0, "", false
	}
	for i+3 < len(s) && s[i+3] == three[0] && i < len(s)-3 { // quotes may stand before those that close
		i++
	}
	value = strings.TrimPrefix(strings.TrimPrefix(s[3:i], "\r"), "\n")
	ok = true
	if three[0] == '"' {
		value, ok = unescape(tomlJoined.ReplaceAllString(value, ""))
	}
	return i + 3, value, ok
}
