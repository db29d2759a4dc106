package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// Value is where a value stands, without its quotes.
type Value struct {
	Start, End int
	Doubt      bool // perhaps prose: must look chosen
	Unsure     bool // its end was not where it should be
}

// MaxValue and MaxBare bound how far a value with and without quotes is
// followed before its end is called unsure; MaxDoubtful bounds one whose name
// is only doubtful, since such names can follow each other closely.
const (
	MaxValue    = 8192
	MaxBare     = 1024
	MaxDoubtful = 256
)

// ValueOf finds the value of the name [start,end) on the current line.
func (r *Reader) ValueOf(l *Line, start, end int, c lexicon.Suspicion) (Value, bool) {
	opt := start > l.Start && r.text[start-1] == '-' && c == lexicon.Strong
	sep, at := r.separator(l, start, end, opt)
	switch sep {
	case noSeparator:
		return Value{}, false
	case element:
		return r.elementValue(at)
	case blank:
		return r.blankValue(l, start, at, c)
	}
	if at >= len(r.text) || r.text[at] == '\n' || r.text[at] == '\r' {
		return Value{}, false
	}
	if sep == compared {
		if at = r.Prefixed(at); c != lexicon.Strong || r.OpenQuote(at) == 0 {
			return Value{}, false
		}
	}
	if at = r.Prefixed(at); c == lexicon.Strong {
		if v, ok := r.bracketed(l, at); ok {
			v.Doubt = l.Comment
			return v, true
		}
	}
	if c := r.text[end]; l.Quote != 0 && r.text[at] == l.Quote && c != l.Quote && c != '\\' {
		return Value{}, false // content:"password=" holds no value
	}
	if quote := r.OpenQuote(at); quote > 0 {
		return r.literal(l, start, at, quote, c, opt)
	}
	if sep == continued {
		return Value{Start: at, End: r.StatementWord(at)}, true
	}
	if at > l.End { // the next item of a list
		return Value{Start: at, End: r.LineEnd(at)}, true
	}
	return r.unquoted(l, start, at, sep, c, opt)
}

// literal is a value in quotes, of which the first stands at at.
func (r *Reader) literal(l *Line, start, at, quote int, c lexicon.Suspicion, opt bool) (Value, bool) {
	v := r.QuotedValue(at, quote)
	v.Doubt = l.Comment || r.form.Prose && c != lexicon.Strong
	switch {
	case l.Comment && opt && !r.form.Prose:
		v.Doubt = notions.IsSample(r.text[v.Start:v.End])
	case l.Comment && r.isSetting(l, start, at):
		v = r.commented(v)
	}
	return v, v.End > v.Start
}

// unquoted is a value that no quote of its own begins.
func (r *Reader) unquoted(l *Line, start, at int, sep separator, c lexicon.Suspicion, opt bool) (Value, bool) {
	if v, ok := r.blockBelow(l, at, c); ok {
		return v, true
	}
	if v, ok := r.part(l, start, at); ok {
		return v, v.End > v.Start
	}
	if v, ok := r.inQuote(l, start, at, sep); ok {
		return v, v.End > v.Start
	}
	if v, ok := r.connection(l, start, at); ok {
		return v, v.End > v.Start
	}
	if c == lexicon.Strong && sep != tight && r.expression(l, at) {
		return Value{}, false
	}
	v := r.bareValue(l, start, at, sep, c)
	v.Doubt = v.Doubt || sep == tight && start > l.First && !opt
	if l.Comment && opt && sep == option && !r.form.Prose {
		v = r.commented(v)
		return v, v.End > v.Start
	}
	if l.Comment && v.Doubt && r.isSetting(l, start, at) {
		v = r.commented(r.restOfSetting(l, at))
	}
	return v, v.End > v.Start
}

// restOfSetting is the value of a setting in a comment: the rest of its line.
func (r *Reader) restOfSetting(l *Line, at int) Value {
	v := Value{Start: at, End: r.LineEnd(at)}
	if i := bytes.Index(r.text[v.Start:v.End], []byte(" #")); i > 0 {
		v.End = v.Start + i
	}
	v.End = v.Start + len(bytes.TrimRight(r.text[v.Start:v.End], " \t;,"))
	return v
}

// elementValue is the text of an XML element that closes on its line.
func (r *Reader) elementValue(at int) (Value, bool) {
	rest := r.text[at:min(r.Line.End, at+MaxValue)]
	end := bytes.IndexByte(rest, '<')
	if end < 0 || !bytes.HasPrefix(rest[end:], []byte("</")) {
		return Value{}, false
	}
	s := syntax.Trim(r.text, syntax.Span{Start: at, End: at + end})
	return Value{Start: s.Start, End: s.End}, s.End > s.Start
}
