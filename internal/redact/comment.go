package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
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
	return !isProse(f.text[at:min(l.end, at+maxValue)])
}

// leads are words that stand before the name of a setting. Read only.
var leads = setOf(`- export set setenv env public private protected const var let val static define( $this-> option old: was: old previous previously former formerly was prev earlier original legacy current new temp temporary`)

// isLead says whether what stands before a name can begin a setting: a keyword, an
// element, a call, or an opened map.
func isLead(before []byte) bool {
	if bytes.ContainsAny(before, "({[<=") {
		return true
	}
	for w := range bytes.FieldsSeq(before) {
		if !leads[string(bytes.ToLower(w))] && !ascii.IsName(w[len(w)-1]) && w[len(w)-1] != '$' && w[len(w)-1] != '"' && w[len(w)-1] != '\'' {
			return false
		}
		if ascii.IsName(w[len(w)-1]) && !leads[string(bytes.ToLower(w))] {
			return false
		}
	}
	return true
}

// function are the words that sentences are made with and passwords are not. Read
// only.
var function = setOf(`the a an is are was were be been to of for in on at by from with without if when then must should can may will would not no and or as it its this
	that these your you our we they which what who how only use used using uses like such via into than also after before same see more about has have`)

// isProse says whether some words are a sentence rather than a value.
func isProse(v []byte) bool {
	words, hits := 0, 0
	for w := range bytes.FieldsSeq(v) {
		if words++; words > 24 {
			break
		}
		if function[string(bytes.ToLower(bytes.Trim(w, ".,;:!?()\"'`")))] {
			hits++
		}
	}
	return words >= 2 && hits > 0 && (words >= 3 || hits > 1) || words > 12
}

// samples are words of which the values of examples are made. Read only.
var samples = setOf(`password passwd pass passphrase secret token key api my your the user username admin foo bar foobar baz example sample test some value here
	string changeme change me xxx xxxx redacted none empty yes no true false app db client auth bearer access private public default apikey mypassword mysecret
	mytoken yourpassword yoursecret yourtoken secretkey foobared metricsmetricsmetricsmetrics guest changeit s3cr3t hunter2 letmein optional required
	username:password user:pass user:password id account name basic generated random base64 community abc 123 1234 12345 123456 key1 key2 here] telegraf influx`)

// isSample says whether a value is made of nothing but the words of examples.
func isSample(v []byte) bool {
	n := 0
	for w := range bytes.FieldsFuncSeq(bytes.ToLower(v), func(r rune) bool {
		return r == ' ' || r == '-' || r == '_' || r == '.' || r == ',' || r == '<' || r == '>' || r == '$'
	}) {
		if !samples[string(w)] {
			return false
		}
		n++
	}
	return n > 0
}

// participles follow "password was" where no password does. Read only.
var participles = setOf(`set changed rotated wrong required stored now kept generated read taken used empty optional hashed encrypted needed sent expected mandatory never always
	reset updated removed added moved leaked compromised created defined given provided shared expired revoked derived loaded passed supplied different long short valid invalid
	deprecated ignored disabled enabled correct incorrect missing available unknown hidden masked here there written asked blank unset unused still just already too very weak strong
	lost known found public secret prompted obtained specified configured managed handled checked tested saved visible in production staging dev`)

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
	word := bytes.TrimRight(f.text[start:end], ".,;:!?)")
	low := bytes.ToLower(word)
	if len(word) < 4 || function[string(low)] || participles[string(low)] || bytes.HasSuffix(word, []byte("ed")) || bytes.HasSuffix(word, []byte("ing")) || isSample(word) {
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
	if len(word) < 4 || bytes.IndexByte(word, ' ') >= 0 || function[string(low)] || participles[string(low)] || isSample(word) {
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
	v.doubt = isSample(content) || isProse(content) || lexicon.IsPublished(content)
	return v
}
