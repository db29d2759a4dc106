package redact

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
func (f *finder) isSetting(l *line, start, at int) bool {
	before := f.text[l.first:start]
	if len(before) > 64 || at >= l.end || bytes.ContainsAny(before, "([{<\"'$") && bytes.Count(before, []byte(" ")) > 6 {
		return false
	}
	if bytes.ContainsAny(before, " \t") && !isLead(before) {
		return false
	}
	return !notions.IsProse(f.text[at:min(l.end, at+maxValue)])
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
func (f *finder) told(l *line, at int) (value, bool) {
	end := f.wordEnd(at)
	if !isSentenceVerb(f.text[at:end]) || string(f.text[at:end]) == "to" || string(f.text[at:end]) == "of" {
		return value{}, false
	}
	start := at + len(f.text[at:end])
	for start < l.end && ascii.IsBlank(f.text[start]) {
		start++
	}
	end = min(f.wordEnd(start), l.end)
	if start < end && bytes.IndexByte([]byte("\"'`"), f.text[start]) >= 0 {
		if shut := bytes.IndexByte(f.text[start+1:l.end], f.text[start]); shut > 0 {
			return value{start: start + 1, end: start + 1 + shut}, true
		}
	}
	word := bytes.TrimRight(f.text[start:end], ".,;:)")
	low := bytes.ToLower(word)
	if len(word) < 4 || notions.Function[string(low)] || notions.Participles[string(low)] || bytes.HasSuffix(word, []byte("ed")) || bytes.HasSuffix(word, []byte("ing")) || notions.IsSample(word) {
		return value{}, false
	}
	return value{start: start, end: start + len(word), doubt: !isLast(f.text[start+len(word) : l.end])}, true
}

// toldOf finds a password that a comment gives at its end: the password for the
// backup account: x.
func (f *finder) toldOf(l *line, at int) (value, bool) {
	end := f.lineEnd(at)
	if end-at > maxUnescaped {
		return value{}, false
	}
	colon := bytes.LastIndex(f.text[at:end], []byte(": "))
	if colon < 0 {
		return value{}, false
	}
	start := syntax.Blanks(f.text, at+colon+1)
	word := f.text[start:end]
	low := bytes.ToLower(word)
	if len(word) < 4 || bytes.IndexByte(word, ' ') >= 0 || notions.Function[string(low)] || notions.Participles[string(low)] || notions.IsSample(word) {
		return value{}, false
	}
	return value{start: start, end: end}, end <= l.end
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
func (f *finder) commented(v value) value {
	content := f.text[v.start:v.end]
	v.doubt = notions.IsSample(content) || notions.IsProse(content) || lexicon.IsPublished(content)
	return v
}
