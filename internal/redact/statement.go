package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// identified masks what follows IDENTIFIED BY and IDENTIFIED WITH plugin BY. In a
// sentence something may be identified by a quoted name too, so the statement has
// to be one, or the word a keyword.
func (f *finder) identified(start, end int) {
	if start > 0 && ascii.IsName(f.text[start-1]) || string(f.text[start:end]) != "IDENTIFIED" && !f.InStatement(start) {
		return
	}
	at := f.keyword(end, "with", "via")
	if at > 0 {
		at = f.gap(f.WordEnd(at))
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
	quote := f.OpenQuote(at)
	if quote == 0 {
		f.judge(assignment.Value{Start: at, End: f.StatementWord(at), Doubt: f.plan.Prose || !f.InStatement(start)}, lexicon.Strong)
		return
	}
	f.judge(f.QuotedValue(at, quote), lexicon.Strong)
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
