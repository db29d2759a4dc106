// Package redact masks secrets in configuration texts, command lines and prose
// before they leave the host.
//
// It denies by default, by the one rule of docs/redaction.md: the value of a key
// that names a secret is masked unless it is plainly something else (a reference, a
// path, a boolean, a placeholder), and what has the shape or the place of a secret
// is masked whatever it is called. Two readers work on one text: a scan for trigger words that needs no syntax and so also
// works on templates and broken files, and the leaves that package syntax yields,
// which have a key path, values over several lines and the agent's own secret
// paths. What either finds is masked.
//
// A text in UTF-8 or in UTF-16 with a byte order mark is looked into without the
// mark and decoded. What holds a NUL byte otherwise is not text and masked whole.
//
// P2: behind this package nothing has seen a secret in the clear.
//
// It promises that bytes outside the masked spans come back as they were, that
// there is one fingerprint for each [Mark] in the result, that redacting twice
// changes nothing, and that the time taken grows linearly with the text. It
// never expands aliases and never fails.
//
// What a text keeps secret is secret in the command that wrote it, too: it is found
// there by its fingerprint ([Redactor.Known]).
//
// It does not recognise a secret that has neither a telling name nor a telling
// shape nor a declared path, and it does not judge whether a file is valid.
package redact

import (
	"bytes"
	"slices"

	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/fingerprint"
	"github.com/stele-log/stele/internal/redact/harmless"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
)

// Mark is what stands in a text wherever a secret stood. It is the same
// everywhere, so that equal configurations stay equal across a fleet.
const Mark = lexicon.Mark

// maxRounds bounds how often a text is read again after masking.
const maxRounds = 6

// Key is the key of a host under which fingerprints are made.
type Key = fingerprint.Key

// NewKey returns the key with the given 32 bytes.
func NewKey(b []byte) (Key, error) { return fingerprint.NewKey(b) }

// Config is what a Redactor is made from.
type Config struct {
	Key Key // makes fingerprints; never leaves the host
}

// Redactor masks secrets. It is safe for concurrent use.
type Redactor struct {
	key    Key
	search *searcher
	known  fingerprint.Known
}

// New returns a Redactor that makes fingerprints under the key of cfg.
func New(cfg Config) *Redactor {
	return &Redactor{key: cfg.Key, search: shared()}
}

// Source says what is known about a text, usually by the catalogue.
type Source struct {
	// Format names the syntax: yaml, toml, json, jsonc, ini, conf, sshd, sudoers,
	// crontab, rsyslog, xml, env or rules. Any other value, and the empty one,
	// means unknown: such a text is read without a syntax.
	Format string
	// Path is the name of the file, which may tell what it holds: a table of
	// passwords, or one secret. It may be empty.
	Path string
	// SecretPaths are the agent's keys that hold secrets, such as
	// remote_write[].basic_auth.password or outputs.*.(token|password). A * that
	// stands alone matches one or more names, inside a name any characters.
	// List items have no name: [] may be written or left out. Whatever lies
	// below a matching key is secret too.
	SecretPaths []string
	// Opaque says that the whole content is secret, as a key file's is.
	Opaque bool
}

// Span is a range of bytes, from Start up to but not including End.
type Span struct{ Start, End int }

// Result is a text without its secrets.
type Result struct {
	Text         []byte
	Fingerprints []string // one for each Mark in Text, in order
	Spans        []Span   // what was masked, in bytes of the input, in order
	Unparsed     bool     // the syntax is unknown or was not followed: read without it
	Binary       bool     // the input is not text: it was masked as a whole
}

// Text masks the secrets in a configuration. It never fails: where it is unsure
// it masks the whole value, and a binary as a whole. What it masked is known to
// [Redactor.Known] from then on.
func (r *Redactor) Text(raw []byte, src Source) Result {
	res := r.text(raw, src)
	r.Remember(res.Fingerprints)
	return res
}

