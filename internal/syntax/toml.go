package syntax

import "bytes"

// toml walks a TOML text.
func (w *walk) toml() bool {
	in := flow{walk: w, hash: true}
	var section []string
	ok := true
	for at := 0; at < len(w.text) && !w.done; {
		content, next := LineAt(w.text, at)
		at = next
		line := w.text[content.Start:content.End]
		switch {
		case len(line) == 0 || line[0] == '#':
		case line[0] == '[':
			section = splitKey(bytes.Trim(BeforeComment(line), "[] \t"))
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
			at = max(at, in.tomlValue(path, content.Start+eq+1, content.End))
		}
	}
	return ok && !in.broken
}

// tomlValue gives one value and returns where the line after it begins.
func (w *flow) tomlValue(path []string, from, end int) int {
	from = Blanks(w.text, from)
	if from >= end || len(path) == 0 {
		return 0
	}
	next := end
	switch c := w.text[from]; c {
	case '[', '{':
		next = w.collection(from, path)
	case '"', '\'':
		l := Leaf{Path: path, Quoted: true}
		l.Span, next = Quoted(w.text, from)
		w.give(l)
	default:
		rest := BeforeComment(w.text[from:end])
		w.give(Leaf{Path: path, Span: Span{from, from + len(rest)}})
	}
	if next <= end {
		return 0
	}
	_, after := LineAt(w.text, min(next, len(w.text)))
	return after
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
