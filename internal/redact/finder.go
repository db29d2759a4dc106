package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/harmless"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// plan is a Source made ready for use.
type plan struct {
	assignment.Form
	table *notions.Table // what the name of the file tells
	path  string         // the name of the file
	vault bool           // a file of secrets under any names
	paths []notions.KeyPath
}

func newPlan(src Source) plan {
	p := plan{Form: assignment.Form{Format: src.Format, Script: notions.IsScript(src.Path)}, table: notions.TableOf(src.Path), path: src.Path}
	for _, s := range append(notions.SecretPaths(src.Path), src.SecretPaths...) {
		p.paths = append(p.paths, notions.CompilePath(s)...)
	}
	return p
}

// finder collects the spans to mask in one text. It belongs to one call.
type finder struct {
	*assignment.Reader

	search  *searcher
	text    []byte
	plan    plan
	spans   []Span
	reasons []reason // of the spans, in the order in which they were found
	rule    string   // why what is found now is masked
	parsed  bool
	names   *lexicon.Names
	values  *harmless.Text // judges the values beside secrets

	skip    int      // triggers that end here or before are inside what is masked
	judged  int      // names up to here are judged
	tried   int      // run of characters in which the last shape failed
	triedBy *trigger // that shape
	nextEnd int      // position of the next end of a PEM block
	pemTo   int      // end of the last private key block
	toolTo  int      // end of the last command that was read

	linked int             // the parts of URLs up to here are judged
	heads  map[string]bool // first words of lines with secrets
	notes  []comment       // values that are comments

	live    bool // something outside of comments is masked
	telling bool // the name of the file tells of accounts
	strong  bool // the name of a secret stands outside of comments

	looked, vmess, jose, jaas bool // what the text holds besides settings
}

// newFinder returns a finder for one text. What is known of names stays true in
// whatever text they stand.
func newFinder(s *searcher, text []byte, p plan, values *harmless.Text) *finder {
	f := &finder{search: s, text: text, plan: p, names: values.Names, values: values}
	f.Reader = assignment.New(text, p.Form, f.add)
	return f
}

// find returns the spans to mask, sorted and apart.
func (f *finder) find() []Span {
	f.findOnce()
	f.remarks()
	f.strict()
	return union(f.spans)
}

// findOnce finds what to mask outside of comments.
func (f *finder) findOnce() []Span {
	f.search.scan(f.text, f.hit)
	f.rule = "key path, directive or table"
	f.parsed = f.walk()
	if !f.parsed && f.plan.isSyntax() {
		f.spans = append(f.spans, f.unknown()...)
	}
	if f.plan.table != nil {
		f.rule = "file of secrets"
		f.readTable(f.plan.table)
	}
	return union(f.spans)
}

// isSyntax says whether a text has a format that it can fail to follow.
func (p plan) isSyntax() bool {
	switch p.Format {
	case "yaml", "toml", "json", "jsonc", "xml":
		return true
	}
	return false
}

// unknown reads a text that is not what it was taken for, as one of which nothing
// is known: what that finds is masked as well.
func (f *finder) unknown() []Span {
	p := f.plan
	p.Format, p.table = "", nil
	return newFinder(f.search, f.text, p, f.values).find()
}

// hit gives a trigger to its rule.
func (f *finder) hit(t *trigger, end int) {
	start := end - len(t.text)
	f.rule = why[t.kind]
	if t.kind == kindMark {
		f.spans = append(f.spans, Span{start, end})
		return
	}
	if t.kind == kindPEM {
		if start >= f.pemTo {
			f.pem(start, end)
		}
		return
	}
	if end <= f.skip {
		return
	}
	switch t.kind {
	case kindName:
		if end > f.judged {
			f.name(start, end)
		}
	case kindURL:
		f.url(start, end)
	case kindDial:
		f.dial(start)
	case kindTool:
		if f.plan.Format != "rules" {
			f.tool(start)
		}
	case kindVault:
		f.vaulted(end)
	case kindAccount:
		f.account(end)
	case kindPiped:
		f.piped(start)
	case kindOutput:
		l := f.Enter(end)
		f.output(end, min(f.LineEnd(end), end+assignment.MaxBare), l.Comment)
	case kindPuTTY:
		f.putty(end)
	case kindPuTTYMAC:
		f.puttyMAC(end)
	case kindSQL:
		f.identified(start, end)
	default:
		f.place(t, start, end)
	}
}

// place gives a trigger to a rule that knows a secret by its place, or else to one
// that knows it by its shape.
func (f *finder) place(t *trigger, start, end int) {
	switch t.kind {
	case kindMailbox:
		f.mailbox(start)
	case kindThin:
		f.thin(end)
	case kindUser:
		f.userinfo(start, end)
	case kindCall:
		f.call(end, notions.Calls[t.arg].Place)
	case kindSend:
		f.sent(end)
	case kindHere:
		f.hereString(end)
	case kindClear:
		f.clear(start, end)
	case kindIdentify:
		f.identify(start, end)
	default:
		f.shape(t, start, end)
	}
}

