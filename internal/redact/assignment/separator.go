package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// separator says what stands between a name and its value.
type separator uint8

const (
	noSeparator separator = iota
	assigned              // = : => := and the like
	tight                 // a colon without a blank after it
	blank                 // nothing but white space
	option                // white space or a comma after an option
	continued             // a backslash and a line break after an option
	element               // the > of an XML element
	compared              // == and the like
)

// separator reads what follows a name, up to where the value begins.
func (r *Reader) separator(l *Line, start, end int, opt bool) (separator, int) {
	at := r.closeName(end)
	closed := at > end
	blanks := at
	at = syntax.Blanks(r.text, at)
	if at >= len(r.text) {
		return noSeparator, at
	}
	switch c := r.text[at]; {
	case c == '>' && start > 0 && r.text[start-1] == '<':
		return element, at + 1
	case c == '(' && !closed && at == end && r.OpenQuote(at+1) > 0 && isPlainName(r.text, start, end):
		return assigned, at + 1
	case c == ',' && at == end && start > 0 && r.text[start-1] == '{': // a tuple of Erlang
		return assigned, r.tuple(at + 1)
	case c == ',' && (closed || start > 0 && r.text[start-1] == '$') && r.isDefinition(start):
		return assigned, syntax.Blanks(r.text, at+1)
	case c == '.' && at > blanks && r.OpenQuote(syntax.Blanks(r.text, at+1)) > 0: // a pair of Lisp
		return assigned, syntax.Blanks(r.text, at+1)
	case c == ',' && at == end && start > 0 && r.text[start-1] == '(' && r.OpenQuote(syntax.Blanks(r.text, at+1)) > 0: // a fact of Prolog
		return assigned, syntax.Blanks(r.text, at+1)
	case (c == '!' || c == '~') && at+1 < len(r.text) && r.text[at+1] == '=':
		return r.operator(at)
	case c == ',' && closed && opt, opt && (c == '\n' || c == '\r'):
		return r.nextItem(at)
	case c == '=' || c == ':', (c == '+' || c == '?') && at+1 < len(r.text) && r.text[at+1] == '=':
		return r.operator(at)
	case at > blanks && opt && c == '\\' && command.IsLineBreak(r.text[at+1:]):
		return r.nextLine(at + 1)
	case at > blanks && opt && c != '-':
		return option, at
	case at > blanks && !closed && c != '\n' && c != '\r':
		return blank, at
	}
	return noSeparator, at
}

// isPlainName says whether a name is one word that names a secret, as in
// password("x"); longer ones are functions that fetch a secret.
func isPlainName(text []byte, start, end int) bool {
	return lexicon.IsSecretAlone(string(text[start:end])) && (start == 0 || ascii.IsSpace(text[start-1]) || text[start-1] == '(')
}

// isDefinition says whether the quoted name is the first argument of a
// function that gives the name a value: define('DB_PASSWORD', 'x').
func (r *Reader) isDefinition(start int) bool {
	before := bytes.TrimRight(r.text[max(0, start-16):max(0, start-1)], " ")
	before = bytes.TrimRight(bytes.TrimSuffix(before, []byte("$")), " ")
	for _, fn := range []string{"define(", "setenv(", "putenv(", "put(", "setProperty(", "setAttribute(", "addHeader(", "setHeader(", "header(", "property(", "Property(", "Field(", "param(", "set(", "Set(", "option(", "config("} {
		if bytes.HasSuffix(before, []byte(fn)) {
			return true
		}
	}
	return bytes.Contains(r.text[max(0, start-64):start], []byte("modparam("))
}

// tuple is where the second part of a tuple of Erlang begins.
func (r *Reader) tuple(at int) int {
	at = syntax.Blanks(r.text, at)
	if bytes.HasPrefix(r.text[at:], []byte("<<")) {
		at += len("<<")
	}
	return at
}

// closeName passes the quote and bracket that close a quoted name, with
// escapes: name\", name'].
func (r *Reader) closeName(at int) int {
	for n := 0; at < len(r.text) && n < 6; n++ {
		switch r.text[at] {
		case '\\', '"', '\'', ']':
			at++
		case ')':
			if n == 0 {
				return at
			}
			at++
		default:
			return at
		}
	}
	return at
}

// operator reads =, :, =>, := and the like; comparisons are none. What follows
// a name and = without a blank may be the beginning of the value.
func (r *Reader) operator(at int) (separator, int) {
	op := r.text[at:min(len(r.text), at+2)]
	next := at + len(op)
	set := next >= len(r.text) || ascii.IsSpace(r.text[next]) || r.OpenQuote(next) > 0 || ascii.IsBlank(r.text[at-1])
	switch string(op) {
	case "==", "!=", "~=":
		if third := next; third < len(r.text) && r.text[third] == '=' {
			next, set = third+1, true
		}
		if set {
			return compared, syntax.Blanks(r.text, next)
		}
	case "=~":
		if set {
			return noSeparator, at
		}
	case "::", ":*", ":-":
		return noSeparator, at
	case ":=", "+=", "?=":
		return assigned, syntax.Blanks(r.text, next)
	case "=>":
		if set {
			return assigned, syntax.Blanks(r.text, next)
		}
	}
	if op[0] == '=' {
		return assigned, syntax.Blanks(r.text, at+1)
	}
	next = syntax.Blanks(r.text, at+1)
	if next > at+1 || next >= len(r.text) || r.OpenQuote(next) > 0 || ascii.IsSpace(r.text[next]) {
		return assigned, next
	}
	return tight, next
}

// nextItem finds the value of an option that is the next item of a list, on
// the same line or the next.
func (r *Reader) nextItem(at int) (separator, int) {
	if r.text[at] == ',' {
		at++
	}
	for at < len(r.text) && ascii.IsSpace(r.text[at]) {
		at++
	}
	if bytes.HasPrefix(r.text[at:], []byte("- ")) {
		at = syntax.Blanks(r.text, at+2)
		if n := r.OpenQuote(at); at >= len(r.text) || command.IsOption(r.text[at+n:min(len(r.text), at+n+syntax.MaxName)]) {
			return noSeparator, at
		}
		return option, at
	}
	if n := r.OpenQuote(at); n > 0 && !command.IsOption(r.text[at+n:min(len(r.text), at+n+syntax.MaxName)]) {
		return option, at
	}
	return noSeparator, at
}

// nextLine finds the value of an option that a backslash parts from it.
func (r *Reader) nextLine(at int) (separator, int) {
	for stop := min(len(r.text), at+syntax.MaxName); at < stop && ascii.IsSpace(r.text[at]); at++ {
	}
	if at >= len(r.text) || command.IsOption(r.text[at:min(len(r.text), at+syntax.MaxName)]) {
		return noSeparator, at
	}
	return continued, at
}
