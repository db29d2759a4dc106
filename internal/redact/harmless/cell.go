package harmless

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/syntax"
)

// Cell is a value of a text and what stands around it.
type Cell struct {
	syntax.Span
	Name    []byte // of its key, or nil
	Lead    []byte // the word or value before it in its statement, or nil
	Second  []byte // the word before that, or nil
	First   []byte // the first word of its statement, or nil
	Parent  []byte // the block, or the key further out, that it stands in, or nil
	Quoted  bool
	Whole   bool // what follows a key up to the end of its line
	Comment bool
	Prose   bool // on a line that is a sentence
	Opens   bool // begins its statement, or a block: most often a keyword
	Row     bool // a field of a row whose fields stand between colons
	Left    bool // stands before a colon in its word
	Line    int  // where its line begins
}

// reader finds the cells of one text.
type reader struct {
	text  []byte
	yield func(Cell)

	parents []parent // keys that lines further in belong to
	blocks  [][]byte // names of the blocks that are open
	begin   int      // of the line
	block   string   // what ends the comment that is open
	named   []byte   // the value of the last key name or key
	element []byte   // name of the last key of a plist, or of the element
}

// parent is a key without a value on its line.
type parent struct {
	indent int
	name   []byte
}

// Cells finds the values of a text, whatever its syntax, in their order.
func Cells(text []byte, xml bool, yield func(Cell)) {
	r := &reader{text: text, yield: yield}
	if xml {
		r.elements()
		return
	}
	for at := 0; at < len(text); {
		end := at + bytes.IndexByte(text[at:], '\n')
		if end < at {
			end = len(text)
		}
		if end-at <= maxLine {
			r.line(at, end)
		}
		at = end + 1
	}
}

// maxLine bounds the lines that are read word by word: those of people are shorter.
const maxLine = 1 << 13

// line reads one line.
func (r *reader) line(start, end int) {
	for end > start && ascii.IsSpace(r.text[end-1]) {
		end--
	}
	first := start
	for first < end && ascii.IsBlank(r.text[first]) {
		first++
	}
	if first == end || bytes.HasPrefix(r.text[first:end], []byte("#!")) {
		return
	}
	r.begin = start
	if r.block != "" {
		r.inBlock(first, end)
		return
	}
	r.under(first - start)
	if n := commentSign(r.text[first:end]); n > 0 {
		r.comment(first, first+n, end)
		return
	}
	if r.text[first] == '[' && r.text[end-1] == ']' && !bytes.ContainsAny(r.text[first:end], "\"',=") {
		r.yield(Cell{Span: syntax.Span{Start: first + 1, End: end - 1}, Name: section, Line: start})
		return
	}
	r.read(first, end, first-start, false)
}

var section = []byte("section")

// inBlock reads a line of a comment over several lines.
func (r *reader) inBlock(first, end int) {
	if i := bytes.Index(r.text[first:end], []byte(r.block)); i >= 0 {
		end, r.block = first+i, ""
	}
	for first < end && bytes.IndexByte([]byte("* \t"), r.text[first]) >= 0 {
		first++
	}
	r.read(first, end, 0, true)
}

// comment reads what a comment says; its signs stand from sign to start.
func (r *reader) comment(sign, start, end int) {
	switch s := r.text[sign:start]; {
	case bytes.HasPrefix(s, []byte("/*")):
		r.block = "*/"
	case bytes.HasPrefix(s, []byte("<!--")):
		r.block = "-->"
	}
	if r.block != "" {
		r.inBlock(start, end)
		return
	}
	r.read(start, end, 0, true)
}

// commentSign is how long the signs and blanks are that begin a comment, or 0.
func commentSign(line []byte) int {
	n := 0
	switch {
	case line[0] == '#', line[0] == ';':
		n = 1
	case bytes.HasPrefix(line, []byte("//")), bytes.HasPrefix(line, []byte("/*")):
		n = 2
	case bytes.HasPrefix(line, []byte("<!--")):
		return 4
	case bytes.HasPrefix(line, []byte("-- ")), bytes.HasPrefix(line, []byte("--[")), bytes.HasPrefix(line, []byte("%%")), bytes.HasPrefix(line, []byte("''")):
		n = 2
	case len(line) > 1 && ascii.IsBlank(line[1]) && bytes.IndexByte([]byte("!%'*"), line[0]) >= 0:
		n = 1
	case len(line) > 4 && bytes.EqualFold(line[:4], []byte("rem ")), bytes.HasPrefix(line, []byte("dnl ")):
		n = 4
	default:
		return 0
	}
	for n < len(line) && bytes.IndexByte([]byte("#;/*!%- \t"), line[n]) >= 0 {
		n++
	}
	return n
}

// under forgets the parents of lines that are further in than this one.
func (r *reader) under(indent int) {
	n := len(r.parents)
	for n > 0 && r.parents[n-1].indent >= indent {
		n--
	}
	r.parents = r.parents[:n]
}

// maxDepth bounds how many parents are remembered.
const maxDepth = 64

// statement reads the words of a line.
func (r *reader) read(at, end, indent int, comment bool) {
	s := statement{reader: r, end: end, comment: comment, opens: true}
	for at < end && r.text[at] == '-' && at+1 < end && ascii.IsBlank(r.text[at+1]) {
		at += 2
		s.item = true
	}
	s.start, s.prose = at, isSentence(r.text[at:end])
	for at < end {
		at = s.next(at)
	}
	if s.name != nil && !comment && len(r.parents) < maxDepth {
		r.parents = append(r.parents, parent{indent, s.name})
	}
}

// isSentence says whether a line is one: it has many words, some of which sentences
// are made with.
func isSentence(line []byte) bool {
	words, small := 0, 0
	for w := range bytes.FieldsSeq(line[:min(len(line), maxItem)]) {
		words++
		if in(articles, w) || in(joints, w) {
			small++
		}
	}
	return words > 7 && small > 1
}

// joints are words that sentences are made with. Read only.
var joints = setOf(`of to and or is are be with from by on not if when can will should must has have as than then only all any no which`)
