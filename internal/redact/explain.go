package redact

import (
	"bytes"
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/stele-log/stele/internal/redact/harmless"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// Judgement says of one value of a text whether it is masked, and why. The value
// itself is not told.
type Judgement struct {
	Line   int    `json:"line"`
	Key    string `json:"key,omitempty"` // key path, where the text has one there
	Masked bool   `json:"masked"`
	Why    string `json:"why"`
}

// reason is why a finder masks a span.
type reason struct {
	Span
	why string
}

// why says in the words of docs/redaction.md what each kind of trigger finds.
var why = map[kind]string{
	kindName: "name of a secret", kindMark: "masked before", kindURL: "password or token in a URL", kindDial: "password in a data source name",
	kindPEM: "private key block", kindCrypt: "password hash", kindToken: "token with the prefix of its issuer", kindBasic: "credentials of Basic authentication",
	kindTool: "argument of a command", kindOutput: "output to a database", kindPuTTY: "private key of PuTTY", kindPuTTYMAC: "private key of PuTTY",
	kindSQL: "password in an SQL statement", kindAccount: "account of a login module", kindPiped: "secret from a pipe", kindVault: "encrypted variable",
	kindUser: "password of an account", kindHere: "string given to a program", kindClear: "password in clear",
	kindCall: "argument of a function", kindSend: "answer to a prompt",
	kindMailbox: "password of an account at a host", kindThin: "password in an address of Oracle", kindIdentify: "password for a service of names",
}

// Explain tells of each value of a configuration, in its order, whether
// [Redactor.Text] masks it, and why.
func (r *Redactor) Explain(raw []byte, src Source) []Judgement {
	v, is := look(raw)
	switch {
	case len(raw) == 0:
		return nil
	case src.Opaque:
		return []Judgement{{Line: 1, Masked: true, Why: "file declared secret"}}
	case !is:
		return []Judgement{{Line: 1, Masked: true, Why: "no text"}}
	}
	p := newPlan(src)
	p.vault = notions.IsVaultFile(src.Path, v.text)
	spans, _ := r.settle(v.text, p)
	f := newFinder(r.search, v.text, p, &harmless.Text{Names: lexicon.NewNames()})
	f.find()
	e := explanation{text: v.text, line: 1, names: f.names}
	e.masked(spans, f.reasons)
	if e.shown(spans, p) {
		for i := range e.all {
			e.all[i].Key = r.String(e.all[i].Key)
		}
	}
	return e.all
}

// explanation gathers judgements.
type explanation struct {
	text     []byte
	all      []Judgement
	names    *lexicon.Names
	at, line int
}

// lineOf counts lines; positions come in rising order.
func (e *explanation) lineOf(pos int) int {
	if pos < e.at {
		e.at, e.line = 0, 1
	}
	e.line += bytes.Count(e.text[e.at:pos], []byte("\n"))
	e.at = pos
	return e.line
}

func (e *explanation) masked(spans []Span, reasons []reason) {
	of := reasonsOf(spans, reasons)
	for i, s := range spans {
		e.all = append(e.all, Judgement{Line: e.lineOf(s.Start), Masked: true, Why: cmp.Or(of[i], "what stands beside a masked value")})
	}
}

// reasonsOf are the first reasons that overlap each of some spans, which are sorted
// and apart; "": none does. Texts with very many of both are sent by whoever likes.
func reasonsOf(spans []Span, reasons []reason) []string {
	of := make([]string, len(spans))
	next := make([]int, len(spans)+1) // from a span on, a step towards the first without a reason
	for i := range next {
		next[i] = i
	}
	open := func(i int) int {
		for next[i] != i {
			next[i] = next[next[i]]
			i = next[i]
		}
		return i
	}
	for _, r := range reasons {
		first := sort.Search(len(spans), func(i int) bool { return spans[i].End > r.Start })
		for i := open(first); i < len(spans) && spans[i].Start < r.End; i = open(i) {
			of[i], next[i] = r.why, i+1
		}
	}
	return of
}

// shown adds the values that no span covers, and the key paths of those that one
// does. It reports whether a span covers none: a key may hold what that masks.
func (e *explanation) shown(spans []Span, p plan) (beside bool) {
	masked := e.all
	e.all = nil
	next := 0
	t := syntax.Text{Bytes: e.text, Format: p.Format}
	for l := range t.Leaves() {
		for next < len(spans) && spans[next].End <= l.Start {
			e.all = append(e.all, masked[next])
			next++
		}
		key := strings.Join(l.Path, ".")
		if next < len(spans) && spans[next].Start < l.End {
			masked[next].Key = key
			continue
		}
		if l.End > l.Start {
			e.all = append(e.all, Judgement{Line: e.lineOf(l.Start), Key: key, Why: e.harmless(l)})
		}
	}
	e.all = append(e.all, masked[min(next, len(masked)):]...)
	return slices.ContainsFunc(masked, func(j Judgement) bool { return j.Key == "" })
}

// harmless says what tells that a value is no secret.
func (e *explanation) harmless(l syntax.Leaf) string {
	v := e.text[l.Start:l.End]
	switch {
	case lexicon.IsPlain(v):
		return "reference, path, switch or placeholder"
	case lexicon.IsTyped(v):
		return "number, duration, size or address"
	case e.names.Path(l.Path) == lexicon.Weak:
		return "ordinary word under a doubtful name"
	case e.names.Path(l.Path) != lexicon.None:
		return "example"
	}
	return "name that tells of no secret, value that looks like none"
}