// shape gives a trigger to a rule that reads a run of characters, unless the
// same rule has read that run already.
func (f *finder) shape(t *trigger, start, end int) {
	if f.triedBy == t && end < f.tried {
		return
	}
	f.triedBy, f.tried = t, 0
	switch t.kind {
	case kindCrypt:
		f.crypt(start, end)
	case kindBasic:
		f.basic(end)
	case kindToken:
		f.token(&lexicon.Tokens[t.arg], start, end)
	}
}

// add masks a span.
func (f *finder) add(start, end int) {
	if start >= end {
		return
	}
	f.spans = append(f.spans, Span{start, end})
	f.reasons = append(f.reasons, reason{Span{start, end}, f.rule})
	f.skip = max(f.skip, end)
}

// name judges the key name around a trigger and masks its value.
func (f *finder) name(start, end int) {
	start, end = f.nameAround(start, end)
	f.judged = end
	if f.belowOpen(start) {
		return
	}
	c := f.names.Class(f.text[start:end])
	l := f.Enter(start)
	if c != lexicon.Strong {
		start, c = f.spacedName(l, start, end, c)
	}
	f.strong = f.strong || c == lexicon.Strong && !l.Comment
	guarded := c != lexicon.Strong && lexicon.IsGuardedName(string(f.text[start:end]))
	if c == lexicon.None && !guarded || c == lexicon.Weak && start < f.WeakTo {
		return
	}
	v, ok := f.ValueOf(l, start, end, c)
	if !ok {
		return
	}
	if guarded {
		f.maskAddress(v)
		return
	}
	if (c == lexicon.Weak || isUserPass(f.text[start:end])) && isLogins(string(f.text[start:end])) && f.loginsIn(syntax.Span{Start: v.Start, End: v.End}) {
		return
	}
	f.judge(v, c)
}

// isUserPass says whether a name is that of an account with its password.
func isUserPass(name []byte) bool {
	low := bytes.ToLower(name)
	return bytes.HasSuffix(low, []byte("userpass")) || bytes.HasSuffix(low, []byte("userpwd")) || bytes.HasSuffix(low, []byte("userpw")) || bytes.HasSuffix(low, []byte("user_pass_pair"))
}

// nameAround extends a trigger to the whole name.
func (f *finder) nameAround(start, end int) (int, int) {
	low, high := max(0, start-syntax.MaxName), min(len(f.text), end+syntax.MaxName)
	for start > low && ascii.IsName(f.text[start-1]) {
		start--
	}
	for end < high && ascii.IsName(f.text[end]) {
		end++
	}
	if start > 0 && f.text[start-1] == '\\' && end-start > 1 && (f.text[start] == 'n' || f.text[start] == 't') {
		start++ // an escape in a string, not a letter of the name
	}
	for start < end && (f.text[start] == '.' || f.text[start] == '-') {
		start++
	}
	return start, end
}

// belowOpen says whether the name is the last part of one that is public by
// nature: checksum/secret.
func (f *finder) belowOpen(start int) bool {
	if start == 0 || f.text[start-1] != '/' {
		return false
	}
	from := start - 1
	for from > 0 && start-from < syntax.MaxName && ascii.IsName(f.text[from-1]) {
		from--
	}
	return lexicon.IsOpen(string(f.text[from : start-1]))
}

// spacedName reads a name of several words, as in "api key = x", where it
// begins the line.
func (f *finder) spacedName(l *assignment.Line, start, end int, c lexicon.Suspicion) (int, lexicon.Suspicion) {
	if l.Comment || start-l.First > 40 || start <= l.First {
		return start, c
	}
	for _, b := range f.text[l.First:start] {
		if !ascii.IsName(b) && b != ' ' {
			return start, c
		}
	}
	rest := bytes.TrimLeft(f.text[end:min(len(f.text), end+16)], " \t")
	if len(rest) == 0 || rest[0] != '=' && rest[0] != ':' {
		return start, c
	}
	return l.First, lexicon.Classify(string(f.text[l.First:end]))
}

