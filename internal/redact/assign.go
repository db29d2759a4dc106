package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// value is where a value stands, without its quotes.
type value struct {
	start, end int
	doubt      bool // perhaps prose: must look chosen
	unsure     bool // its end was not where it should be
}

// separator says what stands between a name and its value.
type separator uint8

const (
	noSeparator separator = iota
	assigned              // = : => := and the like
	tight                 // a colon without a blank after it
	blank                 // nothing but white space
	option                // white space or a comma after an option
	continued             // a backslash and a line break after an option
	element               // the > of an XML element
	compared              // == and the like
)

// maxValue and maxBare bound how far a value with and without quotes is
// followed before its end is called unsure; maxDoubtful bounds one whose name
// is only doubtful, since such names can follow each other closely.
const (
	maxValue    = 8192
	maxBare     = 1024
	maxDoubtful = 256
)

// valueOf finds the value of the name [start,end) on the current line.
func (f *finder) valueOf(l *line, start, end int, c lexicon.Suspicion) (value, bool) {
	opt := start > l.start && f.text[start-1] == '-' && c == lexicon.Strong
	sep, at := f.separator(l, start, end, opt)
	switch sep {
	case noSeparator:
		return value{}, false
	case element:
		return f.elementValue(at)
	case blank:
		return f.blankValue(l, start, at, c)
	}
	if at >= len(f.text) || f.text[at] == '\n' || f.text[at] == '\r' {
		return value{}, false
	}
	if sep == compared {
		if at = f.prefixed(at); c != lexicon.Strong || f.openQuote(at) == 0 {
			return value{}, false
		}
	}
	if at = f.prefixed(at); c == lexicon.Strong {
		if v, ok := f.bracketed(l, at); ok {
			v.doubt = l.comment
			return v, true
		}
	}
	if c := f.text[end]; l.quote != 0 && f.text[at] == l.quote && c != l.quote && c != '\\' {
		return value{}, false // content:"password=" holds no value
	}
	if quote := f.openQuote(at); quote > 0 {
		return f.literal(l, start, at, quote, c, opt)
	}
	if sep == continued {
		return value{start: at, end: f.statementWord(at)}, true
	}
	if at > l.end { // the next item of a list
		return value{start: at, end: f.lineEnd(at)}, true
	}
	return f.unquoted(l, start, at, sep, c, opt)
}

// literal is a value in quotes, of which the first stands at at.
func (f *finder) literal(l *line, start, at, quote int, c lexicon.Suspicion, opt bool) (value, bool) {
	v := f.quotedValue(at, quote)
	v.doubt = l.comment || f.plan.prose && c != lexicon.Strong
	switch {
	case l.comment && opt && !f.plan.prose:
		v.doubt = notions.IsSample(f.text[v.start:v.end])
	case l.comment && f.isSetting(l, start, at):
		v = f.commented(v)
	}
	return v, v.end > v.start
}

// unquoted is a value that no quote of its own begins.
func (f *finder) unquoted(l *line, start, at int, sep separator, c lexicon.Suspicion, opt bool) (value, bool) {
	if v, ok := f.blockBelow(l, at, c); ok {
		return v, true
	}
	if v, ok := f.part(l, start, at); ok {
		return v, v.end > v.start
	}
	if v, ok := f.inQuote(l, start, at, sep); ok {
		return v, v.end > v.start
	}
	if v, ok := f.connection(l, start, at); ok {
		return v, v.end > v.start
	}
	if c == lexicon.Strong && sep != tight && f.expression(l, at) {
		return value{}, false
	}
	v := f.bareValue(l, start, at, sep, c)
	v.doubt = v.doubt || sep == tight && start > l.first && !opt
	if l.comment && opt && sep == option && !f.plan.prose {
		v = f.commented(v)
		return v, v.end > v.start
	}
	if l.comment && v.doubt && f.isSetting(l, start, at) {
		v = f.commented(f.restOfSetting(l, at))
	}
	return v, v.end > v.start
}

// restOfSetting is the value of a setting in a comment: the rest of its line.
func (f *finder) restOfSetting(l *line, at int) value {
	v := value{start: at, end: f.lineEnd(at)}
	if i := bytes.Index(f.text[v.start:v.end], []byte(" #")); i > 0 {
		v.end = v.start + i
	}
	v.end = v.start + len(bytes.TrimRight(f.text[v.start:v.end], " \t;,"))
	return v
}

