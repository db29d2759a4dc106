package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// readTable masks the secrets of a table.
func (f *finder) readTable(t *notions.Table) {
	if t.One {
		f.oneSecret()
		return
	}
	n := 0
	for at := 0; at < len(f.text); {
		var line syntax.Span
		line, at = syntax.LineAt(f.text, at)
		if line.Start == line.End {
			continue
		}
		if content := f.text[line.Start:line.End]; content[0] == '#' || content[0] == ';' {
			line = f.uncommented(line)
			if t.Sep == 0 || bytes.Contains(f.text[line.Start:line.End], []byte(" ")) {
				continue
			}
		} else if n++; n <= t.From || t.Every > 0 && (n-1-t.From)%t.Every != 0 {
			continue
		}
		f.field(t, line)
	}
}

func (f *finder) uncommented(line syntax.Span) syntax.Span {
	for line.Start < line.End && bytes.IndexByte([]byte("#; \t"), f.text[line.Start]) >= 0 {
		line.Start++
	}
	return line
}

// oneSecret masks the whole text, unless it is made of settings or of PEM, which
// the other readers know better.
func (f *finder) oneSecret() {
	s := syntax.Trim(f.text, syntax.Span{Start: 0, End: len(f.text)})
	text := f.text[s.Start:s.End]
	if len(text) == 0 || text[0] == '{' || text[0] == '[' || text[0] == '<' || bytes.HasPrefix(text, []byte("-----BEGIN ")) || f.areSettings(text) {
		return
	}
	for len(text) > 0 && text[0] == '#' {
		line, next := syntax.LineAt(f.text, s.Start)
		if s.Start = min(next, s.End); line.End >= s.End {
			return
		}
		s = syntax.Trim(f.text, s)
		text = f.text[s.Start:s.End]
	}
	f.add(s.Start, s.End)
}

// areSettings says whether the first lines of a text assign values to names.
func (f *finder) areSettings(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	i := bytes.IndexAny(line, "=:")
	if i <= 0 || i > 40 || i+1 >= len(bytes.TrimSpace(line)) {
		return false
	}
	for _, c := range bytes.TrimRight(line[:i], " \t") {
		if !ascii.IsName(c) {
			return false
		}
	}
	return line[i] == '=' && len(bytes.Trim(line[i:], "= \t\r")) > 0 || i+1 < len(line) && line[i+1] == ' '
}

// field masks one field of a line.
func (f *finder) field(t *notions.Table, line syntax.Span) {
	f.cell(syntax.Trim(f.text, f.fieldOf(t, line)))
}

// fieldOf is the field of a line that holds the secret, or an empty span.
func (f *finder) fieldOf(t *notions.Table, line syntax.Span) syntax.Span {
	s := line
	switch t.Sep {
	case ' ':
		ws := command.Split(f.text[line.Start:line.End], line.Start)
		i := t.At
		if i < 0 {
			i = len(ws) - 1
		}
		if i < 1 || i >= len(ws) {
			return syntax.Span{}
		}
		s = syntax.Span{Start: ws[i].Start, End: ws[i].Start + len(ws[i].Text)}
	case '=', '>':
		i := bytes.IndexAny(f.text[line.Start:line.End], "=:")
		if i <= 0 {
			return syntax.Span{}
		}
		s.Start += i + 1
		if s.Start < s.End && f.text[s.Start] == '>' {
			s.Start++
		}
		if comma := bytes.IndexByte(f.text[s.Start:s.End], ','); comma >= 0 {
			s.End = s.Start + comma
		}
	case ':':
		s = f.colonField(t, line)
	}
	if t.After == ':' || t.After == '%' {
		if i := bytes.IndexByte(f.text[s.Start:s.End], t.After); i >= 0 {
			s.Start += i + 1
		}
	}
	return s
}

// colonField is a field of a line whose fields colons part; a backslash makes a
// colon part of one.
func (f *finder) colonField(t *notions.Table, line syntax.Span) syntax.Span {
	s, n := syntax.Span{Start: line.Start, End: line.End}, 0
	for i := line.Start; i < line.End; i++ {
		switch f.text[i] {
		case '\\':
			i++
		case ':':
			if n == t.At && !t.Rest {
				s.End = i
				return s
			}
			if n < t.At {
				s.Start = i + 1
			}
			n++
		}
	}
	if n < t.At {
		s.Start = s.End
	}
	return s
}

// cell masks a field, unless it says that there is no password.
func (f *finder) cell(s syntax.Span) {
	v := f.text[s.Start:s.End]
	if len(v) > 1 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		s, v = syntax.Span{Start: s.Start + 1, End: s.End - 1}, v[1:len(v)-1]
	}
	switch string(v) {
	case "", "*", "!", "!!", "x", "!*", "*LK*", "NP":
		return
	}
	if !lexicon.IsReference(v) && string(v) != Mark {
		f.add(s.Start, s.End)
	}
}
