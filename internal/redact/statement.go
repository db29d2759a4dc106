package redact

import (
	"bytes"
	"slices"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
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

// inStatement says whether pos stands in an SQL statement about an account.
func (f *finder) inStatement(pos int) bool {
	before := f.text[max(0, pos-maxStatement):pos]
	before = bytes.ToLower(before[bytes.LastIndexByte(before, ';')+1:])
	return slices.ContainsFunc(accountStatements, func(s []byte) bool { return bytes.Contains(before, s) })
}

// identified masks what follows IDENTIFIED BY and IDENTIFIED WITH plugin BY. In a
// sentence something may be identified by a quoted name too, so the statement has
// to be one, or the word a keyword.
func (f *finder) identified(start, end int) {
	if start > 0 && ascii.IsName(f.text[start-1]) || string(f.text[start:end]) != "IDENTIFIED" && !f.inStatement(start) {
		return
	}
	at := f.keyword(end, "with", "via")
	if at > 0 {
		at = f.gap(f.wordEnd(at))
	} else {
		at = end
	}
	if at = f.keyword(at, "by", "as", "using"); at < 0 {
		return
	}
	if hash := f.keyword(at, "password"); hash > 0 {
		at = hash
	} else if next := f.text[at:min(len(f.text), at+len("password(")+1)]; len(next) > len("password(") && bytes.EqualFold(next[:len("password(")], []byte("password(")) {
		at += len("password(")
	}
	quote := f.openQuote(at)
	if quote == 0 {
		f.judge(value{start: at, end: f.statementWord(at), doubt: f.plan.prose || !f.inStatement(start)}, lexicon.Strong)
		return
	}
	f.judge(f.quotedValue(at, quote), lexicon.Strong)
}

// keyword passes one of the words, in any case, with the white space around it.
// It returns -1 if none of them comes next.
func (f *finder) keyword(at int, words ...string) int {
	at = f.gap(at)
	for _, w := range words {
		end := at + len(w)
		if end < len(f.text) && ascii.IsSpace(f.text[end]) && bytes.EqualFold(f.text[at:end], []byte(w)) {
			return f.gap(end)
		}
	}
	return -1
}

// gap passes the white space between two words of a statement, which may stand on
// different lines.
func (f *finder) gap(at int) int {
	for stop := min(len(f.text), at+syntax.MaxName); at < stop && ascii.IsSpace(f.text[at]); at++ {
	}
	return at
}

// statementWord is the end of a word of a statement that has no quotes.
func (f *finder) statementWord(at int) int {
	for stop := min(len(f.text), at+maxDoubtful); at < stop && !ascii.IsSpace(f.text[at]) && bytes.IndexByte([]byte("\"'`;,)"), f.text[at]) < 0; at++ {
	}
	return at
}