// inQuote is the value of a name that a quote begins with, as a header in a
// command does: "X-Auth-Key: a b". It ends at the quote.
func (f *finder) inQuote(l *line, start, at int, sep separator) (value, bool) {
	if l.quote == 0 || start == 0 || at >= l.end || f.plan.prose {
		return value{}, false
	}
	q := f.text[start-1]
	if q != '"' && q != '\'' || start != l.opened+1 && q == l.quote || bytes.IndexByte(f.text[start:at], q) >= 0 {
		return value{}, false
	}
	colon := bytes.IndexByte(f.text[start:at], ':')
	header := colon > 0 && lexicon.IsHeader(string(f.text[start:start+colon]))
	if colon < 0 && !f.isEnvironment(l) || colon >= 0 && !header && sep == tight {
		return value{}, false
	}
	v := value{start: at, end: f.lineEnd(at)}
	if i := bytes.IndexByte(f.text[at:l.end], q); i >= 0 {
		v.end = at + i
	}
	if i := bytes.IndexByte(f.text[v.start:v.end], '\\'); i > 0 && v.start+i+1 < v.end && bytes.IndexByte([]byte("nr\""), f.text[v.start+i+1]) >= 0 {
		v.end = v.start + i
	}
	v.doubt = !header && notions.IsProse(f.text[v.start:v.end])
	if n := lexicon.SchemeLen(f.text[v.start:v.end]); n > 0 {
		v.start += n
	}
	return v, true
}

// part is the value of a name in a quoted setting or list of settings:
// "host=a password=b c port=1". It ends at the quote, or before the next setting.
func (f *finder) part(l *line, start, at int) (value, bool) {
	if l.quote == 0 || f.text[at-1] != '=' || start <= l.opened || f.plan.prose {
		return value{}, false
	}
	q, lead := l.quote, f.text[start-1]
	if (lead == '\'' || lead == '"') && lead != q {
		q = lead
	} else if start != l.opened+1 && (bytes.IndexByte([]byte(" ;,&"), lead) < 0 || bytes.IndexByte(f.text[l.opened:start], '=') < 0) {
		return value{}, false
	}
	shut := bytes.IndexByte(f.text[at:min(l.end, at+maxBare)], q)
	if shut <= 0 {
		return value{}, false
	}
	end := f.partEnd(at, at+shut, lead)
	v := f.text[at:end]
	if lead != ',' && (end == at+shut || f.text[end] != '&') && bytes.IndexByte(v, ' ') < 0 && bytes.IndexByte(v, ';') < 0 || bytes.Contains(v, []byte(" -")) || bytes.ContainsAny(v, "|/$<>`«") || command.IsProgram(firstWordAfter(v)) {
		return value{}, false
	}
	res := value{start: at, end: end}
	if l.comment {
		res = f.commented(res)
	}
	return res, true
}

// partEnd is where a part of a list of settings ends: before a sign and NAME=, or at
// stop.
func (f *finder) partEnd(at, stop int, lead byte) int {
	for i := at; i < stop; i++ {
		c := f.text[i]
		if c != ';' && (lead == ';' || c != ' ' && c != '&' && c != ',') {
			continue
		}
		n := syntax.Blanks(f.text[:stop], i+1)
		name := n
		for n < stop && (ascii.IsName(f.text[n]) || f.text[n] == ' ' && lead == ';') {
			n++
		}
		if n > name+1 && n < stop && f.text[n] == '=' && ascii.IsLetter(f.text[name]) {
			return i
		}
	}
	return at + len(bytes.TrimRight(f.text[at:stop], " ;,\\"))
}

func firstWordAfter(v []byte) []byte {
	_, rest, _ := bytes.Cut(v, []byte(" "))
	w, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	return w
}

