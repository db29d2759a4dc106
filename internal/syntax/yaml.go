package syntax

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
)

// yamlWalk follows block YAML by its indentation.
type yamlWalk struct {
	*walk
	at    int // start of the next line
	stack []yamlKey
	flow  flow
	ok    bool
}

// yamlKey is one open key of a block mapping.
type yamlKey struct {
	col  int
	path []string // path of the key itself
	pair pairs    // of the mapping the key stands in
}

// yaml walks a YAML text. It returns false if lines were met that are no YAML,
// as in templates.
func (w *walk) yaml() bool {
	y := yamlWalk{walk: w, ok: true, flow: flow{walk: w, hash: true}}
	for y.at < len(w.text) && !w.done {
		y.line()
	}
	return y.ok && !y.flow.broken
}

// line reads one line, and the following ones that belong to its value.
func (w *yamlWalk) line() {
	start, end := w.at, w.endOf(w.at)
	w.at = end + 1
	col := Indent(w.text[start:end])
	content := Trim(w.text, Span{start + col, end})
	rest := w.text[content.Start:content.End]
	switch {
	case len(rest) == 0 || rest[0] == '#' || rest[0] == '%':
		return
	case bytes.HasPrefix(rest, []byte("---")) || string(rest) == "...":
		w.document++
		w.stack = w.stack[:0]
		return
	case bytes.HasPrefix(rest, []byte("{{")) || bytes.HasPrefix(rest, []byte("{%")) || bytes.HasPrefix(rest, []byte("<%")):
		w.ok = false
		return
	}
	w.entry(content.Start-start, content.Start, content.End)
}