func (r *Redactor) text(raw []byte, src Source) Result {
	if src.Opaque && len(raw) > 0 {
		return r.mask(raw, []Span{{0, len(raw)}})
	}
	v, is := look(raw)
	if !is {
		return r.whole(raw)
	}
	p := newPlan(src)
	p.vault = notions.IsVaultFile(src.Path, v.text)
	spans, parsed := r.settle(v.text, p)
	res := r.mask(raw, v.origin(spans))
	res.Unparsed = !parsed
	if v.units != nil && bytes.Count(res.Text, []byte(Mark)) != len(res.Fingerprints) {
		return r.whole(raw) // bytes of two characters that read like a mark
	}
	return res
}

// whole masks what is not text.
func (r *Redactor) whole(raw []byte) Result {
	res := r.mask(raw, []Span{{0, len(raw)}})
	res.Binary, res.Unparsed = true, true
	return res
}

// String masks the secrets in prose: reasons, commit messages.
func (r *Redactor) String(s string) string {
	spans, _ := r.settle([]byte(s), plan{Form: assignment.Form{Prose: true}})
	return string(r.mask([]byte(s), spans).Text)
}

// Remember makes secrets known by their fingerprints, as [Result] has them. Those
// of a text that [Redactor.Text] reads are known from then on.
func (r *Redactor) Remember(fingerprints []string) { r.known.Add(fingerprints) }

// Known masks in s what a text that was read before keeps secret: in
// sed -i s/old/new/ nothing looks like a password, and both are. It finds a secret
// that begins and ends where letters and digits do, or where s does.
func (r *Redactor) Known(s string) string { return r.known.Mask(r.key, s) }

// settle finds the spans to mask. Masking one secret can change how its
// surroundings read, so the masked text is read again until nothing more is
// found; that is what makes redaction idempotent.
func (r *Redactor) settle(raw []byte, p plan) (spans []Span, parsed bool) {
	parsed = true
	values := &harmless.Text{Names: lexicon.NewNames()}
	for round := range maxRounds {
		text, marks := substitute(raw, spans)
		f := newFinder(r.search, text, p, values)
		found := f.find()
		parsed = parsed && (round > 0 || f.parsed)
		if slices.Equal(found, marks) {
			return spans, parsed
		}
		spans = original(spans, marks, found)
	}
	return []Span{{0, len(raw)}}, parsed
}

// original translates spans of a masked text, in which marks stand for spans,
// into spans of the text before it was masked.
func original(spans, marks, found []Span) []Span {
	out := make([]Span, 0, len(found))
	shift, next := 0, 0
	for _, s := range found {
		for next < len(marks) && marks[next].End <= s.Start {
			shift = spans[next].End - marks[next].End
			next++
		}
		start := s.Start + shift
		if next < len(marks) && marks[next].Start <= s.Start {
			start = spans[next].Start
		}
		for next < len(marks) && marks[next].End <= s.End {
			shift = spans[next].End - marks[next].End
			next++
		}
		out = append(out, Span{start, s.End + shift})
	}
	return out
}

// substitute puts the mark in place of each span and says where the marks
// stand.
func substitute(raw []byte, spans []Span) (text []byte, marks []Span) {
	if len(spans) == 0 {
		return raw, nil
	}
	text = make([]byte, 0, len(raw)+len(spans)*len(Mark))
	marks = make([]Span, 0, len(spans))
	at := 0
	for _, s := range spans {
		text = append(text, raw[at:s.Start]...)
		marks = append(marks, Span{len(text), len(text) + len(Mark)})
		text = append(text, Mark...)
		at = s.End
	}
	return append(text, raw[at:]...), marks
}

// mask builds the result for spans that are sorted and do not overlap.
func (r *Redactor) mask(raw []byte, spans []Span) Result {
	text, _ := substitute(raw, spans)
	if len(spans) == 0 {
		text = bytes.Clone(text)
	}
	secrets := make([][]byte, 0, len(spans))
	for _, s := range spans {
		secrets = append(secrets, raw[s.Start:s.End])
	}
	return Result{Text: text, Fingerprints: r.key.Of(secrets...), Spans: spans}
}

// union sorts spans and joins those that overlap.
func union(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return a.End - b.End
	})
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	return out
}
