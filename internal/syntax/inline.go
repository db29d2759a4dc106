package syntax

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
)

// flow walks bracketed syntax: JSON with or without comments, flow collections
// of YAML, arrays and inline tables of TOML. It is lenient: it wants to know
// which value belongs to which key, not whether the text is right.
type flow struct {
	*walk
	at     int
	stack  []frame
	hash   bool // # begins a comment
	broken bool
}

// frame is one open bracket.
type frame struct {
	list bool
	base []string // path of the collection
	key  string   // key of the value to come, in a map
	want bool     // a value is to come
	pair pairs
}

// maxNesting bounds the open brackets that are remembered. Nothing that nests
// deeper was written by a person; it is left to the scan.
const maxNesting = 512

// collection walks one collection that begins at at and returns its end.
func (w *flow) collection(at int, base []string) int {
	w.at, w.stack = at, nil
	w.open(base)
	for w.at < len(w.text) && len(w.stack) > 0 && len(w.stack) < maxNesting {
		w.step()
	}
	w.broken = w.broken || len(w.stack) > 0
	return w.at
}

func (w *flow) open(base []string) {
	w.stack = append(w.stack, frame{list: w.text[w.at] == '[', base: base})
	w.at++
}

func (w *flow) top() *frame { return &w.stack[len(w.stack)-1] }

// path is the path of the value to come.
func (w *flow) path() []string {
	if t := w.top(); !t.list && t.want {
		return push(t.base, t.key)
	} else {
		return t.base
	}
}

// step reads one token.
func (w *flow) step() {
	text := w.text
	switch c := text[w.at]; {
	case ascii.IsSpace(c):
		w.at++
	case c == '{' || c == '[':
		path := w.path()
		w.top().want = false
		w.open(path)
	case c == '}' || c == ']':
		w.broken = w.broken || w.top().list != (c == ']')
		w.stack = w.stack[:len(w.stack)-1]
		w.at++
	case c == ',':
		w.top().want = false
		w.at++
	case c == ':' || c == '=':
		w.top().want = true
		w.at++
	case c == '#' && w.hash, c == '/' && w.at+1 < len(text) && text[w.at+1] == '/':
		w.skipLine()
	case c == '/' && w.at+1 < len(text) && text[w.at+1] == '*':
		w.skipComment()
	default:
		w.scalar()
	}
}

func (w *flow) skipLine() {
	i := bytes.IndexByte(w.text[w.at:], '\n')
	if i < 0 {
		i = len(w.text) - w.at
	}
	w.at += i
}

func (w *flow) skipComment() {
	i := bytes.Index(w.text[w.at:], []byte("*/"))
	if i < 0 {
		i = len(w.text) - w.at - 2
	}
	w.at += i + 2
}

// scalar reads a key or a value.
func (w *flow) scalar() {
	l := Leaf{Quoted: w.text[w.at] == '"' || w.text[w.at] == '\''}
	if l.Quoted {
		l.Span, w.at = Quoted(w.text, w.at)
	} else {
		start := w.at
		for w.at < len(w.text) && !w.endsScalar() {
			w.at++
		}
		l.Span = Span{start, Trim(w.text, Span{start, w.at}).End}
		if w.at == start {
			w.at++
		}
	}
	t := w.top()
	if !t.list && !t.want {
		t.key = keyName(w.text[l.Start:l.End])
		return
	}
	l.Path = w.path()
	t.want = false
	w.value(t, l)
}

func (w *flow) endsScalar() bool {
	switch c := w.text[w.at]; c {
	case ',', '{', '}', '[', ']', '\n', '=':
		return true
	case ':':
		return w.at+1 >= len(w.text) || ascii.IsSpace(w.text[w.at+1]) || !w.top().want
	}
	return false
}

func (w *flow) value(t *frame, l Leaf) {
	if len(l.Path) == 0 {
		return
	}
	if !t.list {
		l.Pair = t.pair.take(w.text, t.key, l.Span)
	}
	w.give(l)
}

// json walks one or more JSON values.
func (w *walk) json() bool {
	in := flow{walk: w}
	at, ok := 0, true
	for at < len(w.text) && !w.done {
		if c := w.text[at]; c == '{' || c == '[' {
			at = in.collection(at, nil)
			w.document++
			continue
		}
		in.at = at
		if bytes.HasPrefix(w.text[at:], []byte("//")) {
			in.skipLine()
			at = in.at
			continue
		}
		ok = ok && (ascii.IsSpace(w.text[at]) || w.text[at] >= 0x80 || ascii.IsAlnum(w.text[at]) || w.text[at] == '"' || w.text[at] == ',')
		at++
	}
	return ok && !in.broken
}
