package redact

import "bytes"

// yamlWalk follows block YAML by its indentation.
type yamlWalk struct {
	f     *finder
	at    int // start of the next line
	stack []yamlKey
	doc   manifest
	flow  flow
	ok    bool
}

// yamlKey is one open key of a block mapping.
type yamlKey struct {
	col  int
	path []string // path of the key itself
	pair pairs    // of the mapping the key stands in
}

// walkYAML judges the leaves of a YAML text. It returns false if lines were
// met that are no YAML, as in templates.
func (f *finder) walkYAML() bool {
	w := yamlWalk{f: f, ok: true, flow: flow{f: f, hash: true}}
	w.flow.doc = &w.doc
	for w.at < len(f.text) {
		w.line()
	}
	f.settleManifest(&w.doc)
	return w.ok && !w.flow.broken
}

// line reads one line, and the following ones that belong to its value.
func (w *yamlWalk) line() {
	start, end := w.at, w.endOf(w.at)
	w.at = end + 1
	col := indentOf(w.f.text[start:end])
	from, to := trimmed(w.f.text, start+col, end)
	rest := w.f.text[from:to]
	switch {
	case len(rest) == 0 || rest[0] == '#' || rest[0] == '%':
		return
	case bytes.HasPrefix(rest, []byte("---")) || string(rest) == "...":
		w.f.settleManifest(&w.doc)
		w.stack = w.stack[:0]
		return
	case bytes.HasPrefix(rest, []byte("{{")) || bytes.HasPrefix(rest, []byte("{%")) || bytes.HasPrefix(rest, []byte("<%")):
		w.ok = false
		return
	}
	w.entry(from-start, from, to)
}

