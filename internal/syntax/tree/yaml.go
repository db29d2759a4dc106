package tree

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// readYAML takes structure and values from the YAML parser, which says where each
// node begins; what lies between two of them is told apart here. Nothing is guessed:
// where a value does not end as the parser read it, the text is unparsed.
func readYAML(text string) *Node {
	docs, ok := yamlNodes(text)
	if !ok {
		return nil
	}
	r := yamlReader{text: text, starts: lineStarts(text)}
	root := &Node{Kind: Stream}
	for _, d := range docs {
		if !r.document(root, d.Content[0]) {
			return nil
		}
	}
	root.End = root.comments(text[r.at:], hash, true)
	return root
}

// maxDocuments bounds the documents of one text; the parser takes longer for each.
const maxDocuments = 2000

// yamlNodes parses the documents of a text.
func yamlNodes(text string) (docs []*yaml.Node, ok bool) {
	if strings.ContainsAny(strings.ReplaceAll(text, "\r\n", ""), "\r\u0085\u2028\u2029\ufeff") {
		return nil, false // the parser counts lines by them too
	}
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		n := new(yaml.Node)
		err := d.Decode(n)
		if errors.Is(err, io.EOF) {
			return docs, true
		}
		if err != nil || n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
			return nil, false
		}
		if docs = append(docs, n); len(docs) > maxDocuments {
			return nil, false
		}
	}
}

// lineStarts are the places where lines begin.
func lineStarts(text string) []int {
	starts := []int{0}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// yamlReader consumes a text node by node.
type yamlReader struct {
	text   string
	starts []int
	at     int
	depth  int

	line, column, point int // the place asked for last
}

// place is where a node begins; -1: nowhere. Columns are counted in characters, from
// the place asked for last if that is on the same line.
func (r *yamlReader) place(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(r.starts) || n.Column < 1 {
		return -1
	}
	if r.line != n.Line || r.column > n.Column {
		r.line, r.column, r.point = n.Line, 1, r.starts[n.Line-1]
	}
	for r.column < n.Column && r.point < len(r.text) && r.text[r.point] != '\n' {
		_, size := utf8.DecodeRuneInString(r.text[r.point:])
		r.point += size
		r.column++
	}
	if r.column < n.Column {
		return -1
	}
	return r.point
}

// document reads one document, with the line that begins it.
func (r *yamlReader) document(root *Node, n *yaml.Node) bool {
	place := r.place(n)
	if isEmpty(n) {
		place = len(r.text)
		if i := r.marker(r.at, place); i >= 0 {
			place = r.lineAfter(i)
		}
	}
	if place < r.at {
		return false
	}
	d := &Node{}
	if i := r.lastMarker(r.at, place); i >= 0 {
		d.Lead = root.comments(r.text[r.at:i], hash, true)
		r.at = i + len("---")
		r.at += spaces(r.text[r.at:])
		if brk := spacesBreak(r.text[r.at:]); brk > 0 && r.at+brk <= place {
			r.at += brk
		}
		d.Label = r.text[i:r.at]
	}
	root.add(d)
	if isEmpty(n) {
		d.Type = Null
		return true
	}
	return r.value(d, n, -1)
}

// marker is the place of the first line with --- between two places; -1: none.
func (r *yamlReader) marker(from, to int) int {
	for at := from; at < to; at = r.lineAfter(at) {
		if strings.HasPrefix(r.text[at:], "---") {
			return at
		}
	}
	return -1
}

func (r *yamlReader) lastMarker(from, to int) int {
	last := -1
	for at := r.marker(from, to); at >= 0; at = r.marker(r.lineAfter(at), to) {
		last = at
	}
	return last
}

// lineAfter is where the line after the one at a place begins.
func (r *yamlReader) lineAfter(at int) int {
	i := strings.IndexByte(r.text[at:], '\n')
	if i < 0 {
		return len(r.text)
	}
	return at + i + 1
}

// isEmpty: nothing is written where the value stands.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Anchor == "" && n.Style&^yaml.TaggedStyle == 0 && n.Style&yaml.TaggedStyle == 0
}

