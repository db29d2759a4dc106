package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// bareValue finds the end of a value without quotes of its own.
func (r *Reader) bareValue(l *Line, start, at int, sep separator, c lexicon.Suspicion) Value {
	if l.Quote == 0 && (start <= l.First && !r.form.Script || r.isDeep(l, start, at)) && sep != option && !r.form.Shell {
		return r.restOfLine(l, at)
	}
	if l.Quote == 0 && sep == assigned && r.form.spaced() && !r.form.Shell && isNames(r.text[l.First:start]) && !r.form.isProgram(r.text) {
		return r.restOfLine(l, at)
	}
	limit := at + MaxDoubtful
	if c == lexicon.Strong {
		limit = at + MaxBare
	}
	end := at
	listed := start > 0 && r.text[start-1] == ',' && l.Quote == 0
	for end < l.End && end < limit && (!r.endsBare(l, at, end) || listed && r.text[end] == ';' && end+1 < l.End && !ascii.IsSpace(r.text[end+1])) {
		end++
	}
	if end == limit && c != lexicon.Strong {
		r.WeakTo = limit
	}
	if end == limit {
		return Value{Start: at, End: r.LineEnd(at), Unsure: true}
	}
	if after := syntax.Blanks(r.text, end); after > end && lexicon.IsScheme(r.text[at:min(end, at+32)]) {
		return Value{Start: after, End: r.headerEnd(l, after)}
	}
	v := Value{Start: at, End: end}
	if l.Quote != 0 && r.isEnvironment(l) {
		v.End = r.untilQuote(l, at)
	}
	v.Doubt = l.Comment
	if sep == assigned && r.text[at-1] == ' ' && r.text[at-2] == ':' && l.Quote != 0 {
		v.Doubt = true // a sentence: "Password: must be changed"
	}
	return v
}

// isDeep says whether the name is the last part of a path that begins the line:
// Proxy\Password=x.
func (r *Reader) isDeep(l *Line, start, at int) bool {
	before := r.text[l.First:start]
	if name := bytes.TrimRight(before, " \t="); string(name) == "env" && len(before) > len(name) {
		return true // of a process
	}
	if len(before) < 2 || len(before) > syntax.MaxName || r.text[at-1] != '=' && r.text[at-1] != ' ' || before[len(before)-1] != '\\' && before[len(before)-1] != '/' {
		return false
	}
	for _, c := range before {
		if !ascii.IsName(c) && bytes.IndexByte([]byte("\\/:"), c) < 0 {
			return false
		}
	}
	return ascii.IsLetter(before[0]) && !bytes.Contains(before, []byte("://"))
}

// headerEnd finds the end of what follows the scheme of a header.
func (r *Reader) headerEnd(l *Line, at int) int {
	end := at
	for end < l.End && end < at+MaxBare && !r.endsBare(l, at, end) {
		end++
	}
	return end
}

// endsBare says whether a bare value that begins at at ends at i.
func (r *Reader) endsBare(l *Line, at, i int) bool {
	c := r.text[i]
	switch {
	case ascii.IsSpace(c):
		return !insideReference(r.text[at:i])
	case c == l.Quote && c != 0:
		return true
	case c == '\\' && i+1 < l.End && (r.text[i+1] == '"' || r.text[i+1] == 'n'):
		return true
	case c == '&':
		return r.inQuery(l, at)
	case c == ';' || c == '"' || c == '`':
		return true
	case c == ',' || c == '}' || c == ']' || c == ')':
		return (i+1 >= l.End || ascii.IsSpace(r.text[i+1]) || c != ',' && bytes.IndexByte([]byte(",;)]}\"'"), r.text[i+1]) >= 0 || l.Quote == 0 && c == ',') &&
			!insideReference(r.text[at:i])
	}
	return false
}

// isNames says whether v is nothing but words: the beginning of a name of several.
func isNames(v []byte) bool {
	for _, c := range v {
		if !ascii.IsName(c) && c != ' ' {
			return false
		}
	}
	return len(v) < 40 && bytes.Count(v, []byte(" ")) == 1
}

// insideReference says whether a reference was opened and not closed.
func insideReference(v []byte) bool {
	if len(v) < 2 || len(v) > 256 {
		return false
	}
	return bytes.LastIndex(v, []byte("{{")) > bytes.LastIndex(v, []byte("}}")) ||
		bytes.LastIndex(v, []byte("${")) > bytes.LastIndexByte(v, '}') ||
		bytes.LastIndex(v, []byte("$(")) > bytes.LastIndexByte(v, ')') ||
		bytes.LastIndex(v, []byte("<%")) > bytes.LastIndex(v, []byte("%>"))
}

// inQuery says whether the value at at belongs to the query of a URL.
func (r *Reader) inQuery(l *Line, at int) bool {
	back := r.text[max(l.Start, at-syntax.MaxName):at]
	return bytes.IndexByte(back, '?') >= 0 || bytes.IndexByte(back, '&') >= 0 || r.form.Bare
}

// isEnvironment says whether the open quote holds one assignment of a unit
// file: Environment="NAME=a value with blanks".
func (r *Reader) isEnvironment(l *Line) bool {
	return bytes.HasPrefix(r.text[l.First:l.End], []byte("Environment="))
}

// restOfLine is the value of a key that begins its line.
func (r *Reader) restOfLine(l *Line, at int) Value {
	v := Value{Start: at, End: r.LineEnd(at)}
	if l.First > l.Start && bytes.HasSuffix(r.text[l.Start:l.First], []byte("export ")) {
		v.End = r.PartEnd(at, v.End, ' ')
	}
	if r.form.Format == "ini" && v.End-v.Start > 2 && r.text[v.Start] == '`' && r.text[v.End-1] == '`' && !bytes.ContainsAny(r.text[v.Start:v.End], "$|/") {
		return Value{Start: v.Start + 1, End: v.End - 1, Doubt: l.Comment}
	}
	rest := r.text[v.Start:v.End]
	if i := commentAt(rest, r.form.Format); i >= 0 && bytes.Count(r.text[l.Start:at], []byte(".")) < 2 { // dotted keys are properties
		v.End = v.Start + len(bytes.TrimRight(rest[:i], " \t"))
	}
	if r.form.Format != "ini" && r.form.Format != "env" {
		v.End = v.Start + len(bytes.TrimRight(r.text[v.Start:v.End], ";,"))
	}
	if l.Comment || r.form.Prose {
		v.Doubt = true
		v.End = r.firstSentence(v)
	}
	return v
}

// firstSentence narrows a value in a comment to one word: more are prose.
func (r *Reader) firstSentence(v Value) int {
	if bytes.Count(r.text[v.Start:v.End], []byte(" ")) >= 2 {
		return v.Start + max(0, bytes.IndexByte(r.text[v.Start:v.End], ' '))
	}
	return v.End
}

// commentAt finds the comment after a value where the format has such
// comments; elsewhere the sign may belong to a secret.
func commentAt(v []byte, format string) int {
	switch format {
	case "yaml", "toml":
		return bytes.Index(v, []byte(" #"))
	}
	return -1
}
