package assignment

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// MaxExpression bounds how far an expression is followed over lines.
const MaxExpression = 1024

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
func (r *Reader) expression(l *Line, at int) bool {
	end := min(l.End, at+MaxExpression)
	if l.Comment || r.form.Prose || r.form.Bare || at < r.computed || !isExpression(r.text[at:end]) {
		return false
	}
	r.computed = end
	if r.text[at] == '(' && bytes.IndexByte(r.text[at:end], ')') < 0 {
		if i := bytes.IndexByte(r.text[at:min(len(r.text), at+MaxExpression)], ')'); i > 0 {
			end = at + i
		}
	}
	return r.numbers(at, end) || r.Literals(at, end)
}

// numbers masks a list of numbers: a key, byte for byte.
func (r *Reader) numbers(at, end int) bool {
	if r.text[at] != '[' && r.text[at] != '{' && r.text[at] != '(' {
		return false
	}
	s := syntax.Trim(r.text, syntax.Span{Start: at + 1, End: end})
	n, digits := 0, false
	for i := s.Start; i < s.End; i++ {
		switch c := r.text[i]; {
		case c == ',':
			n++
		case ascii.IsHex(c):
			digits = true
		case c == ']' || c == '}' || c == ')':
			if n < 7 || !digits {
				return false
			}
			t := syntax.Trim(r.text, syntax.Span{Start: s.Start, End: i})
			r.mask(t.Start, t.End)
			return true
		case !ascii.IsSpace(c) && c != 'x' && c != 'X':
			return false
		}
	}
	return false
}

// Literals masks each string between at and end that is not plainly something else:
// the key of a map, the name of a variable, what a function fetches.
func (r *Reader) Literals(at, end int) bool {
	found := false
	for i := at; i < end; i++ {
		c := r.text[i]
		if c != '"' && c != '\'' || i > at && r.text[i-1] == '\\' {
			continue
		}
		s, next := syntax.Quoted(r.text[:end], i)
		if next <= i+1 || s.End == next {
			return found
		}
		if r.isSecretLiteral(at, s, next, end) {
			r.mask(s.Start, s.End)
			found = true
		}
		i = next - 1
	}
	return found
}

func (r *Reader) isSecretLiteral(at int, s syntax.Span, next, end int) bool {
	v := r.text[s.Start:s.End]
	after := bytes.TrimLeft(r.text[next:end], " \t")
	switch {
	case len(v) < 3 || lexicon.IsPlain(v) || notions.IsSample(v) || lexicon.IsVariableName(v) || len(v) <= syntax.MaxName && lexicon.Classify(string(v)) != lexicon.None:
		return false
	case bytes.HasPrefix(after, []byte("=>")), len(after) > 0 && (after[0] == ':' || after[0] == '('):
		return false
	}
	before := bytes.TrimRight(r.text[at:s.Start-1], " \t")
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