func (w *yamlWalk) endOf(at int) int {
	if i := bytes.IndexByte(w.text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(w.text)
}

// entry reads list dashes, then a key or a scalar. col is the column of from.
func (w *yamlWalk) entry(col, from, to int) {
	indent := col
	for from < to && w.text[from] == '-' && (from+1 == to || ascii.IsBlank(w.text[from+1])) {
		w.pop(col, true)
		next := from + 1
		for next < to && ascii.IsBlank(w.text[next]) {
			next++
		}
		col += next - from
		from = next
	}
	if from >= to {
		return
	}
	if from+1 < to && ascii.IsBlank(w.text[from+1]) && w.explicit(col, from, to) {
		return
	}
	keyStart, keyEnd, rest := w.key(from, to)
	if rest < 0 {
		w.scalar(indent, from, to)
		return
	}
	pair := w.pop(col, false)
	path := push(w.parent(), keyName(w.text[keyStart:keyEnd]))
	w.stack = append(w.stack, yamlKey{col: col, path: path, pair: pair})
	w.value(col, path, Trim(w.text, Span{rest, to}).Start, to)
}

// explicit reads a key and a value that stand on lines of their own: ? key, and
// then : value.
func (w *yamlWalk) explicit(col, from, to int) bool {
	start := Trim(w.text, Span{from + 1, to}).Start
	switch w.text[from] {
	case '?':
		pair := w.pop(col, false)
		name := w.text[start:to]
		if name[0] == '"' || name[0] == '\'' {
			s, _ := Quoted(name, 0)
			name = name[s.Start:s.End]
		}
		w.stack = append(w.stack, yamlKey{col: col, path: push(w.parent(), keyName(BeforeComment(name))), pair: pair})
		return true
	case ':':
		w.pop(col, true)
		n := len(w.stack)
		if n == 0 || w.stack[n-1].col != col {
			return false
		}
		w.value(col, w.stack[n-1].path, start, to)
		return true
	}
	return false
}

// pop closes the keys at col and deeper; of a list item only the deeper ones,
// since a list may stand at the column of its key. It returns the pair of the
// mapping at col, unless a new item begins.
func (w *yamlWalk) pop(col int, item bool) pairs {
	var pair pairs
	for n := len(w.stack); n > 0; n-- {
		top := w.stack[n-1]
		if top.col < col || item && top.col == col {
			break
		}
		if top.col == col {
			pair = top.pair
		}
		w.stack = w.stack[:n-1]
	}
	return pair
}

func (w *yamlWalk) parent() []string {
	if n := len(w.stack); n > 0 {
		return w.stack[n-1].path
	}
	return nil
}

// key reads a mapping key and returns its content and where its value begins,
// or rest -1.
func (w *yamlWalk) key(from, to int) (start, end, rest int) {
	text := w.text[:to]
	if c := text[from]; c == '"' || c == '\'' {
		s, next := Quoted(text, from)
		if next < to && text[next] == ':' {
			return s.Start, s.End, next + 1
		}
		return 0, 0, -1
	}
	if c := text[from]; c == '{' || c == '[' || c == '|' || c == '>' {
		return 0, 0, -1
	}
	for i := from; i < to; i++ {
		if text[i] == ':' && (i+1 == to || ascii.IsBlank(text[i+1])) {
			return from, i, i + 1
		}
		if text[i] == '#' && i > from && ascii.IsBlank(text[i-1]) {
			break
		}
	}
	return 0, 0, -1
}

// scalar reads a list item or a stray line without a key.
func (w *yamlWalk) scalar(indent, from, to int) {
	if len(w.stack) == 0 && w.text[from] != '{' && w.text[from] != '[' {
		w.ok = w.ok && indent < from
		return
	}
	w.value(indent, w.parent(), from, to)
}

// value reads what stands after a key or a dash at column col.
func (w *yamlWalk) value(col int, path []string, from, to int) {
	from, foreign := w.properties(from, to)
	if foreign {
		w.skipDeeper(col)
		return
	}
	if from >= to || w.text[from] == '#' || IsAlias(w.text[from:to]) {
		return
	}
	switch c := w.text[from]; {
	case c == '|' || c == '>':
		w.block(col, path, from)
	case c == '{' && from+1 < to && w.text[from+1] == '{', c == '{' && from+1 < to && w.text[from+1] == '%':
		w.ok = false
	case c == '{' || c == '[':
		w.resume(w.flow.collection(from, path))
	case c == '"' || c == '\'':
		s, next := Quoted(w.text, from)
		w.leaf(Leaf{Path: path, Span: s, Quoted: true})
		w.resume(next)
	default:
		w.plain(col, path, from, to)
	}
}

// resume goes on with the line after the one on which a value ended.
func (w *yamlWalk) resume(at int) {
	if at > w.at {
		w.at = min(w.endOf(min(at, len(w.text)))+1, len(w.text))
	}
}

// properties passes tags and anchors. A tag of the application (!vault) says
// that the value is not what it reads: it is left to the scan.
func (w *yamlWalk) properties(from, to int) (value int, foreign bool) {
	for from < to && (w.text[from] == '&' || w.text[from] == '!') {
		if w.text[from] == '!' && w.hints.foreign(w.text[from:to:to]) {
			return to, true
		}
		for from < to && !ascii.IsBlank(w.text[from]) {
			from++
		}
		for from < to && ascii.IsBlank(w.text[from]) {
			from++
		}
	}
	return from, false
}

// skipDeeper passes the lines indented deeper than col.
func (w *yamlWalk) skipDeeper(col int) {
	for w.at < len(w.text) {
		stop := w.endOf(w.at)
		if !Trim(w.text, Span{w.at, stop}).empty() && Indent(w.text[w.at:stop]) <= col {
			return
		}
		w.at = stop + 1
	}
}

// block reads the lines of a block scalar: those indented deeper than col.
func (w *yamlWalk) block(col int, path []string, from int) {
	all := Span{Start: -1}
	for w.at < len(w.text) {
		stop := w.endOf(w.at)
		s := Trim(w.text, Span{w.at, stop})
		if !s.empty() && Indent(w.text[w.at:stop]) <= col {
			break
		}
		if !s.empty() {
			if all.Start < 0 {
				all.Start = s.Start
			}
			all.End = s.End
		}
		w.at = stop + 1
	}
	if all.Start >= 0 {
		w.leaf(Leaf{Path: path, Span: all, Quoted: true})
	}
}

// plain reads a plain scalar and the deeper lines it goes on in.
func (w *yamlWalk) plain(col int, path []string, from, to int) {
	end := to
	if i := bytes.Index(w.text[from:to], []byte(" #")); i >= 0 {
		end = Trim(w.text, Span{from, from + i}).End
	}
	for end == to && w.at < len(w.text) {
		stop := w.endOf(w.at)
		s := Trim(w.text, Span{w.at, stop})
		if s.empty() || Indent(w.text[w.at:stop]) <= col || w.text[s.Start] == '#' {
			break
		}
		if _, _, rest := w.key(s.Start, s.End); rest >= 0 || w.text[s.Start] == '-' {
			break
		}
		end, to = s.End, s.End
		w.at = stop + 1
	}
	w.leaf(Leaf{Path: path, Span: Span{from, end}})
}

// leaf gives a value and the pair it completes in its mapping.
func (w *yamlWalk) leaf(l Leaf) {
	if len(l.Path) == 0 {
		return
	}
	if n := len(w.stack); n > 0 {
		l.Pair = w.stack[n-1].pair.take(w.text, l.Path[len(l.Path)-1], l.Span)
	}
	w.give(l)
}

// IsAlias says whether v reads like an alias of YAML: *name.
func IsAlias(v []byte) bool {
	if len(v) < 2 || v[0] != '*' {
		return false
	}
	for _, c := range v[1:] {
		if !ascii.IsName(c) {
			return false
		}
	}
	return true
}
