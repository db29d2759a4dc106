package redact

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// brackets open and close a string in languages that have more than quotes for it:
// q{x} of Perl, [[x]] of Lua. They are read only.
var brackets = []struct{ open, shut string }{
	{"qq{", "}"}, {"q{", "}"}, {"qq(", ")"}, {"q(", ")"}, {"q[", "]"}, {"qq|", "|"}, {"q|", "|"}, {"%q{", "}"}, {"%q(", ")"}, {"%Q(", ")"}, {"%(", ")"}, {"[[", "]]"}, {"[=[", "]=]"}, {"R\"(", ")\""},
}

// bracketed is the value between brackets that a language has for strings.
func (f *finder) bracketed(l *line, at int) (value, bool) {
	limit := min(l.end, at+maxExpression)
	if at >= limit || bytes.IndexByte([]byte("q%[R"), f.text[at]) < 0 {
		return value{}, false
	}
	for _, b := range brackets {
		if !bytes.HasPrefix(f.text[at:limit], []byte(b.open)) {
			continue
		}
		start := at + len(b.open)
		end := bytes.LastIndex(f.text[start:limit], []byte(b.shut))
		if b.shut != "]]" && end >= 0 {
			end = bytes.IndexByte(f.text[start:limit], b.shut[0])
		}
		if end <= 0 {
			continue
		}
		if rest := f.text[start+end+len(b.shut) : limit]; len(bytes.Trim(rest, " \t\r,;)]}")) > 0 || b.open == "[[" && isReferenced(f.text[start:start+end]) || b.open == "%(" && len(rest) > 0 && rest[0] == 's' {
			continue
		}
		return value{start: start, end: start + end}, true
	}
	return value{}, false
}

// isReferenced says whether what stands between double brackets is a template
// rather than a string.
func isReferenced(v []byte) bool { return len(v) > 1 && v[0] == ' ' && v[len(v)-1] == ' ' }

// prefixed passes the letters that may stand before the quote of a string: r'x', b"x".
func (f *finder) prefixed(at int) int {
	for n := 1; n <= 2 && at+n < len(f.text); n++ {
		if bytes.IndexByte([]byte("rRbBuUfFLN@"), f.text[at+n-1]) < 0 {
			break
		}
		if c := f.text[at+n]; c == '"' || c == '\'' {
			return at + n
		}
	}
	return at
}

// maxExpression bounds how far an expression is followed over lines.
const maxExpression = 1024

// isExpression says whether what follows the name of a secret computes it: a call,
// a list, a map.
func isExpression(v []byte) bool {
	if len(v) == 0 || bytes.HasPrefix(v, []byte("{{")) || bytes.HasPrefix(v, []byte("{%")) {
		return false
	}
	n := 0
	for n < len(v) && (ascii.IsAlnum(v[n]) || v[n] == '_' || v[n] == '.' || v[n] == ':' || v[n] == '$' || n > 0 && v[n] == '>' && v[n-1] == '-' || v[n] == '-') {
		n++
	}
	return n < len(v) && (bytes.IndexByte([]byte("([{"), v[n]) >= 0 && (n > 0 || len(v) > 1) || n > 0 && (bytes.HasPrefix(v[n:], []byte(" || ")) || bytes.HasPrefix(v[n:], []byte(" or ")) || bytes.HasPrefix(v[n:], []byte(" ?? "))))
}

// expression masks the strings in what computes a secret, and says whether there
// were any. It ends with its line, or where its parentheses do.
func (f *finder) expression(l *line, at int) bool {
	end := min(l.end, at+maxExpression)
	if l.comment || f.plan.prose || f.plan.bare || at < f.computed || !isExpression(f.text[at:end]) {
		return false
	}
	f.computed = end
	if f.text[at] == '(' && bytes.IndexByte(f.text[at:end], ')') < 0 {
		if i := bytes.IndexByte(f.text[at:min(len(f.text), at+maxExpression)], ')'); i > 0 {
			end = at + i
		}
	}
	return f.numbers(at, end) || f.literals(at, end)
}

// numbers masks a list of numbers: a key, byte for byte.
func (f *finder) numbers(at, end int) bool {
	if f.text[at] != '[' && f.text[at] != '{' && f.text[at] != '(' {
		return false
	}
	s := syntax.Trim(f.text, syntax.Span{Start: at + 1, End: end})
	n, digits := 0, false
	for i := s.Start; i < s.End; i++ {
		switch c := f.text[i]; {
		case c == ',':
			n++
		case ascii.IsHex(c):
			digits = true
		case c == ']' || c == '}' || c == ')':
			if n < 7 || !digits {
				return false
			}
			t := syntax.Trim(f.text, syntax.Span{Start: s.Start, End: i})
			f.add(t.Start, t.End)
			return true
		case !ascii.IsSpace(c) && c != 'x' && c != 'X':
			return false
		}
	}
	return false
}

// literals masks each string between at and end that is not plainly something else:
// the key of a map, the name of a variable, what a function fetches.
func (f *finder) literals(at, end int) bool {
	found := false
	for i := at; i < end; i++ {
		c := f.text[i]
		if c != '"' && c != '\'' || i > at && f.text[i-1] == '\\' {
			continue
		}
		s, next := syntax.Quoted(f.text[:end], i)
		if next <= i+1 || s.End == next {
			return found
		}
		if f.isSecretLiteral(at, s, next, end) {
			f.add(s.Start, s.End)
			found = true
		}
		i = next - 1
	}
	return found
}

func (f *finder) isSecretLiteral(at int, s syntax.Span, next, end int) bool {
	v := f.text[s.Start:s.End]
	after := bytes.TrimLeft(f.text[next:end], " \t")
	switch {
	case len(v) < 3 || lexicon.IsPlain(v) || notions.IsSample(v) || lexicon.IsVariableName(v) || len(v) <= syntax.MaxName && lexicon.Classify(string(v)) != lexicon.None:
		return false
	case bytes.HasPrefix(after, []byte("=>")), len(after) > 0 && (after[0] == ':' || after[0] == '('):
		return false
	}
	before := bytes.TrimRight(f.text[at:s.Start-1], " \t")
	if n := len(before); n > 1 && (before[n-1] == '(' || before[n-1] == '[') {
		return !lexicon.IsFetcher(string(lastName(before[:n-1])))
	} else if n > 1 && (before[n-1] == ':' || before[n-1] == '>' || before[n-1] == '=') {
		key := string(lastName(bytes.TrimRight(before, " \t:=>\"'")))
		return strings.ContainsAny(key, "@.") || lexicon.IsUnnamed(key)
	}
	return true
}

// lastName is the name at the end of v.
func lastName(v []byte) []byte {
	i := len(v)
	for i > 0 && (ascii.IsAlnum(v[i-1]) || bytes.IndexByte([]byte("_.@-"), v[i-1]) >= 0) {
		i--
	}
	return v[i:]
}
