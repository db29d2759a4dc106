package redact

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// walk reads the text by its syntax and judges every leaf. It returns false
// where the syntax is unknown or was not followed to the end; what it found
// until then stays.
func (f *finder) walk() bool {
	if f.plan.Prose || f.plan.Bare || f.plan.Shell {
		return true
	}
	t := syntax.Text{Bytes: f.text, Format: f.plan.Format, Hints: syntax.Hints{
		Foreign: isForeign, Record: f.record, Indented: f.mayGoOn, Open: f.isTold,
	}}
	var doc manifest
	for l := range t.Leaves() {
		switch l.Extent {
		case syntax.Line, syntax.Lines:
			f.lineLeaf(l)
		default:
			f.leaf(l)
		}
		f.pair(l)
		f.observe(&doc, l)
	}
	f.settleManifest(&doc)
	return !t.Broken
}

// isForeign says whether a tag of YAML begins a reference.
func isForeign(rest []byte) bool {
	return lexicon.IsReference(append(rest[:len(rest):len(rest)], ' '))
}

// isTold says whether the path of a value tells that it is secret.
func (f *finder) isTold(path []string) bool {
	return f.declared(path) || f.names.Path(path) >= lexicon.Likely
}

// mayGoOn says whether indented lines below a key are judged as its value.
func (f *finder) mayGoOn(path []string) bool {
	list, _ := lexicon.ListName(path)
	return list || f.isTold(path)
}

// leaf judges one value by its path.
func (f *finder) leaf(l syntax.Leaf) {
	if l.Span = syntax.Trim(f.text, l.Span); l.Start == l.End {
		return
	}
	if f.declared(l.Path) && !f.isCount(l) {
		f.declaredLeaf(l)
		return
	}
	if own := l.Path[len(l.Path)-1]; notions.IsNote(own) && l.End-l.Start <= maxRemark {
		f.notes = append(f.notes, comment{Span: l.Span, beside: true})
	}
	f.proxied()
	if is, private := jwk(l.Path[len(l.Path)-1]); is && f.jose {
		if private && l.End-l.Start > 16 && string(f.text[l.Start:l.End]) != Mark {
			f.add(l.Start, l.End)
		}
		return
	}
	if f.identity(l) {
		f.add(l.Start, l.End)
		return
	}
	f.scalar(l)
	v := assignment.Value{Start: l.Start, End: l.End}
	if f.plan.vault && f.names.Path(l.Path) < lexicon.Likely && lexicon.IsUnnamed(l.Path[len(l.Path)-1]) {
		f.judge(v, lexicon.Likely)
		return
	}
	if is, only := lexicon.ListName(l.Path); is {
		v.Doubt = !only
		f.judge(v, lexicon.Likely)
		return
	}
	if isLogins(l.Path[len(l.Path)-1]) && f.loginsIn(l.Span) {
		return
	}
	if c := f.names.Path(l.Path); c != lexicon.None {
		f.judge(v, c)
	}
}

// lineLeaf judges a value that a line rule may have seen already: only what a
// line does not tell, the declared paths and values over several lines.
func (f *finder) lineLeaf(l syntax.Leaf) {
	if f.declared(l.Path) {
		f.declaredLeaf(l)
		return
	}
	if c := f.names.Path(l.Path); c >= lexicon.Likely && (l.Extent == syntax.Lines || f.inStore(l.Path)) {
		f.judge(assignment.Value{Start: l.Start, End: l.End}, c)
		return
	}
	if f.plan.vault && l.Extent == syntax.Line && f.names.Path(l.Path) < lexicon.Likely && lexicon.IsUnnamed(l.Path[len(l.Path)-1]) {
		f.judge(assignment.Value{Start: l.Start, End: l.End}, lexicon.Likely)
		return
	}
	if isLogins(l.Path[len(l.Path)-1]) && f.loginsIn(l.Span) {
		return
	}
	if _, only := lexicon.ListName(l.Path); only && f.plan.Format == "ini" {
		f.leaf(l)
	}
}