func (w *yamlWalk) endOf(at int) int {
	if i := bytes.IndexByte(w.f.text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(w.f.text)
}

// entry reads list dashes, then a key or a scalar. col is the column of from.
func (w *yamlWalk) entry(col, from, to int) {
	indent := col
	for from < to && w.f.text[from] == '-' && (from+1 == to || isBlank(w.f.text[from+1])) {
		w.pop(col, true)
		next := from + 1
		for next < to && isBlank(w.f.text[next]) {
			next++
		}
		col += next - from
		from = next
	}
	if from >= to {
		return
	}
	if from+1 < to && isBlank(w.f.text[from+1]) && w.explicit(col, from, to) {
		return
	}
	keyStart, keyEnd, rest := w.key(from, to)
	if rest < 0 {
		w.scalar(indent, from, to)
		return
	}
	pair := w.pop(col, false)
	path := push(w.parent(), keyName(w.f.text[keyStart:keyEnd]))
	w.stack = append(w.stack, yamlKey{col: col, path: path, pair: pair})
	rest, _ = trimmed(w.f.text, rest, to)
	w.value(col, path, rest, to)
}

// explicit reads a key and a value that stand on lines of their own: ? key, and
// then : value.
func (w *yamlWalk) explicit(col, from, to int) bool {
	start, _ := trimmed(w.f.text, from+1, to)
	switch w.f.text[from] {
	case '?':
		pair := w.pop(col, false)
		name := w.f.text[start:to]
		if name[0] == '"' || name[0] == '\'' {
			s, e, _ := scanQuoted(name, 0)
			name = name[s:e]
		}
		w.stack = append(w.stack, yamlKey{col: col, path: push(w.parent(), keyName(beforeComment(name))), pair: pair})
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
	text := w.f.text[:to]
	if c := text[from]; c == '"' || c == '\'' {
		s, e, next := scanQuoted(text, from)
		if next < to && text[next] == ':' {
			return s, e, next + 1
		}
		return 0, 0, -1
	}
	if c := text[from]; c == '{' || c == '[' || c == '|' || c == '>' {
		return 0, 0, -1
	}
	for i := from; i < to; i++ {
		if text[i] == ':' && (i+1 == to || isBlank(text[i+1])) {
			return from, i, i + 1
		}
		if text[i] == '#' && i > from && isBlank(text[i-1]) {
			break
		}
	}
	return 0, 0, -1
}

// scalar reads a list item or a stray line without a key.
func (w *yamlWalk) scalar(indent, from, to int) {
	if len(w.stack) == 0 && w.f.text[from] != '{' && w.f.text[from] != '[' {
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
	if from >= to || w.f.text[from] == '#' || isAliasName(w.f.text[from:to]) {
		return
	}
	switch c := w.f.text[from]; {
	case c == '|' || c == '>':
		w.block(col, path, from)
	case c == '{' && from+1 < to && w.f.text[from+1] == '{', c == '{' && from+1 < to && w.f.text[from+1] == '%':
		w.ok = false
	case c == '{' || c == '[':
		w.resume(w.flow.collection(from, path))
	case c == '"' || c == '\'':
		start, end, next := scanQuoted(w.f.text, from)
		w.leaf(leaf{path: path, start: start, end: end, quoted: true})
		w.resume(next)
	default:
		w.plain(col, path, from, to)
	}
}

// resume goes on with the line after the one on which a value ended.
func (w *yamlWalk) resume(at int) {
	if at > w.at {
		w.at = min(w.endOf(min(at, len(w.f.text)))+1, len(w.f.text))
	}
}

// properties passes tags and anchors. A tag of the application (!vault) says
// that the value is not what it reads: it is left to the scan.
func (w *yamlWalk) properties(from, to int) (value int, foreign bool) {
	for from < to && (w.f.text[from] == '&' || w.f.text[from] == '!') {
		if w.f.text[from] == '!' && hasPrefixFold(append(w.f.text[from:to:to], ' '), referencePrefixes) {
			return to, true
		}
		for from < to && !isBlank(w.f.text[from]) {
			from++
		}
		for from < to && isBlank(w.f.text[from]) {
			from++
		}
	}
	return from, false
}

// skipDeeper passes the lines indented deeper than col.
func (w *yamlWalk) skipDeeper(col int) {
	for w.at < len(w.f.text) {
		stop := w.endOf(w.at)
		if s, e := trimmed(w.f.text, w.at, stop); s < e && indentOf(w.f.text[w.at:stop]) <= col {
			return
		}
		w.at = stop + 1
	}
}

// block reads the lines of a block scalar: those indented deeper than col.
func (w *yamlWalk) block(col int, path []string, from int) {
	start, end := -1, -1
	for w.at < len(w.f.text) {
		stop := w.endOf(w.at)
		s, e := trimmed(w.f.text, w.at, stop)
		if s < e && indentOf(w.f.text[w.at:stop]) <= col {
			break
		}
		if s < e {
			if start < 0 {
				start = s
			}
			end = e
		}
		w.at = stop + 1
	}
	if start >= 0 {
		w.leaf(leaf{path: path, start: start, end: end, quoted: true})
	}
}

// plain reads a plain scalar and the deeper lines it goes on in.
func (w *yamlWalk) plain(col int, path []string, from, to int) {
	end := to
	if i := bytes.Index(w.f.text[from:to], []byte(" #")); i >= 0 {
		_, end = trimmed(w.f.text, from, from+i)
	}
	for end == to && w.at < len(w.f.text) {
		stop := w.endOf(w.at)
		s, e := trimmed(w.f.text, w.at, stop)
		if s >= e || indentOf(w.f.text[w.at:stop]) <= col || w.f.text[s] == '#' {
			break
		}
		if _, _, rest := w.key(s, e); rest >= 0 || w.f.text[s] == '-' {
			break
		}
		end, to = e, e
		w.at = stop + 1
	}
	w.leaf(leaf{path: path, start: from, end: end})
}

// leaf judges a value and feeds the name/value pair of its mapping.
func (w *yamlWalk) leaf(l leaf) {
	if len(l.path) == 0 {
		return
	}
	w.f.leaf(l)
	w.f.observe(&w.doc, l)
	if n := len(w.stack); n > 0 {
		w.f.pair(&w.stack[n-1].pair, l.path[len(l.path)-1], l)
	}
}
