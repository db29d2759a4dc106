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

// A comment of a text that holds secrets may hold one as well: the setting that was,
// the word that a hash was made of, a command with its argument. It is read as the
// statement that it may be, and what it tells of is masked. In a text without
// secrets comments are those of a manual.

// maxRemark bounds how long a comment is that is read as more than prose.
const maxRemark = 512

// remarks reads the comments of a text of which something is masked already.
func (f *finder) remarks() {
	if f.plan.Prose || f.plan.Bare || f.plan.Shell || len(f.spans) == 0 {
		return
	}
	f.rule = "comment beside a secret"
	if f.plan.Format == "xml" {
		f.elements()
	}
	f.spans = union(f.spans)
	comments, live := f.comments()
	f.live = live
	if live = live || len(f.notes) > 0; !live {
		return
	}
	for _, c := range append(comments, f.notes...) {
		f.remark(c)
	}
}

// comment is what a comment says, without its signs.
type comment struct {
	syntax.Span
	beside bool // of a secret: on its line, or on the next
	behind bool // on the line of a secret
}

// comments finds the comments of a text, and says whether something outside of them
// is masked.
func (f *finder) comments() (all []comment, live bool) {
	next, before, block := 0, false, ""
	for at := 0; at < len(f.text); {
		start := at
		end := start + bytes.IndexByte(f.text[start:], '\n')
		if at = end + 1; end < start {
			end, at = len(f.text), len(f.text)
		}
		for next < len(f.spans) && f.spans[next].End <= start {
			next++
		}
		masked := next < len(f.spans) && f.spans[next].Start < end
		c := end
		if block == "" {
			c = f.commentStart(start, end, next)
		} else {
			c = start
		}
		if c < end {
			block = f.blockAfter(c, end, block)
		}
		holds := masked && f.spans[next].Start < c
		if holds && f.spans[next].Start > start {
			f.head(start, f.spans[next].Start)
		}
		live = live || masked
		if s := bare(f.text, c, end); s.Start < s.End && s.End-s.Start <= maxRemark {
			all = append(all, comment{Span: s, beside: holds || before, behind: holds})
		} else {
			before = holds
			continue
		}
		before = holds
	}
	for i := range all { // a comment stands above a secret as well
		all[i].beside = all[i].beside || f.holdsNext(all[i].End)
	}
	return all, live
}

// head remembers the first word of a line that holds a secret.
func (f *finder) head(start, end int) {
	w := bytes.TrimRight(firstWord(bytes.TrimLeft(f.text[start:end], " \t\"'")), ":=\"'")
	if f.heads == nil {
		f.heads = make(map[string]bool)
	}
	if len(w) > 2 && len(w) < 64 && len(f.heads) < 4096 {
		f.heads[string(w)] = true
	}
}

// holdsNext says whether the line below is masked in part.
func (f *finder) holdsNext(at int) bool {
	i := bytes.IndexByte(f.text[at:], '\n')
	if i < 0 {
		return false
	}
	line, _ := syntax.LineAt(f.text, at+i+1)
	for _, s := range f.spans[f.spanAfter(line.Start):] {
		return s.Start < line.End
	}
	return false
}

