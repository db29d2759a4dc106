package syntax

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
)

// lineWalk follows a text made of lines.
type lineWalk struct {
	*walk
	format  string
	section []string
}

// lines walks files made of lines: sections in brackets or braces, keys, and
// values that go on after a backslash.
func (w *walk) lines(format string) bool {
	l := lineWalk{walk: w, format: format}
	for at := 0; at < len(w.text) && !w.done; {
		at = l.line(at)
	}
	return true
}

// line reads the line that begins at at, and returns where the line after what
// belongs to it begins.
func (w *lineWalk) line(at int) int {
	content, next := LineAt(w.text, at)
	line := w.text[content.Start:content.End]
	if len(line) == 0 || bytes.IndexByte([]byte("#;!"), line[0]) >= 0 {
		return next
	}
	switch last := line[len(line)-1]; {
	case line[0] == '[' && last == ']':
		w.section = splitKey(bytes.Trim(line, "[] \t"))
	case last == '{':
		w.section = push(w.section, blockName(line))
	case line[0] == '}' && len(w.section) > 0:
		w.section = w.section[:len(w.section)-1]
	case line[0] == '<' && last == '>':
		w.angle(line)
	default:
		after := w.assignment(content)
		if after == 0 {
			after = w.indentedLines(line, content.Start-at, next)
		}
		return max(next, after)
	}
	return next
}

// indentedLines gives the lines below an assignment that are indented deeper than
// it: in ini files they belong to its value. It returns where the line after them
// begins.
func (w *lineWalk) indentedLines(line []byte, col, at int) int {
	eq := bytes.IndexByte(line, '=')
	if eq <= 0 || w.format != "ini" && w.format != "conf" && w.format != "" || w.format != "ini" && eq < len(line)-1 {
		return at
	}
	path := push(w.section, string(bytes.TrimRight(line[:min(eq, MaxName)], " \t+:")))
	if !w.hints.indented(path) {
		return at
	}
	for at < len(w.text) {
		s, next := LineAt(w.text, at)
		if !s.empty() && (s.Start-at <= col || isAssignment(w.text[s.Start:s.End])) {
			break
		}
		if !s.empty() && w.text[s.Start] != '#' && w.text[s.Start] != ';' {
			w.give(Leaf{Path: path, Span: s, Extent: Below})
		}
		at = next
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
		if !ascii.IsName(c) {
			return false
		}
	}
	return ascii.IsBlank(line[eq-1]) || len(bytes.Trim(line[eq:], "=")) > 0
}

// blockName is the name of a block: its first word, or the word before the
// brace in output { http {.
func blockName(line []byte) string {
	fields := bytes.Fields(bytes.Trim(line, "{ \t"))
	if len(fields) == 0 {
		return "{"
	}
	return string(fields[0][:min(len(fields[0]), MaxName)])
}

// angle follows <match x> and </match>.
func (w *lineWalk) angle(line []byte) {
	if len(line) > 1 && line[1] == '/' {
		w.section = w.section[:max(0, len(w.section)-1)]
		return
	}
	w.section = push(w.section, blockName(bytes.Trim(line, "<>")))
}

// assignment gives the value of one assignment. It returns where the line after
// the value begins if that goes on after a backslash.
func (w *lineWalk) assignment(content Span) int {
	line := w.text[content.Start:content.End]
	if w.hints.record(content.Start, line) {
		return 0
	}
	key, value := splitConf(line)
	if key == 0 || value >= len(line) {
		return 0
	}
	name := string(line[:min(key, MaxName)])
	l := Leaf{Path: push(w.section, strings.Trim(name, `"'`)), Extent: Line}
	var next int
	l.Span, next = w.continued(Span{content.Start + value, content.End})
	if c := w.text[l.Start]; c == '"' || c == '\'' {
		l.Quoted = true
		s, after := Quoted(w.text[:l.End], l.Start)
		if s.End == after && w.format == "env" && w.hints.open(l.Path) {
			s.End, next = w.quotedLines(l.Start, s.End, next)
		}
		l.Span = s
	}
	if next > 0 {
		l.Extent = Lines
	}
	w.give(l)
	return next
}

// continued is a value with the lines that backslashes join to it, and where the
// line after them begins; 0: there are none.
func (w *lineWalk) continued(s Span) (value Span, next int) {
	for s.End > s.Start && w.text[s.End-1] == '\\' && s.End < len(w.text) {
		var line Span
		line, next = LineAt(w.text, min(s.End+1+bytes.IndexByte(w.text[s.End:], '\n'), len(w.text)))
		if line.empty() {
			break
		}
		s.End = line.End
	}
	return s, next
}

// quotedLines follows a quote that is not closed on its line, as a shell does. It
// returns the end of the value and where the line after it begins; where nothing
// closes it, end and next.
func (w *lineWalk) quotedLines(start, end, next int) (int, int) {
	s, after := Quoted(w.text[:min(len(w.text), start+maxQuoted)], start)
	if s.End == after {
		return end, next
	}
	_, next = LineAt(w.text, after)
	return s.End, next
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