// value reads a value and the rest of its line. col is the column of what it belongs
// to.
func (r *yamlReader) value(n *Node, y *yaml.Node, col int) bool {
	if r.depth++; r.depth > maxDepth {
		return false
	}
	defer func() { r.depth-- }()
	place := r.place(y)
	switch {
	case isEmpty(y):
		n.Type = Null
		return r.restOfLine(n)
	case place < r.at:
		return false
	case y.Kind == yaml.ScalarNode || y.Kind == yaml.AliasNode || y.Style&yaml.FlowStyle != 0:
		gap := r.text[r.at:place]
		n.Label += gap
		if strings.TrimLeft(gap, " \t\r\n") != "" && !onlyComments(gap) {
			return false
		}
		r.at = place
		return r.simple(n, y, col, false) && r.restOfLine(n)
	case y.Anchor != "" || y.Style&yaml.TaggedStyle != 0:
		n.Label += r.text[r.at:place]
		if !onlyComments(r.text[r.at:place]) {
			return false
		}
		r.at = place
		n.Text = r.properties()
		r.at += len(n.Text)
	}
	if start := r.contentPlace(y); start >= r.at && !r.freshLine() {
		r.header(n, start)
	}
	if y.Kind == yaml.SequenceNode {
		return r.sequence(n, y)
	}
	return y.Kind == yaml.MappingNode && r.mapping(n, y)
}

// contentPlace is where the first line of a collection in block style is.
func (r *yamlReader) contentPlace(y *yaml.Node) int {
	if y.Kind == yaml.MappingNode && len(y.Content) > 0 {
		return r.place(y.Content[0])
	}
	return r.at + hash.gap(r.text[r.at:])
}

// onlyComments: there is nothing else but white space in a gap.
func onlyComments(gap string) bool { return hash.gap(gap) == len(gap) }

// properties are the tags and anchors at the place of reading.
func (r *yamlReader) properties() string {
	at := r.at
	for at < len(r.text) && (r.text[at] == '&' || r.text[at] == '!') {
		for at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[at]) < 0 {
			at++
		}
		at += spaces(r.text[at:])
	}
	return strings.TrimRight(r.text[r.at:at], " \t")
}

// mapping reads a mapping in block style.
func (r *yamlReader) mapping(n *Node, y *yaml.Node) bool {
	n.Kind = Map
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		place := r.place(key)
		if place < r.at || key.Kind != yaml.ScalarNode || isEmpty(key) {
			return false
		}
		c := &Node{Name: key.Value, Lead: n.comments(r.text[r.at:place], hash, r.freshLine())}
		n.add(c)
		r.at = place
		// ? before a name, and whatever else is not read here, stands in a gap.
		if strings.TrimSpace(c.Lead) != "" || !r.name(c, key) || !r.value(c, value, key.Column-1) {
			return false
		}
	}
	return true
}

// name reads the name of an entry in block style, and the colon.
func (r *yamlReader) name(c *Node, key *yaml.Node) bool {
	start := r.at
	var name Node
	if !r.simple(&name, key, key.Column-2, true) {
		return false
	}
	r.at += spaces(r.text[r.at:])
	if !strings.HasPrefix(r.text[r.at:], ":") {
		return false
	}
	r.at++
	c.Label = r.text[start:r.at]
	return true
}

// header takes the rest of the line that a collection in block style is below.
func (r *yamlReader) header(n *Node, place int) {
	rest := r.text[r.at:place]
	end, blanks := lineEnd(rest), spaces(rest)
	brk := end + spacesBreak(rest[end:])
	switch {
	case brk == end: // it begins on this line
		return
	case blanks == end:
		n.Text += rest[:brk]
	case rest[blanks] == '#':
		n.add(&Node{Kind: Comment, Lead: rest[:blanks], Text: rest[blanks:end], Tail: rest[end:brk]})
	default:
		return
	}
	r.at += brk
}

// freshLine: the place of reading is where a line begins.
func (r *yamlReader) freshLine() bool { return r.at == 0 || r.text[r.at-1] == '\n' }

// sequence reads a sequence in block style.
func (r *yamlReader) sequence(n *Node, y *yaml.Node) bool {
	n.Kind = List
	for _, item := range y.Content {
		dash := r.at + hash.gap(r.text[r.at:])
		if dash >= len(r.text) || r.text[dash] != '-' {
			return false
		}
		c := &Node{Lead: n.comments(r.text[r.at:dash], hash, r.freshLine())}
		n.add(c)
		r.at = dash + 1
		blanks := spaces(r.text[r.at:])
		if end := r.at + blanks; spacesBreak(r.text[end:]) == 0 && r.text[end] != '#' {
			r.at = end
		}
		c.Label = r.text[dash:r.at]
		if !r.value(c, item, y.Column-1) {
			return false
		}
	}
	return true
}

// restOfLine takes the rest of the line behind a value.
func (r *yamlReader) restOfLine(n *Node) bool {
	f := flow{text: r.text, at: r.at, marks: hash}
	if r.freshLine() {
		return true // it ended with its line
	}
	ok := f.restOfLine(n)
	r.at = f.at
	return ok
}