// spanAfter is the first span that ends behind at.
func (f *finder) spanAfter(at int) int {
	low, high := 0, len(f.spans)
	for low < high {
		if mid := (low + high) / 2; f.spans[mid].End > at {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// commentStart is where the comment of a line begins, outside of quotes and of what
// is masked; next is the first span of the line.
func (f *finder) commentStart(start, end, next int) int {
	quote, first := byte(0), true
	for i := start; i < end; i++ {
		for next < len(f.spans) && f.spans[next].End <= i {
			next++
		}
		if next < len(f.spans) && f.spans[next].Start <= i {
			i = min(f.spans[next].End, end) - 1
			first = false
			continue
		}
		c := f.text[i]
		switch {
		case ascii.IsBlank(c):
		case quote != 0:
			if c == quote && f.text[i-1] != '\\' {
				quote = 0
			}
		case (first || ascii.IsSpace(f.text[i-1])) && f.isCommentSign(i, end, first):
			return i
		case (c == '"' || c == '\'') && (i == start || !ascii.IsAlnum(f.text[i-1])) && bytes.IndexByte(f.text[i+1:end], c) >= 0:
			quote = c
		}
		first = first && ascii.IsBlank(c)
	}
	return end
}

// isCommentSign says whether a comment begins at i; first: it begins the line.
func (f *finder) isCommentSign(i, end int, first bool) bool {
	rest := f.text[i:end]
	spaced := len(rest) < 2 || ascii.IsBlank(rest[1])
	switch rest[0] {
	case '#':
		return f.plan.Format != "json" && (first || spaced)
	case ';':
		return first || spaced
	case '%', '!', '\'':
		return first && spaced || first && len(rest) > 1 && rest[1] == rest[0]
	case '/':
		return len(rest) > 1 && (rest[1] == '*' || rest[1] == '/' && (!first || !assignment.IsShare(rest[2:])))
	case '<':
		return bytes.HasPrefix(rest, []byte("<!--"))
	case '-':
		return len(rest) > 2 && rest[1] == '-' && (ascii.IsBlank(rest[2]) || first && rest[2] == '[') && f.plan.Format != "yaml"
	case 'R', 'r', 'd':
		return first && (bytes.HasPrefix(bytes.ToLower(rest[:min(4, len(rest))]), []byte("rem ")) || bytes.HasPrefix(rest, []byte("dnl ")))
	}
	return false
}

// blockAfter is what ends the block comment that is open at the end of a line.
func (f *finder) blockAfter(c, end int, open string) string {
	rest := f.text[c:end]
	switch {
	case open != "" && bytes.Contains(rest, []byte(open)):
		return ""
	case open != "":
		return open
	case bytes.HasPrefix(rest, []byte("/*")) && !bytes.Contains(rest, []byte("*/")):
		return "*/"
	case bytes.HasPrefix(rest, []byte("<!--")) && !bytes.Contains(rest, []byte("-->")):
		return "-->"
	}
	return ""
}

// bare is a comment without its signs.
func bare(text []byte, start, end int) syntax.Span {
	for start < end && bytes.IndexByte([]byte("#;/*!<%- \t"), text[start]) >= 0 {
		if text[start] == '/' && start+1 < end && ascii.IsAlnum(text[start+1]) && text[start-1] == ' ' {
			break // a path
		}
		start++
	}
	for start < end && bytes.IndexByte([]byte("-*/> \t\r"), text[end-1]) >= 0 {
		end--
	}
	return syntax.Span{Start: start, End: end}
}

// elements reads the comments of XML as the elements that they were.
func (f *finder) elements() {
	for at := 0; ; {
		i := bytes.Index(f.text[at:], []byte("<!--"))
		if i < 0 {
			return
		}
		start := at + i + len("<!--")
		end := start + bytes.Index(f.text[start:], []byte("-->"))
		if at = end; end < start {
			return
		}
		s := syntax.Trim(f.text, syntax.Span{Start: start, End: end})
		content := f.text[s.Start:s.End]
		if bytes.IndexByte(content, '=') < 0 && bytes.IndexByte(content, '<') < 0 || len(content) == 0 {
			continue
		}
		if content[0] != '<' {
			content = append(append([]byte("<"), content...), '>')
			s.Start--
		}
		inner := newFinder(f.search, content, plan{Form: assignment.Form{Format: "xml"}, paths: f.plan.paths}, f.values)
		for _, m := range inner.findOnce() {
			f.add(s.Start+m.Start, s.Start+m.End)
		}
	}
}

// remark masks what a comment tells.
func (f *finder) remark(c comment) {
	for {
		next := bytes.Index(f.text[c.Start:c.End], []byte(" # "))
		if next < 0 || bytes.Count(f.text[c.Start:c.Start+next], []byte("\""))%2 > 0 {
			break
		}
		first := c
		first.End = c.Start + next
		f.clauses(first)
		c.Start += next + len(" # ")
	}
	f.clauses(c)
}

// clauses reads a comment as a whole, and without a word and a colon before it.
func (f *finder) clauses(c comment) {
	c.Span = syntax.Trim(f.text, c.Span)
	v := f.text[c.Start:c.End]
	if len(v) < 3 {
		return
	}
	if !bytes.ContainsAny(v, " \t=") {
		f.loneWord(c)
		return
	}
	f.randomWords(c)
	if f.assignments(c) || f.tells(c) || f.oldRow(c) {
		return
	}
	if f.echoes(c) {
		return
	}
	f.options(c)
	f.quotes(c)
	f.ends(c)
	if lead := bytes.Index(v, []byte(": ")); lead > 0 && lead < 40 && bytes.IndexByte(v[:lead], ' ') < 0 {
		c.Start += lead + 2
		v = f.text[c.Start:c.End]
		if f.tells(c) || f.oldRow(c) {
			return
		}
	}
	if len(v) > 0 && !notions.IsProse(v) && !startsSentence(v) {
		f.record(c.Start, v)
	}
}

// assignments masks the values of settings in a comment: password=x, "token: x".
func (f *finder) assignments(c comment) bool {
	found := false
	for at := c.Start; at < c.End; {
		start := syntax.Blanks(f.text[:c.End], at)
		at = max(start+1, min(f.WordEnd(start), c.End))
		word := f.text[start:min(at, c.End)]
		eq := bytes.IndexByte(word, '=')
		if eq <= 0 || eq > syntax.MaxName || eq+1 >= len(word) {
			continue
		}
		name := word[bytes.LastIndexAny(word[:eq], ",;?&\"'(")+1 : eq]
		if f.names.Class(name) != lexicon.Strong {
			continue
		}
		s := syntax.Span{Start: start + eq + 1, End: at}
		if q := f.text[s.Start]; q == '"' || q == '\'' || q == '`' {
			if i := shutQuote(f.text[s.Start+1:c.End], q); i > 0 {
				s = syntax.Span{Start: s.Start + 1, End: s.Start + 1 + i}
			}
		} else if start == c.Start || f.text[start-2] == ':' {
			s.End = f.PartEnd(s.Start, f.clause(syntax.Span{Start: s.Start, End: c.End}).End, ' ')
		} else if i := bytes.IndexAny(f.text[s.Start:s.End], ",;&"); i > 0 {
			s.End = s.Start + i
		}
		if v := f.text[s.Start:s.End]; len(v) > 0 && !lexicon.IsPlain(v) && !notions.IsSample(v) && !lexicon.IsPublished(v) {
			f.add(s.Start, s.End)
			found, at = true, max(at, s.End)
		}
	}
	return found
}

// randomWords masks words of a comment that look made by a machine, unless they are
// what is public.
func (f *finder) randomWords(c comment) {
	v := f.text[c.Start:c.End]
	if notions.IsPublic(v) {
		return
	}
	for at := c.Start; at < c.End; {
		start := syntax.Blanks(f.text[:c.End], at)
		at = max(start+1, min(f.WordEnd(start), c.End))
		start += 1 + bytes.LastIndexAny(f.text[start:at], "/=:,(\"'")
		word := bytes.TrimRight(f.text[start:at], ".,;:)\"'")
		if len(word) >= 8 && isMade(word) || len(word) >= 20 && lexicon.LooksRandom(word) && !lexicon.IsPlain(word) && (len(word) > 40 || len(word) == 32 || !isHex(word)) {
			f.add(start, start+len(word))
		}
	}
}

// isMade says whether a word of a comment mixes letters and digits as secrets do,
// and names, versions and dates do not.
func isMade(w []byte) bool {
	if !lexicon.LooksChosen(w) || lexicon.IsTyped(w) || lexicon.IsUUID(w) || bytes.ContainsAny(w, "/\\@$%*<>{}[]|~") || bytes.Contains(w, []byte("::")) {
		return false
	}
	digits, dots := 0, bytes.Count(w, []byte("."))
	for _, c := range w {
		if ascii.IsDigit(c) {
			digits++
		}
	}
	return digits > 1 && dots < 2 && digits*2 < len(w)+4 && (dots == 0 || !ascii.IsDigit(w[len(w)-1]))
}

// echoes masks the last word of a comment that begins as a line with a secret does:
// the setting that it replaced.
func (f *finder) echoes(c comment) bool {
	v := f.text[c.Start:c.End]
	if !f.heads[string(bytes.TrimRight(firstWord(v), ":="))] || notions.IsProse(v) || bytes.IndexByte(v, ' ') < 0 {
		return false
	}
	ws := command.Split(v, c.Start)
	if len(ws) < 2 || len(ws) > 12 {
		return false
	}
	last := ws[len(ws)-1]
	if len(last.Text) < 4 || lexicon.IsTyped(last.Text) || notions.IsSample(last.Text) || notions.IsLevel(last.Text) || notions.IsOrdinary(last.Text) || bytes.IndexByte(last.Text, '=') >= 0 {
		return false
	}
	f.add(last.Start, last.Start+len(last.Text))
	return true
}

// ends masks the one word that a comment ends with behind a colon.
func (f *finder) ends(c comment) {
	v := f.text[c.Start:c.End]
	colon := bytes.LastIndex(v, []byte(": "))
	if colon <= 0 || bytes.Count(v[:colon], []byte(" ")) > 3 || notions.IsAbout(v[:colon]) {
		return
	}
	s := syntax.Trim(f.text, syntax.Span{Start: c.Start + colon + 1, End: c.End})
	if w := f.text[s.Start:s.End]; !bytes.ContainsAny(w, " =") && len(w) > 3 && bytes.IndexByte([]byte(".:;,)]}>"), w[len(w)-1]) < 0 {
		f.toldIn(s)
	}
}

// quotes masks what a comment beside a secret quotes: the word that a hash was made
// of.
func (f *finder) quotes(c comment) {
	v := f.text[c.Start:c.End]
	open := bytes.IndexAny(v, "\"'`")
	if !c.beside || open < 1 || !ascii.IsBlank(v[open-1]) && v[open-1] != '<' && v[open-1] != '(' {
		return
	}
	shut := bytes.LastIndexByte(v, v[open])
	if shut-open < 4 || shut+1 < len(v) {
		return
	}
	s := syntax.Span{Start: c.Start + open + 1, End: c.Start + shut}
	if v := f.text[s.Start:s.End]; !lexicon.IsTyped(v) && !notions.IsSample(v) && !notions.IsOrdinary(v) && !lexicon.IsVariableName(v) && bytes.IndexByte(v, '"') < 0 && !bytes.Contains(v, []byte("://")) && (len(v) > syntax.MaxName || f.names.Class(v) == lexicon.None) {
		f.add(s.Start, s.End)
	}
}

// loneWord masks a comment that is one word beside a secret: what it was, or what it
// was made of.
func (f *finder) loneWord(c comment) {
	v := f.text[c.Start:c.End]
	if lexicon.LooksRandom(v) && !notions.IsPublic(v) && !lexicon.IsPlain(v) || isSerial(v) {
		f.add(c.Start, c.End)
		return
	}
	if colon := bytes.IndexByte(v, ':'); colon > 0 && f.oldRow(c) {
		return
	}
	if !c.beside || len(v) < 4 || lexicon.IsTyped(v) || notions.IsSample(v) || notions.IsOrdinary(v) || bytes.IndexByte([]byte(":{}[]()<=,;"), v[len(v)-1]) >= 0 || bytes.ContainsAny(v, "=«") {
		return
	}
	if !c.behind && !lexicon.LooksChosen(v) && !f.insideGroup(c) || len(v) <= syntax.MaxName && f.names.Class(v) != lexicon.None {
		return
	}
	if bytes.Contains(v, []byte("://")) || bytes.IndexByte(v, '@') > 0 && bytes.IndexByte(v, ':') < 0 {
		return
	}
	f.add(c.Start, c.End)
}

// isSerial says whether a word is groups of capitals and digits joined by dashes, as
// keys of licences are.
func isSerial(v []byte) bool {
	letters, digits := 0, 0
	for _, c := range v {
		switch {
		case ascii.IsUpper(c):
			letters++
		case ascii.IsDigit(c):
			digits++
		case c != '-':
			return false
		}
	}
	return letters > 2 && digits > 2 && bytes.Count(v, []byte("-")) >= 2 && len(v) >= 14
}

// insideGroup says whether a comment is no heading: a setting stands right above it.
func (f *finder) insideGroup(c comment) bool {
	start := bytes.LastIndexByte(f.text[:c.Start], '\n')
	if start <= 0 || !ascii.IsLower(f.text[c.Start]) {
		return false
	}
	above := bytes.TrimSpace(f.text[bytes.LastIndexByte(f.text[:start], '\n')+1 : start])
	return len(above) > 0 && bytes.IndexByte([]byte("#;/{[("), above[0]) < 0 && bytes.IndexByte([]byte("{[(:"), above[len(above)-1]) < 0
}

// tells masks what follows the name of a secret in a comment, or what was before.
func (f *finder) tells(c comment) bool {
	at, be := c.Start, false // whether the last word was is, was or the like
	for n := 0; n < 24 && at < c.End; n++ {
		start := syntax.Blanks(f.text[:c.End], at)
		at = min(f.WordEnd(start), c.End)
		word := bytes.Trim(f.text[start:at], "\"'`(),.:;=")
		if len(word) == 0 || len(word) > syntax.MaxName {
			continue
		}
		strong := f.names.Class(word) == lexicon.Strong || notions.Tells(word)
		was := !be && notions.IsPast(word) || c.beside && notions.IsHash(word)
		be = assignment.IsSentenceVerb(word)
		if !strong && !was || bytes.IndexByte(f.text[start:at], '=') > 0 && at > start && f.text[at-1] != '=' {
			continue
		}
		if f.tell(c, string(word), start, at, strong) {
			return true
		}
	}
	return false
}

// tell masks what follows a telling word that stands from start to at.
func (f *finder) tell(c comment, word string, start, at int, strong bool) bool {
	s := syntax.Trim(f.text, syntax.Span{Start: at, End: c.End})
	said := f.text[at-1] == ':' || f.text[at-1] == '=' || notions.IsVerb(word)
	for n, be := 0, false; n < 3 && s.Start < s.End; n++ {
		end := min(f.WordEnd(s.Start), s.End)
		w := string(bytes.ToLower(bytes.TrimRight(f.text[s.Start:end], ":=")))
		if w == "of" && notions.IsHash([]byte(word)) {
			s, said = syntax.Trim(f.text, syntax.Span{Start: end, End: s.End}), true
			continue
		}
		if w != "" && w != "was" && w != "is" && w != "were" && w != "now" && w != "from" && w != "->" && !notions.IsPast([]byte(w)) && !(said && notions.IsQualifier([]byte(w))) {
			break
		}
		if be && notions.IsPast([]byte(w)) {
			return false // was changed
		}
		be = w == "was" || w == "is" || w == "were"
		said = true
		s = syntax.Trim(f.text, syntax.Span{Start: end, End: s.End})
	}
	if f.text[at-1] != ':' && f.text[at-1] != '=' { // the passphrase of the key: x
		rest := f.text[s.Start:s.End]
		if i := bytes.Index(rest, []byte(": ")); i > 0 && bytes.Count(rest[:i], []byte(" ")) < 6 && (strong && startsSentence(rest) || bytes.IndexByte(bytes.TrimSpace(rest[i+1:]), ' ') < 0) {
			s = syntax.Trim(f.text, syntax.Span{Start: s.Start + i + 1, End: s.End})
			said = true
		}
	}
	s = f.clause(s)
	v := f.text[s.Start:s.End]
	if !strong && !c.beside && (bytes.IndexByte(v, ' ') >= 0 || !said || s.End < c.End-1) || !strong && notions.IsOrdinary(v) {
		return false
	}
	switch {
	case len(v) < 3 || v[0] == '-' || lexicon.IsTyped(v) || notions.IsSample(v) || lexicon.IsPublished(v) || startsSentence(v) || v[0] == '{' || v[0] == '<' || v[0] == '(' || bytes.HasPrefix(v, []byte("http")):
		return false
	case !said && (!strong || start != c.Start && !notions.EndsLead(f.text[c.Start:start]) && (bytes.IndexByte(v, ' ') >= 0 || notions.IsProse(f.text[c.Start:start])) || notions.IsProse(v) || lexicon.Classify(word+"_"+string(firstWord(v))) == lexicon.None):
		return false
	}
	f.add(s.Start, s.End)
	return true
}

// shutQuote is where a quote is closed, or -1: an escaped one and one inside a word
// do not close it.
func shutQuote(v []byte, q byte) int {
	for i, c := range v {
		if c == q && (i == 0 || v[i-1] != '\\') && (i+1 == len(v) || !ascii.IsAlnum(v[i+1])) {
			return i
		}
	}
	return -1
}

// clause narrows what a comment tells to its quotes, or to where the clause ends.
func (f *finder) clause(s syntax.Span) syntax.Span {
	v := f.text[s.Start:s.End]
	if len(v) > 2 && bytes.IndexByte([]byte("\"'`"), v[0]) >= 0 {
		if i := shutQuote(v[1:], v[0]); i > 0 {
			return syntax.Span{Start: s.Start + 1, End: s.Start + 1 + i}
		}
	}
	for _, stop := range []string{" (", " until ", " since ", " was used", " before ", " -- ", " --", " # ", " as of ", " till ", " on 20"} {
		if i := bytes.Index(v, []byte(stop)); i > 0 {
			v = v[:i]
		}
	}
	v = bytes.TrimRight(v, " \t,;")
	if n := len(v); n > 1 && v[n-1] == '.' && bytes.IndexByte(v, ' ') < 0 {
		v = v[:n-1]
	}
	return syntax.Span{Start: s.Start, End: s.Start + len(v)}
}

// startsSentence says whether words begin as a sentence or a clause of one does.
func startsSentence(v []byte) bool {
	w := bytes.ToLower(bytes.Trim(firstWord(v), ".,;:!?()\"'`"))
	rest := bytes.IndexByte(v, ' ') > 0
	return notions.IsClause(w) || rest && len(w) > 5 && (bytes.HasSuffix(w, []byte("ing")) || bytes.HasSuffix(w, []byte("ed")) && notions.IsProse(v))
}

func firstWord(v []byte) []byte {
	w, _, _ := bytes.Cut(v, []byte(" "))
	return w[:min(len(w), syntax.MaxName)]
}

// oldRow masks what follows an account in a comment that is one row of a table:
// jan:x, gus : x.
func (f *finder) oldRow(c comment) bool {
	v := f.text[c.Start:c.End]
	if t := f.plan.table; t != nil && t.Sep == ' ' && !notions.IsProse(v) && bytes.Count(v, []byte(" ")) <= 6 && f.plan.isRow(v) {
		return f.toldIn(f.fieldOf(t, c.Span))
	}
	colon := bytes.IndexByte(v, ':')
	if colon <= 0 || colon+1 >= len(v) || ascii.IsBlank(v[colon+1]) != ascii.IsBlank(v[colon-1]) || bytes.HasPrefix(v[colon+1:], []byte("//")) {
		return f.propertyRow(c)
	}
	account := bytes.TrimRight(v[:colon], " ")
	if !isAccount(account) || ascii.IsNumber(account) || notions.IsScheme(string(account)) || lexicon.Classify(string(account)) != lexicon.None || v[colon+1] == ':' {
		return false
	}
	s := f.clause(syntax.Trim(f.text, syntax.Span{Start: c.Start + colon + 1, End: c.End}))
	if t := f.plan.table; t != nil && t.Sep == ':' && t.At > 1 {
		s = f.fieldOf(t, c.Span)
	}
	return !notions.IsSample(firstWord(f.text[s.Start:s.End])) && f.toldIn(s)
}

// propertyRow masks the secret of a comment that is one row of a table of properties:
// fax: x,role.
func (f *finder) propertyRow(c comment) bool {
	t := f.plan.table
	if t == nil || t.Sep != '=' || bytes.Contains(f.text[c.Start:c.End], []byte("://")) {
		return false
	}
	return f.toldIn(f.fieldOf(t, c.Span))
}

// isRow says whether a comment may be a row of the table: a path or an address begins it.
func (p plan) isRow(v []byte) bool {
	w := firstWord(v)
	return bytes.ContainsAny(w, "/.:@*") || p.table.At < 0
}

// toldIn masks what a comment tells, unless it tells nothing.
func (f *finder) toldIn(s syntax.Span) bool {
	s = syntax.Trim(f.text, s)
	v := f.text[s.Start:s.End]
	if len(v) < 3 || lexicon.IsTyped(v) || notions.IsSample(v) || notions.IsOrdinary(v) || bytes.Count(v, []byte(" ")) > 4 || startsSentence(v) {
		return false
	}
	f.add(s.Start, s.End)
	return true
}

// options masks what follows a short option that most programs have for a secret.
func (f *finder) options(c comment) {
	ws := command.Split(f.text[c.Start:c.End], c.Start)
	for i := 1; i < len(ws)-1; i++ {
		switch w := string(ws[i].Text); w {
		case "-p", "-P", "-w", "-W", "-pw", "-pass", "-password", "--pin", "-pin":
			if v := ws[i+1]; !lexicon.IsTyped(v.Text) && !command.IsOption(v.Text) && !notions.IsSample(v.Text) && strings.IndexByte(string(v.Text), '/') < 0 {
				f.addWord(v)
			}
		}
	}
}
