package redact

import (
	"bytes"
	"strings"
)

// walkTOML judges the values of a TOML text.
func (f *finder) walkTOML() bool {
	w := flow{f: f, hash: true}
	var section []string
	ok := true
	for at := 0; at < len(f.text); {
		start, end := f.lineAt(at)
		at = start.next
		line := f.text[start.from:end]
		switch {
		case len(line) == 0 || line[0] == '#':
		case line[0] == '[':
			section = splitKey(bytes.Trim(beforeComment(line), "[] \t"))
		default:
			eq := assignmentAt(line)
			if eq < 0 {
				ok = false
				continue
			}
			path := section
			for _, name := range splitKey(line[:eq]) {
				path = push(path, name)
			}
			at = max(at, f.tomlValue(&w, path, start.from+eq+1, end))
		}
	}
	return ok && !w.broken
}

// lineStart is where the content of a line begins and where the next line
// does.
type lineStart struct{ from, next int }

// lineAt returns the content of the line that begins at at.
func (f *finder) lineAt(at int) (lineStart, int) {
	stop := at + bytes.IndexByte(f.text[at:], '\n')
	if stop < at {
		stop = len(f.text)
	}
	from, end := trimmed(f.text, at, stop)
	return lineStart{from: from, next: stop + 1}, end
}

// tomlValue judges one value and returns where the line after it begins.
func (f *finder) tomlValue(w *flow, path []string, from, end int) int {
	from = f.blanks(from)
	if from >= end || len(path) == 0 {
		return 0
	}
	next := end
	switch c := f.text[from]; c {
	case '[', '{':
		next = w.collection(from, path)
	case '"', '\'':
		l := leaf{path: path, quoted: true}
		l.start, l.end, next = scanQuoted(f.text, from)
		f.leaf(l)
	default:
		rest := beforeComment(f.text[from:end])
		f.leaf(leaf{path: path, start: from, end: from + len(rest)})
	}
	if next <= end {
		return 0
	}
	start, _ := f.lineAt(min(next, len(f.text)))
	return start.next
}

func beforeComment(v []byte) []byte {
	if i := bytes.Index(v, []byte(" #")); i >= 0 {
		v = v[:i]
	}
	return bytes.TrimRight(v, " \t")
}

// assignmentAt finds the = that ends a key, which may be quoted.
func assignmentAt(line []byte) int {
	quote := byte(0)
	for i, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '=':
			return i
		}
	}
	return -1
}

// splitKey splits a dotted key with quoted parts.
func splitKey(key []byte) []string {
	var out []string
	for len(key) > 0 {
		key = bytes.TrimLeft(key, " \t.")
		if len(key) == 0 {
			break
		}
		end, skip := bytes.IndexAny(key, ". \t"), 0
		if key[0] == '"' || key[0] == '\'' {
			key = key[1:]
			end, skip = bytes.IndexAny(key, "\"'"), 1
		}
		if end < 0 {
			end, skip = len(key), 0
		}
		out = append(out, keyName(key[:end]))
		key = key[min(end+skip, len(key)):]
		if len(out) >= maxDepth {
			break
		}
	}
	return out
}

// walkConf judges the values of files made of lines: sections in brackets or
// braces, keys, and values that go on after a backslash.
func (f *finder) walkConf() bool {
	var section []string
	for at := 0; at < len(f.text); {
		begin := at
		start, end := f.lineAt(at)
		at = start.next
		line := f.text[start.from:end]
		if len(line) == 0 || bytes.IndexByte([]byte("#;!"), line[0]) >= 0 {
			continue
		}
		switch last := line[len(line)-1]; {
		case line[0] == '[' && last == ']':
			section = splitKey(bytes.Trim(line, "[] \t"))
		case last == '{':
			section = push(section, blockName(line))
		case line[0] == '}' && len(section) > 0:
			section = section[:len(section)-1]
		case line[0] == '<' && last == '>':
			section = f.angle(section, line)
		default:
			next := f.confLine(section, start.from, end)
			if next == 0 {
				next = f.indentedLines(section, line, start.from-begin, at)
			}
			at = max(at, next)
		}
	}
	return true
}

// indentedLines judges the lines below an assignment that are indented deeper than
// it: in ini files they belong to its value. It returns where the line after them
// begins.
func (f *finder) indentedLines(section []string, line []byte, col, at int) int {
	eq := bytes.IndexByte(line, '=')
	if eq <= 0 || f.plan.format != "ini" && f.plan.format != "conf" && f.plan.format != "" || f.plan.format != "ini" && eq < len(line)-1 {
		return at
	}
	path := push(section, string(bytes.TrimRight(line[:min(eq, maxName)], " \t+:")))
	if _, list := listName(path); !list && f.pathClass(path) != strong && !f.declared(path) {
		return at
	}
	for at < len(f.text) {
		l, end := f.lineAt(at)
		if l.from < end && (l.from-at <= col || isAssignment(f.text[l.from:end])) {
			break
		}
		if l.from < end && f.text[l.from] != '#' && f.text[l.from] != ';' {
			f.leaf(leaf{path: path, start: l.from, end: end})
		}
		at = l.next
	}
	return at
}

