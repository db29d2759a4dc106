package redact

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// directive masks the secrets of a command that says by place what is secret.
func (f *finder) directive(at int, line []byte) bool {
	if !mayBeDirective(line) {
		return false
	}
	ws := command.Split(line, at)
	if len(ws) < 2 {
		return false
	}
	if len(ws) == 4 && ascii.IsAlnum(line[0]) && string(ws[1].Text) == "*" && lexicon.LooksChosen(ws[2].Text) { // chap-secrets
		f.addWord(ws[2])
		return true
	}
	for i, w := range ws[1:] {
		f.argumentAfter(string(ws[0].Text), string(ws[i].Text), w)
	}
	if len(ws) == 2 && bytes.IndexByte(ws[0].Text, '.') > 0 { // host user:password
		f.userPassword(assignment.Value{Start: ws[1].Start, End: ws[1].Start + len(ws[1].Text)})
	}
	if len(ws) > 3 && string(ws[0].Text) == "add" && (string(ws[1].Text) == "password" || string(ws[1].Text) == "passphrase" && bytes.ContainsAny(ws[2].Text, ".*")) { // the logins of rancid
		for _, w := range ws[3:] {
			f.addWord(w)
		}
		return true
	}
	if n := len(ws); n >= 3 && bytes.EqualFold(ws[n-3].Text, []byte("login")) && isAccount(ws[n-2].Text) && !notions.IsStop(ws[n-2].Text) && !notions.IsStop(ws[n-1].Text) {
		f.addWord(ws[n-1])
	}
	args := notions.Directives[string(bytes.ToLower(ws[0].Text))]
	for _, a := range args {
		f.argument(a, withoutEngine(ws), at+len(line))
	}
	return len(args) > 0 && args[0].At != 0
}

// withoutEngine drops the option of createUser that names an engine.
func withoutEngine(ws []command.Word) []command.Word {
	if len(ws) > 3 && string(ws[1].Text) == "-e" {
		return append([]command.Word{ws[0]}, ws[3:]...)
	}
	return ws
}

// argument masks the words that one rule of a directive makes secret.
func (f *finder) argument(a notions.Argument, ws []command.Word, end int) {
	switch {
	case a.Named:
		f.namedArgument(ws, end)
	case a.After != "":
		f.following(a, ws)
	default:
		i := a.At
		if i < 0 {
			i += len(ws)
		}
		if i > 0 && i < len(ws) && bytes.IndexByte(ws[i].Text, '=') < 0 && (len(ws[i].Text) == 0 || ws[i].Text[0] != '-') {
			f.secretWord(a, ws[i])
		}
	}
}

// following masks what follows a word: behind qualifiers, or so many words on.
func (f *finder) following(a notions.Argument, ws []command.Word) {
	after, skip := strings.CutSuffix(a.After, "+1")
	for i, w := range ws[:len(ws)-1] {
		if !strings.EqualFold(string(w.Text), after) && (a.After[0] != '-' || string(w.Text) != a.After) || a.After[0] == '-' && string(w.Text) != a.After {
			continue
		}
		i++
		if skip {
			i++
		}
		for i < len(ws)-1 && notions.IsQualifier(ws[i].Text) {
			i++
		}
		if i < len(ws) && !notions.IsStop(ws[i].Text) {
			f.secretWord(a, ws[i])
		}
	}
}

// secretWord masks a word, without the semicolon of its statement.
func (f *finder) secretWord(a notions.Argument, w command.Word) {
	w.Text = bytes.TrimRight(w.Text, ";")
	if a.Login {
		f.userWord(w)
		return
	}
	f.addWord(w)
}

// namedArgument masks what follows the name of a secret or of a header: to the
// end of its quote or of its line.
func (f *finder) namedArgument(ws []command.Word, end int) {
	for i := 1; i < len(ws)-1; i++ {
		name := strings.TrimSuffix(string(ws[i].Text), ":")
		name = name[strings.LastIndexByte(name, '/')+1:]
		if len(name) > syntax.MaxName || lexicon.Classify(name) != lexicon.Strong && !lexicon.IsHeader(name) && !isOptionKey(ws, i) {
			continue
		}
		for i+1 < len(ws)-1 && (notions.IsQualifier(ws[i+1].Text) || lexicon.IsScheme(ws[i+1].Text) || lexicon.IsSecretAlone(string(ws[i+1].Text))) {
			i++
		}
		f.untilEnd(ws[i+1:], end, lexicon.IsHeader(name) || string(ws[0].Text) == "d-i")
		return
	}
}

// isOptionKey says whether a word is the key of a network in a line of UCI.
func isOptionKey(ws []command.Word, i int) bool {
	return i == 1 && string(ws[0].Text) == "option" && strings.HasPrefix(string(ws[1].Text), "key") && len(ws[1].Text) < 5
}

// untilEnd masks a word, if it is quoted, or it and those behind it.
func (f *finder) untilEnd(ws []command.Word, end int, whole bool) {
	start, stop := ws[0].Start, ws[0].Start+len(ws[0].Text)
	if notions.IsStop(ws[0].Text) || f.text[start-1] == '"' || f.text[start-1] == '\'' {
		if !notions.IsStop(ws[0].Text) {
			f.headerSpan(start, stop)
		}
		return
	}
	if whole {
		stop = end
	}
	stop = start + len(bytes.TrimRight(f.text[start:stop], ";{ \t"))
	f.headerSpan(start, stop)
}

// headerSpan masks a value without the scheme that it may begin with.
func (f *finder) headerSpan(start, end int) {
	start += lexicon.SchemeLen(f.text[start:end])
	if v := f.text[start:end]; !lexicon.IsPlain(v) {
		f.add(start, end)
	}
}

// mayBeDirective is a cheap test, for most lines are none.
func mayBeDirective(line []byte) bool {
	end := bytes.IndexAny(line, " \t")
	if end <= 0 || end > 64 {
		return false
	}
	first := bytes.ToLower(line[:end])
	if _, is := notions.Directives[string(first)]; is || string(first) == "allow" {
		return true
	}
	rest := bytes.TrimLeft(line[end:], " \t")
	return bytes.HasPrefix(rest, []byte("* ")) || bytes.HasPrefix(rest, []byte("*\t")) ||
		bytes.IndexByte(line[:end], '.') > 0 && bytes.IndexByte(rest, ':') > 0 && len(rest) < 256 ||
		bytes.Contains(line, []byte(" insecure-password ")) || bytes.Contains(line, []byte(" login "))
}

// argumentAfter masks an argument that the word before it makes secret.
func (f *finder) argumentAfter(first, prev string, w command.Word) {
	switch {
	case prev == "insecure-password":
		f.addWord(w)
	case prev == "auth" && first == "stats", prev == "allow":
		f.userWord(w)
	case first == "user" && len(w.Text) > 1 && w.Text[0] == '>': // Redis
		f.add(w.Start+1, w.Start+len(w.Text))
	}
}