// judge masks a value under a name of the given suspicion.
func (f *finder) judge(v assignment.Value, c lexicon.Suspicion) {
	if f.plan.vault && c == lexicon.Likely && len(f.text[v.Start:v.End]) >= 4 && ascii.IsNumber(f.text[v.Start:v.End]) {
		c = lexicon.Strong // a code
	}
	if v.Unsure && c == lexicon.Strong {
		f.add(v.Start, v.End)
		return
	}
	if v.Unsure && c != lexicon.Strong {
		v.End = min(v.End, v.Start+assignment.MaxDoubtful)
	}
	content := f.text[v.Start:v.End]
	if n := lexicon.SchemeLen(content); n > 0 {
		v.Start += n
		content = content[n:]
	}
	if c == lexicon.Strong && !v.Doubt && isComputed(content) && f.Literals(v.Start, v.End) {
		return
	}
	if lexicon.IsPlain(content) || f.isAlias(v) || v.Doubt && lexicon.IsPublished(content) {
		return
	}
	if lexicon.IsAccessKeyID(content) {
		return
	}
	if n := f.accountBefore(v, content); n > 0 {
		v.Start += n
	}
	switch {
	case c == lexicon.Likely && (lexicon.IsTyped(content) || notions.IsLevel(content)):
	case c >= lexicon.Likely && (!v.Doubt || lexicon.LooksChosen(content)):
		f.add(v.Start, v.End)
	case c == lexicon.Weak && (lexicon.LooksRandom(content) || !v.Doubt && isPhrase(content)):
		f.add(v.Start, v.End)
	case c == lexicon.Weak && !v.Doubt && (isCode(content) || lexicon.IsUUID(content) && lexicon.EndsInKey(f.text[max(0, v.Start-32):v.Start])):
		f.add(v.Start, v.End)
	case c == lexicon.Weak && !v.Doubt:
		f.userPassword(v)
	}
}

// accountBefore is how long the account is, with its colon, that stands before a
// secret under a name that announces both: auth = admin:x.
func (f *finder) accountBefore(v assignment.Value, content []byte) int {
	colon := bytes.IndexByte(content, ':')
	if v.Doubt || colon < 2 || colon+3 > len(content) || bytes.Count(content, []byte(":")) > 1 || !harmless.Words(content[:colon]) || bytes.IndexByte(content[:colon], ' ') >= 0 {
		return 0
	}
	before := bytes.ToLower(f.text[max(0, v.Start-24):v.Start])
	for _, w := range []string{"auth", "credential", "userpass"} {
		if bytes.Contains(before, []byte(w)) && !bytes.Contains(before, []byte("token")) && !bytes.Contains(before, []byte("key")) {
			return colon + 1
		}
	}
	return 0
}

// isPhrase says whether a value is no single word, number or list of names, but is
// written with signs that settings do not have.
func isPhrase(v []byte) bool {
	return lexicon.LooksChosen(v) && !bytes.ContainsAny(v, "/.,:") || bytes.Contains(v, []byte("; ")) && !bytes.ContainsAny(v, "=:(){}<>/")
}

// isCode says whether a value is digits in groups, as numbers that people are given
// to type are.
func isCode(v []byte) bool {
	dashes := 0
	for _, c := range v {
		if c == '-' {
			dashes++
		} else if !ascii.IsDigit(c) {
			return false
		}
	}
	return len(v) >= 8 && len(v) < 20 && dashes > 0 && v[0] != '-' && (len(v) != 10 || dashes != 2 || v[4] != '-')
}

// isComputed says whether a value is a template that decodes a string or falls back
// on one.
func isComputed(v []byte) bool {
	return bytes.HasPrefix(v, []byte("<%")) && (bytes.Contains(v, []byte("||")) || bytes.Contains(v, []byte("decode")) || bytes.Contains(v, []byte("fetch")))
}

// isAlias says whether the value is an alias of YAML, which stands after a
// colon or a dash.
func (f *finder) isAlias(v assignment.Value) bool {
	at := v.Start - 1
	for at >= 0 && ascii.IsBlank(f.text[at]) {
		at--
	}
	return f.plan.Format == "yaml" && at >= 0 && (f.text[at] == ':' || f.text[at] == '-') && syntax.IsAlias(f.text[v.Start:v.End])
}

// userPassword masks the password of user:password.
func (f *finder) userPassword(v assignment.Value) {
	content := f.text[v.Start:v.End]
	colon := bytes.IndexByte(content, ':')
	if colon <= 0 || bytes.HasPrefix(content, []byte("sha")) && isHex(content[colon+1:]) || bytes.ContainsAny(content, " \t/{}[]()<>,") || bytes.HasPrefix(content[colon:], []byte("::")) {
		return
	}
	if pass := content[colon+1:]; lexicon.LooksChosen(pass) && !lexicon.IsPlain(pass) {
		f.add(v.Start+colon+1, v.End)
	}
}

// maskAddress masks a URL that is itself a permission.
func (f *finder) maskAddress(v assignment.Value) {
	u := f.text[v.Start:v.End]
	i := bytes.Index(u, []byte("://"))
	if i < 0 || lexicon.IsPlain(u) {
		return
	}
	host := bytes.IndexByte(u[i+3:], '/')
	if host < 0 {
		return
	}
	for part := range bytes.FieldsFuncSeq(u[i+3+host:], func(r rune) bool { return r == '/' || r == '?' || r == '&' || r == '=' }) {
		if (lexicon.LooksRandom(part) || lexicon.IsUUID(part)) && !lexicon.IsPlain(part) {
			f.add(v.Start, v.End)
			return
		}
	}
}
