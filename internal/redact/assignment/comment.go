package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// isSetting says whether a comment is a setting that was taken out of force: the
// name at start begins it, behind nothing but what can belong to a setting, and
// what follows at is no sentence. Old secrets open old doors.
func (r *Reader) isSetting(l *Line, start, at int) bool {
	before := r.text[l.First:start]
	if len(before) > 64 || at >= l.End || bytes.ContainsAny(before, "([{<\"'$") && bytes.Count(before, []byte(" ")) > 6 {
		return false
	}
	if bytes.ContainsAny(before, " \t") && !isLead(before) {
		return false
	}
	return !notions.IsProse(r.text[at:min(l.End, at+MaxValue)])
}

// isLead says whether what stands before a name can begin a setting: a keyword, an
// element, a call, or an opened map.
func isLead(before []byte) bool {
	if bytes.ContainsAny(before, "({[<=") {
		return true
	}
	for w := range bytes.FieldsSeq(before) {
		if !notions.Leads[string(bytes.ToLower(w))] && !ascii.IsName(w[len(w)-1]) && w[len(w)-1] != '$' && w[len(w)-1] != '"' && w[len(w)-1] != '\'' {
			return false
		}
		if ascii.IsName(w[len(w)-1]) && !notions.Leads[string(bytes.ToLower(w))] {
			return false
		}
	}
	return true
}

// told masks a password that a comment tells in words: the old password was x.
// It returns whether the words after the name do.
func (r *Reader) told(l *Line, at int) (Value, bool) {
	end := r.WordEnd(at)
	if !IsSentenceVerb(r.text[at:end]) || string(r.text[at:end]) == "to" || string(r.text[at:end]) == "of" {
		return Value{}, false
	}
	start := at + len(r.text[at:end])
	for start < l.End && ascii.IsBlank(r.text[start]) {
		start++
	}
	end = min(r.WordEnd(start), l.End)
	if start < end && bytes.IndexByte([]byte("\"'`"), r.text[start]) >= 0 {
		if shut := bytes.IndexByte(r.text[start+1:l.End], r.text[start]); shut > 0 {
			return Value{Start: start + 1, End: start + 1 + shut}, true
		}
	}
	word := bytes.TrimRight(r.text[start:end], ".,;:)")
	low := bytes.ToLower(word)
	if len(word) < 4 || notions.Function[string(low)] || notions.Participles[string(low)] || bytes.HasSuffix(word, []byte("ed")) || bytes.HasSuffix(word, []byte("ing")) || notions.IsSample(word) {
		return Value{}, false
	}
	return Value{Start: start, End: start + len(word), Doubt: !isLast(r.text[start+len(word) : l.End])}, true
}

// maxClause bounds how long a clause is at whose end a password may stand.
const maxClause = 128

// toldOf finds a password that a comment gives at its end: the password for the
// backup account: x.
func (r *Reader) toldOf(l *Line, at int) (Value, bool) {
	end := r.LineEnd(at)
	if end-at > maxClause {
		return Value{}, false
	}
	colon := bytes.LastIndex(r.text[at:end], []byte(": "))
	if colon < 0 {
		return Value{}, false
	}
	start := syntax.Blanks(r.text, at+colon+1)
	word := r.text[start:end]
	low := bytes.ToLower(word)
	if len(word) < 4 || bytes.IndexByte(word, ' ') >= 0 || notions.Function[string(low)] || notions.Participles[string(low)] || notions.IsSample(word) {
		return Value{}, false
	}
	return Value{Start: start, End: end}, end <= l.End
}

// isLast says whether a clause ends before rest: with a sign, or until when.
func isLast(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t")
	if len(rest) == 0 || bytes.IndexByte([]byte(".,;:!?)(-"), rest[0]) >= 0 {
		return true
	}
	word, _, _ := bytes.Cut(rest, []byte(" "))
	switch string(word) {
	case "until", "till", "before", "since", "up", "then", "and", "but", "on", "in", "for", "through", "(until", "when", "while":
		return true
	}
	return false
}

// commented judges the value of a setting in a comment: an example, a sentence and
// what programs are shipped with have to look chosen.
func (r *Reader) commented(v Value) Value {
	content := r.text[v.Start:v.End]
	v.Doubt = notions.IsSample(content) || notions.IsProse(content) || lexicon.IsPublished(content)
	return v
}

// IsSentenceVerb says whether a word joins a name to what a sentence says of it.
func IsSentenceVerb(word []byte) bool {
	switch string(word) {
	case "is", "was", "are", "were", "to", "of":
		return true
	}
	return false
}
