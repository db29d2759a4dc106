package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// blankValue is the value of a key that only white space separates from it.
func (r *Reader) blankValue(l *Line, start, at int, c lexicon.Suspicion) (Value, bool) {
	if quote := r.OpenQuote(at); quote > 0 && c == lexicon.Strong && r.text[at] != l.Quote && r.InStatement(start) {
		v := r.QuotedValue(at, quote)
		v.Doubt = l.Comment
		return v, v.End > v.Start
	}
	if quote := r.OpenQuote(at); quote > 0 && r.form.spaced() && l.Quote == 0 && !l.Comment {
		v := r.QuotedValue(at, quote)
		return v, v.End > v.Start
	}
	if v, ok := r.listed(l, start, at, c); ok {
		return v, v.End > v.Start
	}
	end := r.WordEnd(at)
	word := r.text[at:end]
	switch {
	case l.Quote != 0 && end > at && r.text[end-1] == l.Quote:
		end--
	}
	v := Value{Start: at, End: end, Doubt: true}
	if command.IsOption(word) && start == l.First {
		return Value{}, false
	}
	switch {
	case l.Comment && c == lexicon.Strong && !r.form.Prose && r.commentedWord(l, start, at, end):
		return Value{Start: at, End: end}, true
	case start == l.First && !l.Comment && r.form.spaced() && !isAmbiguous(string(bytes.ToLower(r.text[start:start+min(6, end-start)]))):
		v.Doubt = c != lexicon.Strong
	case r.isLogin(l, start):
		v.Doubt = false
	case l.Comment && c == lexicon.Strong && (string(word) == "for" || string(word) == "of" || string(word) == "on"):
		return r.toldOf(l, end)
	case IsSentenceVerb(word):
		if told, ok := r.told(l, at); ok && c == lexicon.Strong {
			return told, true
		}
		v.Start = syntax.Blanks(r.text, end)
		v.End = r.WordEnd(v.Start)
	case start != l.First:
		return r.statementValue(l, start, at, c)
	}
	if !v.Doubt && (!ascii.IsNumber(r.text[v.Start:v.End]) || len(bytes.Fields(r.text[v.Start:r.LineEnd(v.Start)])) == 2) {
		v.Start, v.End = r.passQualifiers(v.Start, v.End)
	}
	if start == l.First && r.form.Format == "conf" && !v.Doubt && takesLine(r.text[start:at]) && !lexicon.IsPlain(r.text[v.Start:v.End]) {
		v.End += len(syntax.BeforeComment(r.text[v.End:r.LineEnd(v.End)]))
	}
	v.End = v.Start + len(bytes.TrimRight(r.text[v.Start:v.End], ";,"))
	return v, v.End > v.Start
}

// listed is the value of a name that begins a list of Lisp, (password "x"), or of one
// that braces enclose as in Tcl: set password {x y}.
func (r *Reader) listed(l *Line, start, at int, c lexicon.Suspicion) (Value, bool) {
	if c != lexicon.Strong || l.Comment || r.form.Prose || at >= l.End {
		return Value{}, false
	}
	if lisp := start > 0 && r.text[start-1] == '('; lisp && r.OpenQuote(at) == 1 {
		return r.QuotedValue(at, 1), true
	} else if lisp && r.text[at] == '(' && at >= r.computed {
		r.computed = min(l.End, at+MaxExpression)
		r.Literals(at, r.computed)
		return Value{}, true
	}
	if r.text[at] != '{' || !r.form.spaced() || start == l.First && r.form.Format != "" {
		return Value{}, false
	}
	limit := min(l.End, at+MaxBare)
	shut := bytes.IndexByte(r.text[at:limit], '}')
	if shut < 2 || bytes.ContainsAny(r.text[at:at+shut], "=:\"") || at+shut+1 < l.End && !ascii.IsSpace(r.text[at+shut+1]) || bytes.HasPrefix(r.text[at:], []byte("{{")) {
		return Value{}, false
	}
	s := syntax.Trim(r.text, syntax.Span{Start: at + 1, End: at + shut})
	return Value{Start: s.Start, End: s.End}, true
}

// passQualifiers passes the words between a name and its secret: password 7 x,
// set psksecret ENC x.
func (r *Reader) passQualifiers(start, end int) (int, int) {
	for n := 0; n < 3 && notions.IsQualifier(r.text[start:end]); n++ {
		next := syntax.Blanks(r.text, end)
		if next >= len(r.text) || ascii.IsSpace(r.text[next]) || next == end {
			break
		}
		start, end = next, r.WordEnd(next)
	}
	return start, end
}

// commentedWord says whether a comment is a directive out of force: a name that is
// no word of the language, one word, and nothing more.
func (r *Reader) commentedWord(l *Line, start, at, end int) bool {
	name := r.text[start : start+max(0, bytes.IndexAny(r.text[start:at], " \t"))]
	if start != l.First || len(bytes.TrimSpace(r.text[end:l.End])) > 0 || lexicon.IsSecretAlone(string(name)) && !bytes.Equal(name, []byte("requirepass")) && !bytes.Equal(name, []byte("masterauth")) {
		return false
	}
	for _, c := range name {
		if ascii.IsUpper(c) {
			return false
		}
	}
	word := r.text[at:end]
	return !notions.IsStop(word) && !notions.IsSample(word)
}

// takesLine says whether the value of a name goes on to the end of its line, as in
// the files of log shippers. After a community comes who may use it.
func takesLine(name []byte) bool {
	low := bytes.ToLower(name)
	return !bytes.Contains(low, []byte("communit")) && (bytes.Contains(low, []byte("pass")) || bytes.Contains(low, []byte("pw")) || bytes.Contains(low, []byte("secret")) || bytes.Contains(low, []byte("token")))
}

// isAmbiguous says whether a first word is often a verb or a control word.
func isAmbiguous(first string) bool {
	return first == "pass i" || first == "pass o" || first == "pass t" || first == "pass q"
}

// isLogin says whether the line is one of a netrc.
func (r *Reader) isLogin(l *Line, start int) bool {
	back := r.text[max(l.Start, start-512):start]
	if l.Comment || bytes.HasSuffix(back, []byte("login ")) {
		return false
	}
	return bytes.Contains(back, []byte(" login ")) || bytes.HasPrefix(back, []byte("machine ")) ||
		bytes.HasPrefix(back, []byte("login ")) ||
		bytes.Contains(back, []byte("user ")) && bytes.HasSuffix(back, []byte("insecure-"))
}

// WordEnd is where the word at at ends; an escaped blank is part of it.
func (r *Reader) WordEnd(at int) int {
	stop := min(len(r.text), at+MaxValue)
	for at < stop && (!ascii.IsSpace(r.text[at]) || r.text[at] == ' ' && r.text[at-1] == '\\' && at+1 < stop && !ascii.IsSpace(r.text[at+1])) {
		at++
	}
	return at
}