// isAssignment says whether an indented line is a setting of its own. What ends in
// = may be base64.
func isAssignment(line []byte) bool {
	eq := bytes.IndexByte(line, '=')
	if eq <= 0 {
		return false
	}
	for _, c := range bytes.TrimRight(line[:eq], " \t") {
		if !isNameByte(c) {
			return false
		}
	}
	return isBlank(line[eq-1]) || len(bytes.Trim(line[eq:], "=")) > 0
}

// blockName is the name of a block: its first word, or the word before the
// brace in output { http {.
func blockName(line []byte) string {
	fields := bytes.Fields(bytes.Trim(line, "{ \t"))
	if len(fields) == 0 {
		return "{"
	}
	return string(fields[0][:min(len(fields[0]), maxName)])
}

// angle follows <match x> and </match>.
func (f *finder) angle(section []string, line []byte) []string {
	if len(line) > 1 && line[1] == '/' {
		return section[:max(0, len(section)-1)]
	}
	return push(section, blockName(bytes.Trim(line, "<>")))
}

// confLine judges one assignment. It returns where the line after its value
// begins if the value goes on after a backslash.
func (f *finder) confLine(section []string, from, end int) int {
	line := f.text[from:end]
	if f.record(from, line) {
		return 0
	}
	key, value := splitConf(line)
	if key == 0 || value >= len(line) {
		return 0
	}
	name := string(line[:min(key, maxName)])
	path := push(section, strings.Trim(name, `"'`))
	start, stop := from+value, end
	next := 0
	for stop > start && f.text[stop-1] == '\\' && stop < len(f.text) {
		l, e := f.lineAt(min(stop+1+bytes.IndexByte(f.text[stop:], '\n'), len(f.text)))
		next = l.next
		if e <= l.from {
			break
		}
		stop = e
	}
	quoted := f.text[start] == '"' || f.text[start] == '\''
	if quoted {
		s, e, after := scanQuoted(f.text[:stop], start)
		if e == after && f.plan.format == "env" && (f.declared(path) || f.pathClass(path) == strong) {
			e, next = f.quotedLines(start, e, next)
		}
		start, stop = s, e
	}
	f.confLeaf(leaf{path: path, start: start, end: stop, quoted: quoted}, next > 0)
	return next
}

// quotedLines follows a quote that is not closed on its line, as a shell does. It
// returns the end of the value and where the line after it begins; where nothing
// closes it, end and next.
func (f *finder) quotedLines(start, end, next int) (int, int) {
	_, e, after := scanQuoted(f.text[:min(len(f.text), start+maxValue)], start)
	if e == after {
		return end, next
	}
	l, _ := f.lineAt(after)
	return e, l.next
}

// confLeaf judges a value that a line rule may have seen already: only what a
// line does not tell, the declared paths and values over several lines.
func (f *finder) confLeaf(l leaf, several bool) {
	if f.declared(l.path) {
		f.declaredLeaf(l)
		return
	}
	if f.pathClass(l.path) == strong && (several || f.inStore(l.path)) {
		f.judge(value{start: l.start, end: l.end}, strong)
		return
	}
	if last, _ := listName(l.path); names.lists[last] && f.plan.format == "ini" {
		f.leaf(l)
	}
}

// inStore says whether a value stands in a section of secrets of an ini file under
// a name that does not tell, so that a line alone does not show what it is.
func (f *finder) inStore(path []string) bool {
	return f.plan.format == "ini" && f.classOf([]byte(path[len(path)-1])) != strong
}

// splitConf returns the end of the key and the start of the value of a line
// in the forms key = value, key: value, key value.
func splitConf(line []byte) (key, value int) {
	for key < len(line) && bytes.IndexByte([]byte("= \t:"), line[key]) < 0 {
		key++
	}
	if i := bytes.IndexByte(line, '='); i > key && i < 64 && !bytes.ContainsAny(line[:i], "\"'(") {
		key = len(bytes.TrimRight(line[:i], " \t:+"))
		value = i + 1
	} else {
		value = key
	}
	for value < len(line) && bytes.IndexByte([]byte("= \t:>"), line[value]) >= 0 {
		value++
	}
	return key, value
}
