package redact

import (
	"bytes"
	"strconv"
)

// flow walks bracketed syntax: JSON with or without comments, flow collections
// of YAML, arrays and inline tables of TOML. It is lenient: it wants to know
// which value belongs to which key, not whether the text is right.
type flow struct {
	f      *finder
	at     int
	stack  []frame
	doc    *manifest
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
	for w.at < len(w.f.text) && len(w.stack) > 0 && len(w.stack) < maxNesting {
		w.step()
	}
	w.broken = w.broken || len(w.stack) > 0
	return w.at
}

func (w *flow) open(base []string) {
	w.stack = append(w.stack, frame{list: w.f.text[w.at] == '[', base: base})
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
	text := w.f.text
	switch c := text[w.at]; {
	case isSpace(c):
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
	i := bytes.IndexByte(w.f.text[w.at:], '\n')
	if i < 0 {
		i = len(w.f.text) - w.at
	}
	w.at += i
}

func (w *flow) skipComment() {
	i := bytes.Index(w.f.text[w.at:], []byte("*/"))
	if i < 0 {
		i = len(w.f.text) - w.at - 2
	}
	w.at += i + 2
}

// scalar reads a key or a value.
func (w *flow) scalar() {
	l := leaf{quoted: w.f.text[w.at] == '"' || w.f.text[w.at] == '\''}
	if l.quoted {
		l.start, l.end, w.at = scanQuoted(w.f.text, w.at)
	} else {
		l.start = w.at
		for w.at < len(w.f.text) && !w.endsScalar() {
			w.at++
		}
		_, l.end = trimmed(w.f.text, l.start, w.at)
		if w.at == l.start {
			w.at++
		}
	}
	t := w.top()
	if !t.list && !t.want {
		t.key = keyName(w.f.text[l.start:l.end])
		return
	}
	l.path = w.path()
	t.want = false
	w.value(t, l)
}

func (w *flow) endsScalar() bool {
	switch c := w.f.text[w.at]; c {
	case ',', '{', '}', '[', ']', '\n', '=':
		return true
	case ':':
		return w.at+1 >= len(w.f.text) || isSpace(w.f.text[w.at+1]) || !w.top().want
	}
	return false
}

func (w *flow) value(t *frame, l leaf) {
	if len(l.path) == 0 {
		return
	}
	w.f.leaf(l)
	if !t.list {
		w.f.pair(&t.pair, t.key, l)
	}
	if w.doc != nil {
		w.f.observe(w.doc, l)
	}
}

// keyName is the name of a key, with its escapes resolved as far as they hide
// letters: pass\u0077ord.
func keyName(raw []byte) string {
	name := raw[:min(len(raw), maxName)]
	if bytes.IndexByte(name, '\\') < 0 {
		return string(name)
	}
	raw = raw[:min(len(raw), 10*maxName)]
	out := make([]byte, 0, maxName)
	for len(raw) > 0 && len(out) < maxName {
		c, n := unescaped(raw)
		out = append(out, c)
		raw = raw[n:]
	}
	return string(out)
}

// escapeDigits says how many digits follow \x, \u and \U.
var escapeDigits = map[byte]int{'x': 2, 'u': 4, 'U': 8}

// unescaped reads one character of a string, and its length there. Only ASCII is
// resolved: no name that tells anything has other letters.
func unescaped(raw []byte) (c byte, n int) {
	if raw[0] != '\\' || len(raw) < 2 {
		return raw[0], 1
	}
	n = 2 + escapeDigits[raw[1]]
	if n == 2 || len(raw) < n {
		return raw[0], 1
	}
	code, err := strconv.ParseUint(string(raw[2:n]), 16, 32)
	if err != nil || code >= 0x80 {
		return raw[0], 1
	}
	return byte(code), n
}

// scanQuoted reads a quoted string at at, with one or three quotes; it returns
// its content and where reading goes on.
func scanQuoted(text []byte, at int) (start, end, next int) {
	q := text[at]
	if three := bytes.Repeat(text[at:at+1], 3); bytes.HasPrefix(text[at:], three) {
		start = at + 3
		if i := bytes.Index(text[start:], three); i >= 0 {
			return start, start + i, start + i + 3
		}
		return start, len(text), len(text)
	}
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && q == '"':
			i++
		case text[i] == q && q == '\'' && i+1 < len(text) && text[i+1] == q:
			i++
		case text[i] == q:
			return at + 1, i, i + 1
		}
	}
	return at + 1, len(text), len(text)
}

// walkJSON walks one or more JSON values.
func (f *finder) walkJSON() bool {
	var doc manifest
	w := flow{f: f, doc: &doc}
	at, ok := 0, true
	for at < len(f.text) {
		if c := f.text[at]; c == '{' || c == '[' {
			at = w.collection(at, nil)
			f.settleManifest(&doc)
			continue
		}
		w.at = at
		if bytes.HasPrefix(f.text[at:], []byte("//")) {
			w.skipLine()
			at = w.at
			continue
		}
		ok = ok && (isSpace(f.text[at]) || f.text[at] >= 0x80 || isAlnum(f.text[at]) || f.text[at] == '"' || f.text[at] == ',')
		at++
	}
	return ok && !w.broken
}