// inStore says whether a value stands in a section of secrets of an ini file under
// a name that does not tell, so that a line alone does not show what it is.
func (f *finder) inStore(path []string) bool {
	return (f.plan.Format == "ini" || f.plan.Format == "conf" || f.plan.Format == "") && f.names.Class([]byte(path[len(path)-1])) != lexicon.Strong
}

func (f *finder) declared(path []string) bool {
	if len(f.plan.paths) == 0 {
		return false
	}
	low := make([]string, 0, len(path))
	for _, p := range path {
		low = append(low, strings.Split(strings.ToLower(p), ".")...)
	}
	for _, p := range f.plan.paths {
		if p.Matches(low) {
			return true
		}
	}
	return false
}

// isCount says whether a value of a declared path is a number under a name that is
// about secrets: MAX_OUTPUT_TOKENS, API_KEY_TTL. The catalogue declares whole
// environments by a part of the name, or by no name; so are the switches among
// them.
func (f *finder) isCount(l syntax.Leaf) bool {
	own, content := l.Path[len(l.Path)-1], f.text[l.Start:l.End]
	low := strings.ToLower(own)
	if lexicon.IsTyped(content) && strings.HasSuffix(low, "tokens") {
		return true
	}
	return lexicon.IsTyped(content) && f.names.Class([]byte(own)) == lexicon.None && (strings.Contains(low, "token") || strings.Contains(low, "key") || isEnvironmentOf(l.Path)) ||
		isEnvironmentOf(l.Path) && f.names.Class([]byte(own)) == lexicon.None && isWordy(content)
}

// isEnvironmentOf says whether a value stands in the environment or the headers of
// a server that an assistant starts.
func isEnvironmentOf(path []string) bool {
	if len(path) < 2 {
		return false
	}
	parent := strings.ToLower(path[len(path)-2])
	return parent == "env" || parent == "headers"
}

// isWordy says whether a value is one ordinary word: a level, a mode, a type of
// content.
func isWordy(v []byte) bool {
	for _, c := range v {
		if !ascii.IsLower(c) && c != '/' && c != '-' && c != '_' {
			return false
		}
	}
	return notions.Levels[string(v)] || bytes.Contains(v, []byte("/"))
}

// declaredLeaf masks a value the catalogue calls secret: also a number or an
// ordinary word, but no reference.
func (f *finder) declaredLeaf(l syntax.Leaf) {
	content := f.text[l.Start:l.End]
	if n := lexicon.SchemeLen(content); n > 0 {
		l.Start += n
		content = content[n:]
	}
	if !lexicon.IsPlain(content) {
		f.add(l.Start, l.End)
	}
}

// pair judges the value of a name/value pair, and of an XML element that an
// attribute names.
func (f *finder) pair(l syntax.Leaf) {
	f.judgeNamed(l.Pair.Value, l.Pair.Name)
	f.judgeNamed(l.Span, l.Named)
}

func (f *finder) judgeNamed(s syntax.Span, name string) {
	if name == "" || s.Start >= s.End {
		return
	}
	if c := f.names.Class([]byte(name)); c != lexicon.None {
		f.judge(assignment.Value{Start: s.Start, End: s.End}, c)
	}
}

// manifest remembers the data of a document that may turn out to be a
// Kubernetes Secret.
type manifest struct {
	document int
	secret   bool
	data     []syntax.Span
}

// observe feeds one leaf of a document.
func (f *finder) observe(m *manifest, l syntax.Leaf) {
	switch f.plan.Format {
	case "yaml", "json", "jsonc":
	default:
		return
	}
	if l.Document != m.document {
		f.settleManifest(m)
		m.document = l.Document
	}
	own := l.Path[len(l.Path)-1]
	if own == "kind" {
		m.secret = m.secret || string(f.text[l.Start:l.End]) == "Secret"
		return
	}
	if n := len(l.Path); n >= 2 && (l.Path[n-2] == "data" || l.Path[n-2] == "stringData") {
		m.data = append(m.data, l.Span)
	}
}

// settleManifest masks the data if the document was a Secret.
func (f *finder) settleManifest(m *manifest) {
	for _, s := range m.data {
		if m.secret && !lexicon.IsPlain(f.text[s.Start:s.End]) {
			f.add(s.Start, s.End)
		}
	}
	*m = manifest{}
}
