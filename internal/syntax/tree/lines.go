package tree

import "strings"

// style is how a format of lines is to be read.
type style struct {
	marks    string // bytes that begin a comment at the start of a line
	equals   bool   // names end at = or :, and only there
	sections bool   // [name]
	braces   bool   // a block ends its first line with {, [ or (, and a blank and # begin a comment on any line
	angles   bool   // <name>
	indented bool   // lines indented deeper belong to the line before
	goesOn   bool   // they go on its value
	table    bool   // lines have no name
	match    bool   // Match and Host begin blocks
	quotes   bool   // a quote may close on a later line
}

// styles are the formats of lines.
var styles = map[string]style{
	"ini":     {marks: "#;", equals: true, sections: true, goesOn: true},
	"conf":    {marks: "#;!", sections: true, braces: true, angles: true, indented: true},
	"hcl":     {marks: "#/", braces: true},
	"sshd":    {marks: "#", match: true},
	"rsyslog": {marks: "#", braces: true},
	"env":     {marks: "#", equals: true, quotes: true},
	"sudoers": {marks: "#", table: true},
	"crontab": {marks: "#", table: true},
	"rules":   {marks: "#", table: true},
}

// block is an open part of a text of lines.
type block struct {
	node   *Node
	shut   string // what closes it: }, ], ), </name>; empty: the next of its sort, or the end
	indent int    // of the lines in it, where that is what holds it together
}

type lineReader struct {
	style
	text string
	at   int
	from int // where what no node has begins: empty lines before the line at hand
	open []block
	last *Node // the statement read last in the block at hand
	deep int   // the indent of that
}

// readLines reads a text of lines.
func readLines(text string, s style) *Node {
	root := &Node{Kind: Map}
	if s.table {
		root.Kind = List
	}
	r := lineReader{style: s, text: text, open: []block{{node: root}}}
	for r.at < len(text) {
		if !r.line() {
			return nil
		}
	}
	for _, b := range r.open {
		if b.shut != "" {
			return nil
		}
	}
	root.End = r.lead()
	return root
}

// lead is what stands before the line at hand and belongs to no node yet.
func (r *lineReader) lead() string { return r.text[r.from:r.at] }

// taken: what is read up to a place belongs to nodes.
func (r *lineReader) taken(at int) { r.at, r.from = at, at }

func (r *lineReader) top() *block { return &r.open[len(r.open)-1] }

// line reads a line, and those that belong to it.
func (r *lineReader) line() bool {
	rest := r.text[r.at:]
	end := lineEnd(rest)
	brk := end + spacesBreak(rest[end:])
	indent := spaces(rest)
	content := strings.TrimRight(rest[indent:max(indent, end)], " \t")
	switch {
	case content == "":
		r.at += brk
	case isTemplate(content):
		return false
	case r.isComment(content):
		r.comment(rest, indent, end)
		return true
	default:
		r.outdent(indent)
		return r.statement(content, rest, indent, end, brk)
	}
	return true
}

// beforeComment is what of a line stands before a comment.
func (r *lineReader) beforeComment(line string) string {
	if !r.braces {
		return line
	}
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case c == '#' && i > 0 && (line[i-1] == ' ' || line[i-1] == '\t'):
			return strings.TrimRight(line[:i], " \t")
		}
	}
	return line
}

// isTemplate: the text is made into a configuration by something else.
func isTemplate(line string) bool {
	return strings.HasPrefix(line, "<%") || strings.HasPrefix(line, "{{") || strings.HasPrefix(line, "{%")
}

func (r *lineReader) isComment(content string) bool {
	if r.marks == "#/" {
		return content[0] == '#' || strings.HasPrefix(content, "//") || strings.HasPrefix(content, "/*")
	}
	return strings.IndexByte(r.marks, content[0]) >= 0
}

// comment reads lines of comments that follow each other.
func (r *lineReader) comment(rest string, indent, end int) {
	if strings.HasPrefix(rest[indent:], "/*") {
		if i := strings.Index(rest[indent:], "*/"); i >= 0 {
			end = indent + i + lineEnd(rest[indent+i:])
		}
	}
	for {
		next := end + spacesBreak(rest[end:])
		more := next + spaces(rest[next:])
		if next == end || more >= len(rest) || lineEnd(rest[more:]) == 0 || !r.isComment(rest[more:more+1]) || strings.HasPrefix(rest[more:], "/") {
			break
		}
		end = more + lineEnd(rest[more:])
	}
	brk := end + spacesBreak(rest[end:])
	r.top().node.add(&Node{Kind: Comment, Lead: r.lead() + rest[:indent], Text: rest[indent:end], Tail: rest[end:brk]})
	r.taken(r.at + brk)
}

// outdent leaves the blocks that are held together by a deeper indent.
func (r *lineReader) outdent(indent int) {
	for r.top().indent > indent {
		r.open = r.open[:len(r.open)-1]
		r.last = nil
	}
}

