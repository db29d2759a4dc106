package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/syntax"
)

// OpenQuote returns the length of the quote at at, with the escapes before it,
// or 0.
func (r *Reader) OpenQuote(at int) int {
	n := 0
	for at+n < len(r.text) && r.text[at+n] == '\\' && n < 8 {
		n++
	}
	if at+n >= len(r.text) || r.text[at+n] != '"' && r.text[at+n] != '\'' || n > 0 && r.text[at+n] == '\'' {
		return 0
	}
	if three := r.text[at : at+1]; n == 0 && bytes.HasPrefix(r.text[at:], bytes.Repeat(three, 3)) {
		return 3
	}
	return n + 1
}

// QuotedValue finds the end of a quoted value. A quote that is not closed on
// its line belongs to a value over several lines, or to none; the value is
// then taken to the end of the line.
func (r *Reader) QuotedValue(at, n int) Value {
	open := r.text[at : at+n]
	start := at + n
	if n == 3 && open[0] != '\\' {
		start = syntax.Trim(r.text, syntax.Span{Start: start, End: len(r.text)}).Start
	}
	end := r.closeQuote(start, open)
	if end >= 0 {
		return Value{Start: start, End: end}
	}
	if n == 1 && open[0] == '\'' && at > 0 && bytes.IndexByte(r.text[start:min(len(r.text), start+MaxBare)], open[0]) < 0 && (ascii.IsBlank(r.text[at-1]) || r.text[at-1] == '=' || r.text[at-1] == ':') {
		start = at // the quote is the first character of the value
	}
	stop := r.LineEnd(start)
	return Value{Start: start, End: stop, Unsure: true}
}

// closeQuote finds the quote that closes open, or returns -1. Only a threefold
// quote reaches over lines.
func (r *Reader) closeQuote(start int, open []byte) int {
	if len(open) == 3 && open[0] != '\\' {
		i := bytes.Index(r.text[start:], open)
		if i < 0 {
			return -1
		}
		return start + len(bytes.TrimRight(r.text[start:start+i], " \t\r\n"))
	}
	q := open[len(open)-1]
	for i := start; i < len(r.text) && i < start+MaxValue && r.text[i] != '\n'; i++ {
		switch {
		case r.text[i] == '\\' && len(open) > 1 && bytes.HasPrefix(r.text[i:], open):
			return i
		case r.text[i] == '\\' && q == '"', r.escapesQuote(i, q):
			i++
		case r.text[i] == q && q == '\'' && i+1 < len(r.text) && r.text[i+1] == q:
			i++
		case r.text[i] == q:
			return i
		}
	}
	return -1
}

// escapesQuote says whether a backslash in single quotes escapes one, as in most
// programs and not in a shell: the word goes on behind it, and a quote follows.
func (r *Reader) escapesQuote(i int, q byte) bool {
	if r.text[i] != '\\' || q != '\'' || i+2 >= len(r.text) || r.text[i+1] != q || !ascii.IsAlnum(r.text[i+2]) {
		return false
	}
	rest := r.text[i+2 : min(len(r.text), i+MaxDoubtful)]
	if end := bytes.IndexByte(rest, '\n'); end >= 0 {
		rest = rest[:end]
	}
	return bytes.IndexByte(rest, q) >= 0
}

func (r *Reader) untilQuote(l *Line, at int) int {
	if i := bytes.IndexByte(r.text[at:l.End], l.Quote); i >= 0 {
		return at + i
	}
	return r.LineEnd(at)
}

// Prefixed passes the letters that may stand before the quote of a string: r'x', b"x".
func (r *Reader) Prefixed(at int) int {
	for n := 1; n <= 2 && at+n < len(r.text); n++ {
		if bytes.IndexByte([]byte("rRbBuUfFLN@"), r.text[at+n-1]) < 0 {
			break
		}
		if c := r.text[at+n]; c == '"' || c == '\'' {
			return at + n
		}
	}
	return at
}

// brackets open and close a string in languages that have more than quotes for it:
// q{x} of Perl, [[x]] of Lua. They are read only.
var brackets = []struct{ open, shut string }{
	{"qq{", "}"}, {"q{", "}"}, {"qq(", ")"}, {"q(", ")"}, {"q[", "]"}, {"qq|", "|"}, {"q|", "|"}, {"%q{", "}"}, {"%q(", ")"}, {"%Q(", ")"}, {"%(", ")"}, {"[[", "]]"}, {"[=[", "]=]"}, {"R\"(", ")\""},
}

// bracketed is the value between brackets that a language has for strings.
func (r *Reader) bracketed(l *Line, at int) (Value, bool) {
	limit := min(l.End, at+MaxExpression)
	if at >= limit || bytes.IndexByte([]byte("q%[R"), r.text[at]) < 0 {
		return Value{}, false
	}
	for _, b := range brackets {
		if !bytes.HasPrefix(r.text[at:limit], []byte(b.open)) {
			continue
		}
		start := at + len(b.open)
		end := bytes.LastIndex(r.text[start:limit], []byte(b.shut))
		if b.shut != "]]" && end >= 0 {
			end = bytes.IndexByte(r.text[start:limit], b.shut[0])
		}
		if end <= 0 {
			continue
		}
		if rest := r.text[start+end+len(b.shut) : limit]; len(bytes.Trim(rest, " \t\r,;)]}")) > 0 || b.open == "[[" && isReferenced(r.text[start:start+end]) || b.open == "%(" && len(rest) > 0 && rest[0] == 's' {
			continue
		}
		return Value{Start: start, End: start + end}, true
	}
	return Value{}, false
}

// isReferenced says whether what stands between double brackets is a template
// rather than a string.
func isReferenced(v []byte) bool { return len(v) > 1 && v[0] == ' ' && v[len(v)-1] == ' ' }