// connection is a value of a connection string, whose parts semicolons end and
// which may hold blanks: Server=db;Password=a b;App=x.
func (f *finder) connection(l *line, start, at int) (value, bool) {
	before := bytes.TrimRight(f.text[max(l.start, start-16):start], "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	part := len(before) > 0 && before[len(before)-1] == ';' && len(before)+l.start > 1 && start-1 > l.first
	if !part && (l.quote == 0 || start != l.opened+1 || bytes.Count(f.text[at:min(l.end, at+maxBare)], []byte(";")) < 1 || f.text[at-1] != '=') {
		return value{}, false
	}
	if part && bytes.IndexByte(f.text[max(l.first, start-maxBare):start], '=') < 0 || f.text[at-1] != '=' {
		return value{}, false
	}
	end := at
	for end < l.end && end < at+maxBare && (l.quote == 0 || f.text[end] != l.quote) && f.text[end] != '"' && !bytes.HasPrefix(f.text[end:], []byte("</")) {
		end++
	}
	v := value{start: at, end: f.partEnd(at, end, ';')}
	if l.comment {
		v = f.commented(v)
	}
	return v, end > at
}

// separator reads what follows a name, up to where the value begins.
func (f *finder) separator(l *line, start, end int, opt bool) (separator, int) {
	at := f.closeName(end)
	closed := at > end
	blanks := at
	at = syntax.Blanks(f.text, at)
	if at >= len(f.text) {
		return noSeparator, at
	}
	switch c := f.text[at]; {
	case c == '>' && start > 0 && f.text[start-1] == '<':
		return element, at + 1
	case c == '(' && !closed && at == end && f.openQuote(at+1) > 0 && isPlainName(f.text, start, end):
		return assigned, at + 1
	case c == ',' && at == end && start > 0 && f.text[start-1] == '{': // a tuple of Erlang
		return assigned, f.tuple(at + 1)
	case c == ',' && (closed || start > 0 && f.text[start-1] == '$') && f.isDefinition(start):
		return assigned, syntax.Blanks(f.text, at+1)
	case c == '.' && at > blanks && f.openQuote(syntax.Blanks(f.text, at+1)) > 0: // a pair of Lisp
		return assigned, syntax.Blanks(f.text, at+1)
	case c == ',' && at == end && start > 0 && f.text[start-1] == '(' && f.openQuote(syntax.Blanks(f.text, at+1)) > 0: // a fact of Prolog
		return assigned, syntax.Blanks(f.text, at+1)
	case (c == '!' || c == '~') && at+1 < len(f.text) && f.text[at+1] == '=':
		return f.operator(at)
	case c == ',' && closed && opt, opt && (c == '\n' || c == '\r'):
		return f.nextItem(at)
	case c == '=' || c == ':', (c == '+' || c == '?') && at+1 < len(f.text) && f.text[at+1] == '=':
		return f.operator(at)
	case at > blanks && opt && c == '\\' && command.IsLineBreak(f.text[at+1:]):
		return f.nextLine(at + 1)
	case at > blanks && opt && c != '-':
		return option, at
	case at > blanks && !closed && c != '\n' && c != '\r':
		return blank, at
	}
	return noSeparator, at
}

// isPlainName says whether a name is one word that names a secret, as in
// password("x"); longer ones are functions that fetch a secret.
func isPlainName(text []byte, start, end int) bool {
	return lexicon.IsSecretAlone(string(text[start:end])) && (start == 0 || ascii.IsSpace(text[start-1]) || text[start-1] == '(')
}

// isDefinition says whether the quoted name is the first argument of a
// function that gives the name a value: define('DB_PASSWORD', 'x').
func (f *finder) isDefinition(start int) bool {
	before := bytes.TrimRight(f.text[max(0, start-16):max(0, start-1)], " ")
	before = bytes.TrimRight(bytes.TrimSuffix(before, []byte("$")), " ")
	for _, fn := range []string{"define(", "setenv(", "putenv(", "put(", "setProperty(", "setAttribute(", "addHeader(", "setHeader(", "header(", "property(", "Property(", "Field(", "param(", "set(", "Set(", "option(", "config("} {
		if bytes.HasSuffix(before, []byte(fn)) {
			return true
		}
	}
	return bytes.Contains(f.text[max(0, start-64):start], []byte("modparam("))
}

// tuple is where the second part of a tuple of Erlang begins.
func (f *finder) tuple(at int) int {
	at = syntax.Blanks(f.text, at)
	if bytes.HasPrefix(f.text[at:], []byte("<<")) {
		at += len("<<")
	}
	return at
}

// closeName passes the quote and bracket that close a quoted name, with
// escapes: name\", name'].
func (f *finder) closeName(at int) int {
	for n := 0; at < len(f.text) && n < 6; n++ {
		switch f.text[at] {
		case '\\', '"', '\'', ']':
			at++
		case ')':
			if n == 0 {
				return at
			}
			at++
		default:
			return at
		}
	}
	return at
}

// operator reads =, :, =>, := and the like; comparisons are none. What follows
// a name and = without a blank may be the beginning of the value.
func (f *finder) operator(at int) (separator, int) {
	op := f.text[at:min(len(f.text), at+2)]
	next := at + len(op)
	set := next >= len(f.text) || ascii.IsSpace(f.text[next]) || f.openQuote(next) > 0 || ascii.IsBlank(f.text[at-1])
	switch string(op) {
	case "==", "!=", "~=":
		if third := next; third < len(f.text) && f.text[third] == '=' {
			next, set = third+1, true
		}
		if set {
			return compared, syntax.Blanks(f.text, next)
		}
	case "=~":
		if set {
			return noSeparator, at
		}
	case "::", ":*", ":-":
		return noSeparator, at
	case ":=", "+=", "?=":
		return assigned, syntax.Blanks(f.text, next)
	case "=>":
		if set {
			return assigned, syntax.Blanks(f.text, next)
		}
	}
	if op[0] == '=' {
		return assigned, syntax.Blanks(f.text, at+1)
	}
	next = syntax.Blanks(f.text, at+1)
	if next > at+1 || next >= len(f.text) || f.openQuote(next) > 0 || ascii.IsSpace(f.text[next]) {
		return assigned, next
	}
	return tight, next
}

// nextItem finds the value of an option that is the next item of a list, on
// the same line or the next.
func (f *finder) nextItem(at int) (separator, int) {
	if f.text[at] == ',' {
		at++
	}
	for at < len(f.text) && ascii.IsSpace(f.text[at]) {
		at++
	}
	if bytes.HasPrefix(f.text[at:], []byte("- ")) {
		at = syntax.Blanks(f.text, at+2)
		if n := f.openQuote(at); at >= len(f.text) || command.IsOption(f.text[at+n:min(len(f.text), at+n+syntax.MaxName)]) {
			return noSeparator, at
		}
		return option, at
	}
	if n := f.openQuote(at); n > 0 && !command.IsOption(f.text[at+n:min(len(f.text), at+n+syntax.MaxName)]) {
		return option, at
	}
	return noSeparator, at
}

// nextLine finds the value of an option that a backslash parts from it.
func (f *finder) nextLine(at int) (separator, int) {
	for stop := min(len(f.text), at+syntax.MaxName); at < stop && ascii.IsSpace(f.text[at]); at++ {
	}
	if at >= len(f.text) || command.IsOption(f.text[at:min(len(f.text), at+syntax.MaxName)]) {
		return noSeparator, at
	}
	return continued, at
}

// openQuote returns the length of the quote at at, with the escapes before it,
// or 0.
func (f *finder) openQuote(at int) int {
	n := 0
	for at+n < len(f.text) && f.text[at+n] == '\\' && n < 8 {
		n++
	}
	if at+n >= len(f.text) || f.text[at+n] != '"' && f.text[at+n] != '\'' || n > 0 && f.text[at+n] == '\'' {
		return 0
	}
	if three := f.text[at : at+1]; n == 0 && bytes.HasPrefix(f.text[at:], bytes.Repeat(three, 3)) {
		return 3
	}
	return n + 1
}

// quotedValue finds the end of a quoted value. A quote that is not closed on
// its line belongs to a value over several lines, or to none; the value is
// then taken to the end of the line.
func (f *finder) quotedValue(at, n int) value {
	open := f.text[at : at+n]
	start := at + n
	if n == 3 && open[0] != '\\' {
		start = syntax.Trim(f.text, syntax.Span{Start: start, End: len(f.text)}).Start
	}
	end := f.closeQuote(start, open)
	if end >= 0 {
		return value{start: start, end: end}
	}
	if n == 1 && open[0] == '\'' && at > 0 && bytes.IndexByte(f.text[start:min(len(f.text), start+maxBare)], open[0]) < 0 && (ascii.IsBlank(f.text[at-1]) || f.text[at-1] == '=' || f.text[at-1] == ':') {
		start = at // the quote is the first character of the value
	}
	stop := f.lineEnd(start)
	return value{start: start, end: stop, unsure: true}
}

// closeQuote finds the quote that closes open, or returns -1. Only a threefold
// quote reaches over lines.
func (f *finder) closeQuote(start int, open []byte) int {
	if len(open) == 3 && open[0] != '\\' {
		i := bytes.Index(f.text[start:], open)
		if i < 0 {
			return -1
		}
		return start + len(bytes.TrimRight(f.text[start:start+i], " \t\r\n"))
	}
	q := open[len(open)-1]
	for i := start; i < len(f.text) && i < start+maxValue && f.text[i] != '\n'; i++ {
		switch {
		case f.text[i] == '\\' && len(open) > 1 && bytes.HasPrefix(f.text[i:], open):
			return i
		case f.text[i] == '\\' && q == '"', f.escapesQuote(i, q):
			i++
		case f.text[i] == q && q == '\'' && i+1 < len(f.text) && f.text[i+1] == q:
			i++
		case f.text[i] == q:
			return i
		}
	}
	return -1
}

// escapesQuote says whether a backslash in single quotes escapes one, as in most
// programs and not in a shell: the word goes on behind it, and a quote follows.
func (f *finder) escapesQuote(i int, q byte) bool {
	if f.text[i] != '\\' || q != '\'' || i+2 >= len(f.text) || f.text[i+1] != q || !ascii.IsAlnum(f.text[i+2]) {
		return false
	}
	rest := f.text[i+2 : min(len(f.text), i+maxDoubtful)]
	if end := bytes.IndexByte(rest, '\n'); end >= 0 {
		rest = rest[:end]
	}
	return bytes.IndexByte(rest, q) >= 0
}

// lineEnd returns the end of the text on the line of at.
func (f *finder) lineEnd(at int) int {
	end := f.line.end
	if at > end || at < f.line.start {
		if end = at + bytes.IndexByte(f.text[at:], '\n'); end < at {
			end = len(f.text)
		}
	}
	for end > at && ascii.IsSpace(f.text[end-1]) {
		end--
	}
	return end
}

// bareValue finds the end of a value without quotes of its own.
func (f *finder) bareValue(l *line, start, at int, sep separator, c lexicon.Suspicion) value {
	if l.quote == 0 && (start <= l.first && !f.plan.script || f.isDeep(l, start, at)) && sep != option && !f.plan.shell {
		return f.restOfLine(l, at)
	}
	if l.quote == 0 && sep == assigned && f.plan.spaced() && !f.plan.shell && isNames(f.text[l.first:start]) && !f.plan.isProgram(f.text) {
		return f.restOfLine(l, at)
	}
	limit := at + maxDoubtful
	if c == lexicon.Strong {
		limit = at + maxBare
	}
	end := at
	listed := start > 0 && f.text[start-1] == ',' && l.quote == 0
	for end < l.end && end < limit && (!f.endsBare(l, at, end) || listed && f.text[end] == ';' && end+1 < l.end && !ascii.IsSpace(f.text[end+1])) {
		end++
	}
	if end == limit && c != lexicon.Strong {
		f.weakTo = limit
	}
	if end == limit {
		return value{start: at, end: f.lineEnd(at), unsure: true}
	}
	if after := syntax.Blanks(f.text, end); after > end && lexicon.IsScheme(f.text[at:min(end, at+32)]) {
		return value{start: after, end: f.headerEnd(l, after)}
	}
	v := value{start: at, end: end}
	if l.quote != 0 && f.isEnvironment(l) {
		v.end = f.untilQuote(l, at)
	}
	v.doubt = l.comment
	if sep == assigned && f.text[at-1] == ' ' && f.text[at-2] == ':' && l.quote != 0 {
		v.doubt = true // a sentence: "Password: must be changed"
	}
	return v
}

// isDeep says whether the name is the last part of a path that begins the line:
// Proxy\Password=x.
func (f *finder) isDeep(l *line, start, at int) bool {
	before := f.text[l.first:start]
	if name := bytes.TrimRight(before, " \t="); string(name) == "env" && len(before) > len(name) {
		return true // of a process
	}
	if len(before) < 2 || len(before) > syntax.MaxName || f.text[at-1] != '=' && f.text[at-1] != ' ' || before[len(before)-1] != '\\' && before[len(before)-1] != '/' {
		return false
	}
	for _, c := range before {
		if !ascii.IsName(c) && bytes.IndexByte([]byte("\\/:"), c) < 0 {
			return false
		}
	}
	return ascii.IsLetter(before[0]) && !bytes.Contains(before, []byte("://"))
}

// blockBelow finds the block scalar that the sign at at announces, as in YAML: the
// lines indented deeper than the current one. In a text known to be YAML the walk
// reads it. Blocks can stand in each other; what lies in too many is unsure, and
// taken to the end of the text.
func (f *finder) blockBelow(l *line, at int, c lexicon.Suspicion) (value, bool) {
	if f.plan.prose || f.plan.bare || f.plan.format == "yaml" || c != lexicon.Strong || f.text[at] != '|' && f.text[at] != '>' || !isBlockSign(syntax.BeforeComment(f.text[at:l.end])) {
		return value{}, false
	}
	if f.blocks > maxBlocks*len(f.text) {
		return value{start: at, end: len(f.text), unsure: true}, true
	}
	v := value{start: -1}
	for next, col := l.end+1, syntax.Indent(f.text[l.start:l.end]); next < len(f.text); {
		line, after := syntax.LineAt(f.text, next)
		if line.Start < line.End && line.Start-next <= col {
			break
		}
		if line.Start < line.End {
			if v.start < 0 {
				v.start = line.Start
			}
			v.end = line.End
		}
		f.blocks += after - next
		next = after
	}
	return v, v.start >= 0
}

// maxBlocks bounds how often each byte is read as part of a block, on average.
const maxBlocks = 8

// isBlockSign says whether v is what announces a block scalar: | or >, and signs
// of how its lines are joined.
func isBlockSign(v []byte) bool {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || len(v) > 3 || v[0] != '|' && v[0] != '>' {
		return false
	}
	for _, c := range v[1:] {
		if c != '-' && c != '+' && !ascii.IsDigit(c) {
			return false
		}
	}
	return true
}

// headerEnd finds the end of what follows the scheme of a header.
func (f *finder) headerEnd(l *line, at int) int {
	end := at
	for end < l.end && end < at+maxBare && !f.endsBare(l, at, end) {
		end++
	}
	return end
}

// endsBare says whether a bare value that begins at at ends at i.
func (f *finder) endsBare(l *line, at, i int) bool {
	c := f.text[i]
	switch {
	case ascii.IsSpace(c):
		return !insideReference(f.text[at:i])
	case c == l.quote && c != 0:
		return true
	case c == '\\' && i+1 < l.end && (f.text[i+1] == '"' || f.text[i+1] == 'n'):
		return true
	case c == '&':
		return f.inQuery(l, at)
	case c == ';' || c == '"' || c == '`':
		return true
	case c == ',' || c == '}' || c == ']' || c == ')':
		return (i+1 >= l.end || ascii.IsSpace(f.text[i+1]) || c != ',' && bytes.IndexByte([]byte(",;)]}\"'"), f.text[i+1]) >= 0 || l.quote == 0 && c == ',') &&
			!insideReference(f.text[at:i])
	}
	return false
}

// isNames says whether v is nothing but words: the beginning of a name of several.
func isNames(v []byte) bool {
	for _, c := range v {
		if !ascii.IsName(c) && c != ' ' {
			return false
		}
	}
	return len(v) < 40 && bytes.Count(v, []byte(" ")) == 1
}

// insideReference says whether a reference was opened and not closed.
func insideReference(v []byte) bool {
	if len(v) < 2 || len(v) > 256 {
		return false
	}
	return bytes.LastIndex(v, []byte("{{")) > bytes.LastIndex(v, []byte("}}")) ||
		bytes.LastIndex(v, []byte("${")) > bytes.LastIndexByte(v, '}') ||
		bytes.LastIndex(v, []byte("$(")) > bytes.LastIndexByte(v, ')') ||
		bytes.LastIndex(v, []byte("<%")) > bytes.LastIndex(v, []byte("%>"))
}

// inQuery says whether the value at at belongs to the query of a URL.
func (f *finder) inQuery(l *line, at int) bool {
	back := f.text[max(l.start, at-syntax.MaxName):at]
	return bytes.IndexByte(back, '?') >= 0 || bytes.IndexByte(back, '&') >= 0 || f.plan.bare
}

// isEnvironment says whether the open quote holds one assignment of a unit
// file: Environment="NAME=a value with blanks".
func (f *finder) isEnvironment(l *line) bool {
	return bytes.HasPrefix(f.text[l.first:l.end], []byte("Environment="))
}

func (f *finder) untilQuote(l *line, at int) int {
	if i := bytes.IndexByte(f.text[at:l.end], l.quote); i >= 0 {
		return at + i
	}
	return f.lineEnd(at)
}

// restOfLine is the value of a key that begins its line.
func (f *finder) restOfLine(l *line, at int) value {
	v := value{start: at, end: f.lineEnd(at)}
	if l.first > l.start && bytes.HasSuffix(f.text[l.start:l.first], []byte("export ")) {
		v.end = f.partEnd(at, v.end, ' ')
	}
	if f.plan.format == "ini" && v.end-v.start > 2 && f.text[v.start] == '`' && f.text[v.end-1] == '`' && !bytes.ContainsAny(f.text[v.start:v.end], "$|/") {
		return value{start: v.start + 1, end: v.end - 1, doubt: l.comment}
	}
	rest := f.text[v.start:v.end]
	if i := commentAt(rest, f.plan.format); i >= 0 && bytes.Count(f.text[l.start:at], []byte(".")) < 2 { // dotted keys are properties
		v.end = v.start + len(bytes.TrimRight(rest[:i], " \t"))
	}
	if f.plan.format != "ini" && f.plan.format != "env" {
		v.end = v.start + len(bytes.TrimRight(f.text[v.start:v.end], ";,"))
	}
	if l.comment || f.plan.prose {
		v.doubt = true
		v.end = f.firstSentence(v)
	}
	return v
}

// firstSentence narrows a value in a comment to one word: more are prose.
func (f *finder) firstSentence(v value) int {
	if bytes.Count(f.text[v.start:v.end], []byte(" ")) >= 2 {
		return v.start + max(0, bytes.IndexByte(f.text[v.start:v.end], ' '))
	}
	return v.end
}

// commentAt finds the comment after a value where the format has such
// comments; elsewhere the sign may belong to a secret.
func commentAt(v []byte, format string) int {
	switch format {
	case "yaml", "toml":
		return bytes.Index(v, []byte(" #"))
	}
	return -1
}

// blankValue is the value of a key that only white space separates from it.
func (f *finder) blankValue(l *line, start, at int, c lexicon.Suspicion) (value, bool) {
	if quote := f.openQuote(at); quote > 0 && c == lexicon.Strong && f.text[at] != l.quote && f.inStatement(start) {
		v := f.quotedValue(at, quote)
		v.doubt = l.comment
		return v, v.end > v.start
	}
	if quote := f.openQuote(at); quote > 0 && f.plan.spaced() && l.quote == 0 && !l.comment {
		v := f.quotedValue(at, quote)
		return v, v.end > v.start
	}
	if v, ok := f.listed(l, start, at, c); ok {
		return v, v.end > v.start
	}
	end := f.wordEnd(at)
	word := f.text[at:end]
	switch {
	case l.quote != 0 && end > at && f.text[end-1] == l.quote:
		end--
	}
	v := value{start: at, end: end, doubt: true}
	if command.IsOption(word) && start == l.first {
		return value{}, false
	}
	switch {
	case l.comment && c == lexicon.Strong && !f.plan.prose && f.commentedWord(l, start, at, end):
		return value{start: at, end: end}, true
	case start == l.first && !l.comment && f.plan.spaced() && !isAmbiguous(string(bytes.ToLower(f.text[start:start+min(6, end-start)]))):
		v.doubt = c != lexicon.Strong
	case f.isLogin(l, start):
		v.doubt = false
	case l.comment && c == lexicon.Strong && (string(word) == "for" || string(word) == "of" || string(word) == "on"):
		return f.toldOf(l, end)
	case isSentenceVerb(word):
		if told, ok := f.told(l, at); ok && c == lexicon.Strong {
			return told, true
		}
		v.start = syntax.Blanks(f.text, end)
		v.end = f.wordEnd(v.start)
	case start != l.first:
		return f.statementValue(l, start, at, c)
	}
	if !v.doubt && (!ascii.IsNumber(f.text[v.start:v.end]) || len(bytes.Fields(f.text[v.start:f.lineEnd(v.start)])) == 2) {
		v.start, v.end = f.passQualifiers(v.start, v.end)
	}
	if start == l.first && f.plan.format == "conf" && !v.doubt && takesLine(f.text[start:at]) && !lexicon.IsPlain(f.text[v.start:v.end]) {
		v.end += len(syntax.BeforeComment(f.text[v.end:f.lineEnd(v.end)]))
	}
	v.end = v.start + len(bytes.TrimRight(f.text[v.start:v.end], ";,"))
	return v, v.end > v.start
}

// listed is the value of a name that begins a list of Lisp, (password "x"), or of one
// that braces enclose as in Tcl: set password {x y}.
func (f *finder) listed(l *line, start, at int, c lexicon.Suspicion) (value, bool) {
	if c != lexicon.Strong || l.comment || f.plan.prose || at >= l.end {
		return value{}, false
	}
	if lisp := start > 0 && f.text[start-1] == '('; lisp && f.openQuote(at) == 1 {
		return f.quotedValue(at, 1), true
	} else if lisp && f.text[at] == '(' && at >= f.computed {
		f.computed = min(l.end, at+maxExpression)
		f.literals(at, f.computed)
		return value{}, true
	}
	if f.text[at] != '{' || !f.plan.spaced() || start == l.first && f.plan.format != "" {
		return value{}, false
	}
	limit := min(l.end, at+maxBare)
	shut := bytes.IndexByte(f.text[at:limit], '}')
	if shut < 2 || bytes.ContainsAny(f.text[at:at+shut], "=:\"") || at+shut+1 < l.end && !ascii.IsSpace(f.text[at+shut+1]) || bytes.HasPrefix(f.text[at:], []byte("{{")) {
		return value{}, false
	}
	s := syntax.Trim(f.text, syntax.Span{Start: at + 1, End: at + shut})
	return value{start: s.Start, end: s.End}, true
}

// passQualifiers passes the words between a name and its secret: password 7 x,
// set psksecret ENC x.
func (f *finder) passQualifiers(start, end int) (int, int) {
	for n := 0; n < 3 && notions.IsQualifier(f.text[start:end]); n++ {
		next := syntax.Blanks(f.text, end)
		if next >= len(f.text) || ascii.IsSpace(f.text[next]) || next == end {
			break
		}
		start, end = next, f.wordEnd(next)
	}
	return start, end
}

// statementValue is the value of a name in the middle of a statement, as routers
// and many services have them: neighbor 192.0.2.1 password x. In a program words
// stand in another order, and in a sentence they mean something else.
func (f *finder) statementValue(l *line, start, at int, c lexicon.Suspicion) (value, bool) {
	if c != lexicon.Strong || l.comment || l.quote != 0 || !f.plan.spaced() || f.plan.isProgram(f.text) || !isOneWord(f.text, start) {
		return value{}, false
	}
	if _, is := notions.Directives[string(bytes.ToLower(f.text[l.first:min(l.end, f.wordEnd(l.first))]))]; is {
		return value{}, false // read by its words
	}
	s, e := f.passQualifiers(at, f.wordEnd(at))
	if quote := f.openQuote(s); quote > 0 {
		v := f.quotedValue(s, quote)
		v.doubt = notions.IsProse(f.text[v.start:v.end])
		return v, v.end > v.start
	}
	e = s + len(bytes.TrimRight(f.text[s:e], ";,"))
	word := f.text[s:e]
	if notions.IsStop(word) || lexicon.Classify(string(word[:min(len(word), syntax.MaxName)])) != lexicon.None || notions.IsProse(f.text[l.first:l.end]) || bytes.Contains(f.text[l.first:min(l.end, l.first+maxDoubtful)], []byte("pam_")) || bytes.IndexByte(word, '=') > 0 && bytes.IndexByte(word, '=') < len(word)-2 {
		return value{}, false
	}
	return value{start: s, end: e}, true
}

// isOneWord says whether a name stands between blanks, as a word does.
func isOneWord(text []byte, start int) bool { return start == 0 || ascii.IsSpace(text[start-1]) }

// isProgram says whether a text is a program, whose statements are read as
// commands.
func (p plan) isProgram(text []byte) bool {
	return p.format == "crontab" || p.format == "sudoers" || p.format == "sshd" || bytes.HasPrefix(text, []byte("#!"))
}

// commentedWord says whether a comment is a directive out of force: a name that is
// no word of the language, one word, and nothing more.
func (f *finder) commentedWord(l *line, start, at, end int) bool {
	name := f.text[start : start+max(0, bytes.IndexAny(f.text[start:at], " \t"))]
	if start != l.first || len(bytes.TrimSpace(f.text[end:l.end])) > 0 || lexicon.IsSecretAlone(string(name)) && !bytes.Equal(name, []byte("requirepass")) && !bytes.Equal(name, []byte("masterauth")) {
		return false
	}
	for _, c := range name {
		if ascii.IsUpper(c) {
			return false
		}
	}
	word := f.text[at:end]
	return !notions.IsStop(word) && !notions.IsSample(word)
}

// takesLine says whether the value of a name goes on to the end of its line, as in
// the files of log shippers. After a community comes who may use it.
func takesLine(name []byte) bool {
	low := bytes.ToLower(name)
	return !bytes.Contains(low, []byte("communit")) && (bytes.Contains(low, []byte("pass")) || bytes.Contains(low, []byte("pw")) || bytes.Contains(low, []byte("secret")) || bytes.Contains(low, []byte("token")))
}

func (f *finder) wordEnd(at int) int {
	stop := min(len(f.text), at+maxValue)
	for at < stop && (!ascii.IsSpace(f.text[at]) || f.text[at] == ' ' && f.text[at-1] == '\\' && at+1 < stop && !ascii.IsSpace(f.text[at+1])) {
		at++
	}
	return at
}

// isAmbiguous says whether a first word is often a verb or a control word.
func isAmbiguous(first string) bool {
	return first == "pass i" || first == "pass o" || first == "pass t" || first == "pass q"
}

// isLogin says whether the line is one of a netrc.
func (f *finder) isLogin(l *line, start int) bool {
	back := f.text[max(l.start, start-512):start]
	if l.comment || bytes.HasSuffix(back, []byte("login ")) {
		return false
	}
	return bytes.Contains(back, []byte(" login ")) || bytes.HasPrefix(back, []byte("machine ")) ||
		bytes.HasPrefix(back, []byte("login ")) ||
		bytes.Contains(back, []byte("user ")) && bytes.HasSuffix(back, []byte("insecure-"))
}

func isSentenceVerb(word []byte) bool {
	switch string(word) {
	case "is", "was", "are", "were", "to", "of":
		return true
	}
	return false
}

// elementValue is the text of an XML element that closes on its line.
func (f *finder) elementValue(at int) (value, bool) {
	rest := f.text[at:min(f.line.end, at+maxValue)]
	end := bytes.IndexByte(rest, '<')
	if end < 0 || !bytes.HasPrefix(rest[end:], []byte("</")) {
		return value{}, false
	}
	s := syntax.Trim(f.text, syntax.Span{Start: at, End: at + end})
	return value{start: s.Start, end: s.End}, s.End > s.Start
}