// statement reads a line that says something.
func (r *lineReader) statement(content, rest string, indent, end, brk int) bool {
	c := &Node{Lead: r.lead() + rest[:indent]}
	content = r.beforeComment(content)
	if len(r.open) > maxDepth {
		return false
	}
	switch first, last := content[0], content[len(content)-1]; {
	case r.sections && first == '[' && r.sectionName(content) != "":
		for len(r.open) > 1 {
			if r.top().shut != "" {
				return false
			}
			r.open = r.open[:len(r.open)-1]
		}
		c.Name = r.sectionName(content)
		r.begin(c, block{}, rest[indent:brk])
	case r.braces && strings.IndexByte("}])", first) >= 0:
		return r.shut(content, rest[:brk])
	case r.angles && strings.HasPrefix(content, "</"):
		return r.shutAngle(content, rest[:brk])
	case r.angles && first == '<' && last == '>':
		name := strings.Trim(content, "<>")
		c.Name = normal(name)
		r.begin(c, block{shut: "</" + strings.ToLower(firstWord(name)) + ">"}, rest[indent:brk])
	case r.braces && strings.IndexByte("{[(", last) >= 0:
		c.Name = normal(strings.TrimRight(content[:len(content)-1], " \t=:"))
		shut := map[byte]string{'{': "}", '[': "]", '(': ")"}[last]
		if last != '{' {
			c.Kind = List
		}
		r.begin(c, block{shut: shut}, rest[indent:brk])
	case r.match && (strings.EqualFold(firstWord(content), "match") || strings.EqualFold(firstWord(content), "host")):
		for len(r.open) > 1 {
			r.open = r.open[:len(r.open)-1]
		}
		c.Name = normal(content)
		r.begin(c, block{}, rest[indent:brk])
	case r.indented && r.last != nil && indent > r.deep:
		r.nest(indent)
		return true // the line is read again, in the block that it begins
	default:
		return r.plain(c, rest, indent, end)
	}
	r.taken(r.at + brk)
	return true
}

// begin adds a block whose first line is header.
func (r *lineReader) begin(c *Node, b block, header string) {
	if c.Kind == Leaf {
		c.Kind = Map
	}
	if r.top().node.Kind == List && !r.table {
		c.Value, c.Name = c.Name, ""
	}
	c.Text = header
	if bare := r.beforeComment(header); len(bare) < len(strings.TrimRight(header, " \t\r\n")) {
		note := header[len(bare):]
		at, end := spaces(note), lineEnd(note)
		c.Text = bare
		c.add(&Node{Kind: Comment, Lead: note[:at], Text: note[at:end], Tail: note[end:]})
	}
	r.last = nil
	b.node = r.top().node.add(c)
	b.indent = r.top().indent
	r.open = append(r.open, b)
}

// nest makes the last statement a block, whose lines are indented deeper.
func (r *lineReader) nest(indent int) {
	c := r.last
	c.Kind, c.Name = Map, normal(c.Label+c.Text)
	c.Text, c.Value = c.Text+c.End+c.Tail, ""
	c.End, c.Tail = "", ""
	r.last = nil
	in := r.top().node // comments since then are of the block too
	at := len(in.Nodes) - 1
	for in.Nodes[at] != c {
		at--
	}
	c.Nodes = append(c.Nodes, in.Nodes[at+1:]...)
	in.Nodes = in.Nodes[:at+1]
	r.open = append(r.open, block{node: c, indent: indent})
}

// shut closes the block that a bracket belongs to. What stands behind it, as else {,
// begins another.
func (r *lineReader) shut(content, line string) bool {
	for r.top().shut == "" && len(r.open) > 1 {
		r.open = r.open[:len(r.open)-1] // held together by indent
	}
	b := r.top()
	if b.shut != content[:1] {
		return false
	}
	r.open = r.open[:len(r.open)-1]
	r.last = nil
	behind := strings.TrimSpace(content[1:])
	if n := len(behind); n > 0 && behind[n-1] == '{' && behind != "{" {
		at := strings.Index(line, content[:1]) + 1
		b.node.End = r.lead() + line[:at]
		c := &Node{Name: normal(behind[:n-1])}
		r.begin(c, block{shut: "}"}, line[at:])
		r.taken(r.at + len(line))
		return true
	}
	b.node.End = r.lead() + line
	r.taken(r.at + len(line))
	return true
}

func (r *lineReader) shutAngle(content, line string) bool {
	for r.top().shut == "" && len(r.open) > 1 {
		r.open = r.open[:len(r.open)-1]
	}
	b := r.top()
	if b.shut == "" || !strings.HasPrefix(strings.ToLower(content), strings.TrimSuffix(b.shut, ">")) {
		return false
	}
	r.open = r.open[:len(r.open)-1]
	b.node.End, r.last = r.lead()+line, nil
	r.taken(r.at + len(line))
	return true
}

// sectionName is what stands in the brackets of a line that begins a section; empty:
// it begins none.
func (r *lineReader) sectionName(content string) string {
	i := strings.IndexByte(content, ']')
	if i < 0 {
		return ""
	}
	if strings.HasPrefix(content, "[[") && strings.HasPrefix(content[i:], "]]") {
		i++
	}
	if behind := strings.TrimSpace(content[i+1:]); behind != "" && strings.IndexByte("#;", behind[0]) < 0 {
		return ""
	}
	return strings.TrimSpace(content[1:i])
}

// normal is a line with single blanks.
func normal(s string) string { return strings.Join(strings.Fields(s), " ") }

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i]
	}
	return s
}
