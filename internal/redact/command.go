package redact

import (
	"bytes"
	"slices"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// longUserPass are long options whose value is user:SECRET.
var longUserPass = []string{"--user", "--proxy-user", "--userpwd", "--userpass", "--auth", "--authentication", "--http-auth", "--creds"}

// word is one word of a command line, without its quotes.
type word struct {
	text  []byte
	start int // where it stands
}

// Command masks the secrets in the arguments of a process. The result has as
// many arguments as args.
func (r *Redactor) Command(args []string) []string {
	out := make([]string, len(args))
	ws := make([]word, len(args))
	for i, a := range args {
		ws[i] = word{text: []byte(a)}
	}
	masks := commandMasks(ws)
	for i, a := range args {
		p := plan{bare: true}
		if i > 0 && isScript(args[i-1]) {
			p = plan{shell: true}
		}
		out[i] = r.argument(a, masks[i], p)
	}
	return out
}

// argument masks one argument: what its command makes secret, then what its
// own text shows.
func (r *Redactor) argument(a string, mask *Span, p plan) string {
	if mask != nil {
		a = a[:mask.Start] + Mark + a[mask.End:]
	}
	spans, _ := r.settle([]byte(a), p)
	return string(r.mask([]byte(a), spans).Text)
}

// isScript says whether an option announces a command line in one string.
func isScript(option string) bool {
	return option == "--command" || len(option) >= 2 && len(option) <= 5 && option[0] == '-' && option[1] != '-' && option[len(option)-1] == 'c'
}

// commandMasks says for each word which part of it is secret by its place in
// the command.
func commandMasks(ws []word) map[int]*Span {
	masks := make(map[int]*Span)
	var t *tool
	for i, w := range ws {
		if found := toolFor(w.text, ws[i+1:]); found != nil && (t == nil || string(w.text) == found.Prefix || bytes.IndexByte(w.text, '/') >= 0) {
			t = found
			if t.Last > 0 && len(ws)-t.Last > i {
				maskWhole(masks, ws, len(ws)-t.Last)
			}
			if t.Rest {
				t.rest(masks, ws, i)
			}
			if t.Login {
				maskLogin(masks, ws, i+1)
			}
			continue
		}
		longOption(masks, ws, i)
		if t != nil {
			t.option(masks, ws, i)
			t.following(masks, ws, i)
		}
	}
	return masks
}

// rest masks words that are neither option nor drive nor share.
func (t *tool) rest(masks map[int]*Span, ws []word, i int) {
	for i += 2; i < len(ws); i++ {
		if w := ws[i].text; len(w) > 2 && bytes.IndexByte([]byte("/\\-*"), w[0]) < 0 && w[len(w)-1] != ':' {
			maskWhole(masks, ws, i)
		}
	}
}

// following masks what stands behind a word of the tool, or behind the name of a
// secret.
func (t *tool) following(masks map[int]*Span, ws []word, i int) {
	w := string(ws[i].text)
	if i+1 >= len(ws) || isOption(ws[i+1].text) {
		return
	}
	if slices.Contains(t.Words, w) {
		maskPhrase(masks, ws, i+1)
		return
	}
	for _, f := range t.Follows {
		if word, far := strings.CutSuffix(f, "+1"); far && word == w && i+2 < len(ws) {
			maskWhole(masks, ws, i+2)
		}
		if f == w || f == "+" && len(w) <= syntax.MaxName && w != "" && w[0] != '-' && w[0] != '/' && lexicon.Classify(w) == lexicon.Strong {
			maskWhole(masks, ws, i+1)
		}
	}
}

// maskPhrase masks what openssl takes: pass:SECRET, or where it is found.
func maskPhrase(masks map[int]*Span, ws []word, i int) {
	text := ws[i].text
	for _, from := range []string{"file:", "env:", "fd:", "stdin"} {
		if bytes.HasPrefix(text, []byte(from)) {
			return
		}
	}
	maskWhole(masks, ws, i)
}

// maskLogin masks the password of user/password@where.
func maskLogin(masks map[int]*Span, ws []word, i int) {
	for ; i < len(ws); i++ {
		text := ws[i].text
		slash := bytes.IndexByte(text, '/')
		if len(text) == 0 || text[0] == '-' || slash <= 0 {
			continue
		}
		end := len(text)
		if at := bytes.LastIndexByte(text, '@'); at > slash {
			end = at
		}
		if pass := text[slash+1 : end]; len(pass) > 0 && !lexicon.IsPlain(pass) && bytes.IndexByte(pass, '/') < 0 {
			masks[i] = &Span{slash + 1, end}
		}
		return
	}
}

// tool is a program that takes secrets as arguments.
type tool notions.Tool

// toolFor returns the tool a word names, or nil.
func toolFor(w []byte, rest []word) *tool {
	base := w[bytes.LastIndexByte(w, '/')+1:]
	if len(base) == 0 || len(base) > 64 || base[0] == '-' {
		return nil
	}
	for i := range notions.Tools {
		t := (*tool)(&notions.Tools[i])
		if bytes.HasPrefix(base, []byte(t.Prefix)) && (len(t.Prefix) > 3 || len(base) == len(t.Prefix) || ascii.IsDigit(base[len(t.Prefix)])) && !bytes.ContainsAny(base, "=:@") && (t.Needs == "" || contains(rest, t.Needs)) {
			return t
		}
	}
	return nil
}

func contains(ws []word, s string) bool {
	for _, w := range ws[:min(len(ws), 64)] {
		if string(w.text) == s {
			return true
		}
	}
	return false
}

// longOption masks the value of --password VALUE and --user name:VALUE.
func longOption(masks map[int]*Span, ws []word, i int) {
	w := ws[i].text
	if len(w) < 3 || w[0] != '-' || bytes.IndexByte(w, '=') >= 0 || i+1 >= len(ws) {
		return
	}
	switch next := ws[i+1].text; {
	case slices.Contains(longUserPass, string(w)):
		maskUserPass(masks, i+1, next, 0)
	case isOption(next):
	case len(w) <= syntax.MaxName && (w[1] == '-' || len(w) > 4) && lexicon.Classify(string(w)) == lexicon.Strong && len(next) > 0:
		maskWhole(masks, ws, i+1)
	}
}

func maskWhole(masks map[int]*Span, ws []word, i int) {
	if !lexicon.IsPlain(ws[i].text) {
		masks[i] = &Span{0, len(ws[i].text)}
	}
}

// maskUserPass masks the password of user:password or user%password.
func maskUserPass(masks map[int]*Span, i int, text []byte, from int) {
	at := bytes.IndexAny(text[from:], ":%,")
	if at <= 0 || lexicon.IsPlain(text[from:]) {
		return
	}
	at += from + 1
	if pass := text[at:]; !lexicon.IsPlain(pass) {
		masks[i] = &Span{at, len(text)}
	}
}

// option masks what a short option of the tool carries.
func (t *tool) option(masks map[int]*Span, ws []word, i int) {
	w := ws[i].text
	if len(w) < 2 || w[0] != '-' || w[1] == '-' {
		return
	}
	letter, alone := string(w[1:2]), len(w) == 2 && i+1 < len(ws)
	switch {
	case strings.Contains(t.UserPass, letter) && alone:
		maskUserPass(masks, i+1, ws[i+1].text, 0)
	case strings.Contains(t.UserPass, letter):
		maskUserPass(masks, i, w, 2)
	case strings.Contains(t.Separate, letter) && alone:
		if next := ws[i+1].text; !ascii.IsNumber(next) || !t.Blunt {
			maskWhole(masks, ws, i+1)
		}
	case strings.Contains(t.Attached+t.Separate, letter) && len(w) > 2 && !t.Blunt && !lexicon.IsPlain(w[2:]):
		masks[i] = &Span{2, len(w)}
		if last := len(w) - 1; last > 3 && (w[2] == '\'' || w[2] == '"') && w[last] == w[2] {
			masks[i] = &Span{3, last}
		}
	}
}

// maxCommand bounds how much of a line is read as one command.
const maxCommand = 4096

// tool masks the secrets of a command line that stands in a text.
func (f *finder) tool(start int) {
	if start < f.toolTo || start > 0 && (ascii.IsName(f.text[start-1]) && f.text[start-1] != '-') {
		return
	}
	l := f.enter(start)
	end := f.commandEnd(l, start)
	if list := f.listEnd(l, end); list > end {
		start, end = l.opened, list
	}
	ws, last := f.items(l, start)
	if ws == nil {
		ws, last = splitCommand(f.text[start:end], start), end
	}
	f.toolTo = last
	for i, m := range commandMasks(ws) {
		f.add(ws[i].start+m.Start, ws[i].start+m.End)
	}
}

// items reads a command of which each word is an item of a block list, as in YAML:
// those at the column of the item that start stands in. It returns nil where there
// is no such list, and where the last item ends.
func (f *finder) items(l *line, start int) (ws []word, end int) {
	dash := l.start + syntax.Indent(f.text[l.start:l.end])
	w, is := f.item(dash, l.end)
	if !is || start < w.start || bytes.ContainsAny(w.text, " \t") {
		return nil, 0
	}
	ws, end = []word{w}, l.end
	for at := end + 1; at < min(len(f.text), start+maxCommand); at = end + 1 {
		line, next := syntax.LineAt(f.text, at)
		if line.Start-at != dash-l.start {
			break
		}
		if w, is = f.item(line.Start, line.End); !is {
			break
		}
		ws, end = append(ws, w), next-1
	}
	if len(ws) < 2 {
		return nil, 0
	}
	return ws, end
}

// item reads the item of a block list between at and end, without its quotes.
func (f *finder) item(at, end int) (w word, is bool) {
	if at+1 >= end || f.text[at] != '-' || !ascii.IsBlank(f.text[at+1]) {
		return word{}, false
	}
	s := syntax.Trim(f.text, syntax.Span{Start: at + 1, End: end})
	if s.Start < s.End && (f.text[s.Start] == '"' || f.text[s.Start] == '\'') {
		s, _ = syntax.Quoted(f.text[:s.End], s.Start)
	} else {
		s.End = s.Start + len(syntax.BeforeComment(f.text[s.Start:s.End]))
	}
	return word{text: f.text[s.Start:s.End], start: s.Start}, s.Start < s.End
}

// continued is the end of the last line that a backslash joins to the one that
// ends at end.
func (f *finder) continued(end, limit int) int {
	for end < limit && isContinued(f.text[:end]) {
		i := bytes.IndexByte(f.text[end+1:limit], '\n')
		if i < 0 {
			return limit
		}
		end += 1 + i
	}
	return min(end, limit)
}

// isContinued says whether a line goes on in the next.
func isContinued(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	return len(line) > 0 && line[len(line)-1] == '\\'
}

// commandEnd finds where a command ends: at its line or the last that a backslash
// joins to it, its quote, or an operator of the shell.
func (f *finder) commandEnd(l *line, at int) int {
	stop := f.continued(l.end, min(len(f.text), at+maxCommand))
	quote := byte(0)
	for i := at; i < stop; i++ {
		c := f.text[i]
		switch {
		case c == l.quote && c != 0:
			return i
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '|' || c == ';' || c == '&' && i+1 < stop && f.text[i+1] == '&':
			return i
		}
	}
	return stop
}

// listEnd is where a command ends of which each word is an item of a list, as in
// JSON: at the end of that list. Its first word stands in the quote that closes at
// end. It is -1 where there is no such list.
func (f *finder) listEnd(l *line, end int) int {
	if l.quote == 0 || end >= len(f.text) || f.text[end] != l.quote || bytes.ContainsAny(f.text[l.opened:end], " \t") {
		return -1
	}
	next := syntax.Blanks(f.text, end+1)
	if next >= len(f.text) || f.text[next] != ',' {
		return -1
	}
	if i := bytes.IndexByte(f.text[next:min(len(f.text), next+maxCommand)], ']'); i >= 0 {
		return next + i
	}
	return -1
}

// isLineBreak says whether v begins with the end of a line.
func isLineBreak(v []byte) bool {
	return len(v) > 0 && (v[0] == '\n' || v[0] == '\r')
}

// attachedQuote is where a short option with a quoted value behind it ends, as in
// -p'a b', or 0.
func attachedQuote(line []byte, at int) int {
	if at+3 >= len(line) || line[at] != '-' || !ascii.IsLetter(line[at+1]) || line[at+2] != '\'' && line[at+2] != '"' {
		return 0
	}
	s, next := syntax.Quoted(line, at+2)
	if s.End == next {
		return 0
	}
	return next
}

// braceWord is where a word in braces ends, as Tcl has them, or 0.
func braceWord(line []byte, i int) int {
	if line[i] != '{' || i == 0 || i+2 >= len(line) || !ascii.IsAlnum(line[i+1]) {
		return 0
	}
	shut := bytes.IndexByte(line[i:min(len(line), i+maxUnescaped)], '}')
	if shut < 0 || i+shut+1 < len(line) && !ascii.IsSpace(line[i+shut+1]) || bytes.ContainsAny(line[i:i+shut], "=:\"'") {
		return 0
	}
	return i + shut
}

// splitCommand splits a command line as a shell would; at is where it stands.
// Commas and brackets between quoted words, as in JSON, do not matter.
func splitCommand(line []byte, at int) []word {
	var ws []word
	for i := 0; i < len(line); {
		c := line[i]
		if ascii.IsSpace(c) || c == ',' || c == ')' || c == '(' || c == '!' || c == '\\' && isLineBreak(line[i+1:]) {
			i++
			continue
		}
		start, end := i, i
		if shut := attachedQuote(line, i); shut > 0 {
			i, end = shut, shut
		} else if shut := braceWord(line, i); shut > 0 {
			start, end, i = i+1, shut, shut+1
		} else if c == '"' || c == '\'' {
			var s syntax.Span
			s, i = syntax.Quoted(line, i)
			start, end = s.Start, s.End
		} else {
			for i < len(line) && !ascii.IsSpace(line[i]) && line[i] != '"' && !bytes.HasPrefix(line[i:], []byte("!-")) {
				i++
			}
			if end = i; bytes.IndexByte(line[start:end], '[') < 0 {
				end = start + len(bytes.TrimRight(line[start:end], ",]")) // of a list without quotes
			}
			if i == start {
				i++
			}
		}
		ws = append(ws, word{text: line[start:end], start: at + start})
	}
	return ws
}
