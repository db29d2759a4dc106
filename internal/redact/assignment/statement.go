package assignment

import (
	"bytes"
	"slices"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// maxStatement bounds how far back the beginning of a statement is looked for.
const maxStatement = 512

// accountStatements are the beginnings of the SQL statements that give an
// account its password.
var accountStatements = [][]byte{
	[]byte("create user "), []byte("alter user "), []byte("create role "), []byte("alter role "), []byte("create group "),
	[]byte("create database link "), []byte("create public database link "), []byte("create or replace user "), []byte("grant "),
	[]byte("set password "), []byte("change master "),
}

// InStatement says whether pos stands in an SQL statement about an account.
func (r *Reader) InStatement(pos int) bool {
	before := r.text[max(0, pos-maxStatement):pos]
	before = bytes.ToLower(before[bytes.LastIndexByte(before, ';')+1:])
	return slices.ContainsFunc(accountStatements, func(s []byte) bool { return bytes.Contains(before, s) })
}

// StatementWord is the end of a word of a statement that has no quotes.
func (r *Reader) StatementWord(at int) int {
	for stop := min(len(r.text), at+MaxDoubtful); at < stop && !ascii.IsSpace(r.text[at]) && bytes.IndexByte([]byte("\"'`;,)"), r.text[at]) < 0; at++ {
	}
	return at
}

// statementValue is the value of a name in the middle of a statement, as routers
// and many services have them: neighbor 192.0.2.1 password x. In a program words
// stand in another order, and in a sentence they mean something else.
func (r *Reader) statementValue(l *Line, start, at int, c lexicon.Suspicion) (Value, bool) {
	if c != lexicon.Strong || l.Comment || l.Quote != 0 || !r.form.spaced() || r.form.isProgram(r.text) || !isOneWord(r.text, start) {
		return Value{}, false
	}
	if _, is := notions.Directives[string(bytes.ToLower(r.text[l.First:min(l.End, r.WordEnd(l.First))]))]; is {
		return Value{}, false // read by its words
	}
	s, e := r.passQualifiers(at, r.WordEnd(at))
	if quote := r.OpenQuote(s); quote > 0 {
		v := r.QuotedValue(s, quote)
		v.Doubt = notions.IsProse(r.text[v.Start:v.End])
		return v, v.End > v.Start
	}
	e = s + len(bytes.TrimRight(r.text[s:e], ";,"))
	word := r.text[s:e]
	if notions.IsStop(word) || lexicon.Classify(string(word[:min(len(word), syntax.MaxName)])) != lexicon.None || notions.IsProse(r.text[l.First:l.End]) || bytes.Contains(r.text[l.First:min(l.End, l.First+MaxDoubtful)], []byte("pam_")) || bytes.IndexByte(word, '=') > 0 && bytes.IndexByte(word, '=') < len(word)-2 {
		return Value{}, false
	}
	return Value{Start: s, End: e}, true
}

// isOneWord says whether a name stands between blanks, as a word does.
func isOneWord(text []byte, start int) bool { return start == 0 || ascii.IsSpace(text[start-1]) }
