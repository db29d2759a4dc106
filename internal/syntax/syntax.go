// Package syntax walks configurations and yields their leaves: each value with
// the path of keys that leads to it and the bytes it takes.
//
// A walk is lenient: it wants to know which value belongs to which key, not
// whether the text is right, and it goes on behind what it does not understand
// (templates, broken files). [Text.Broken] says that something was not followed.
//
// It promises that the time taken grows linearly with the text, that a leaf lies
// within the text, and that no leaf is made up: what [Leaf] says stands there.
//
// It does not judge what a value means, does not resolve aliases, references or
// escapes of values, and does not decode: it reads UTF-8 without a byte order
// mark.
package syntax

import (
	"bytes"
	"iter"

	"github.com/stele-log/stele/internal/ascii"
)

// Bounds of what is remembered of a path.
const (
	// maxDepth is how many names of a key path are kept; what lies deeper is
	// known by its first maxDepth ancestors and its own name.
	maxDepth = 24
	// MaxName is how many bytes of a name are kept.
	MaxName = 128
)

// maxQuoted bounds how far a quote is followed over lines.
const maxQuoted = 8192

// Span is a range of bytes, from Start up to but not including End.
type Span struct{ Start, End int }

// empty: there is nothing in it.
func (s Span) empty() bool { return s.End <= s.Start }

// Leaf is a value and where it stands. Its path is never altered and may be
// kept.
type Leaf struct {
	Path     []string // names of its ancestors and its own; list items have none
	Span              // its content, without quotes
	Quoted   bool
	Extent   Extent
	Document int  // of YAML and JSON: which one of the text it belongs to, from 0
	Pair     Pair // the name/value pair that the leaf completes
	// Named is, of the text of an XML element, the name that an attribute of
	// the element gives it.
	Named string
}

// Extent says how the end of a leaf is known.
type Extent uint8

// Extents of leaves.
const (
	Marked Extent = iota // its syntax says where it begins and ends
	Line                 // the rest of a line, in a file made of lines
	Lines                // the same, and it goes on in the next lines
	Below                // one of the lines below a key, indented deeper
)

// Pair is a value whose name is itself a value, beside it in one map: name: x,
// value: y.
type Pair struct {
	Name  string
	Value Span // empty: there is no pair
}

// Text is a configuration to be walked.
type Text struct {
	Bytes []byte
	// Format is yaml, toml, json, jsonc, xml, or a format of lines: ini, conf,
	// sshd, sudoers, crontab, rsyslog, env, rules. Any other is unknown: such a
	// text is walked as lines, and before that as XML if it begins so.
	Format string
	Hints  Hints
	// Broken is set by a walk: the syntax is unknown or was not followed to the
	// end.
	Broken bool
}

// Hints answer what a text does not say about its own syntax. Each may be nil:
// no.
type Hints struct {
	// Foreign: the tag that rest begins with (!vault) says that the value behind
	// it, and what is indented deeper, is not what it reads. It is passed over.
	Foreign func(rest []byte) bool
	// Record: the line at a place is one of fields, without a key, and passed
	// over.
	Record func(at int, line []byte) bool
	// Indented: lines below the key that are indented deeper belong to its value.
	Indented func(path []string) bool
	// Open: the value of the key may be a quote that closes on a later line.
	Open func(path []string) bool
}

func (h *Hints) foreign(rest []byte) bool { return h.Foreign != nil && h.Foreign(rest) }

func (h *Hints) record(at int, line []byte) bool { return h.Record != nil && h.Record(at, line) }

func (h *Hints) indented(path []string) bool { return h.Indented != nil && h.Indented(path) }

func (h *Hints) open(path []string) bool { return h.Open != nil && h.Open(path) }

// Leaves walks the text.
func (t *Text) Leaves() iter.Seq[Leaf] {
	return func(yield func(Leaf) bool) {
		w := &walk{text: t.Bytes, hints: &t.Hints, yield: yield}
		t.Broken = !w.run(t.Format)
	}
}

// walk is one walk of a text.
type walk struct {
	text     []byte
	hints    *Hints
	yield    func(Leaf) bool
	done     bool // nobody wants more leaves
	document int
}

// run says whether the syntax is known and was followed to the end.
func (w *walk) run(format string) bool {
	switch format {
	case "yaml":
		return w.yaml()
	case "json", "jsonc":
		return w.json()
	case "toml":
		return w.toml()
	case "xml":
		return w.xml()
	case "ini", "conf", "sshd", "sudoers", "crontab", "rsyslog", "env", "rules":
		return w.lines(format)
	}
	if isMarkup(w.text) {
		w.xml()
	}
	w.lines(format)
	return false
}

// give yields a leaf, unless nobody wants more.
func (w *walk) give(l Leaf) {
	l.Document = w.document
	w.done = w.done || !w.yield(l)
}

// isMarkup says whether a text of unknown format begins as XML does.
func isMarkup(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 1 && text[0] == '<' && (ascii.IsLetter(text[1]) || text[1] == '?' || text[1] == '!')
}

// push adds a name to a path without sharing memory with other paths.
func push(path []string, name string) []string {
	if len(path) >= maxDepth {
		path = path[:maxDepth]
	}
	return append(path[:len(path):len(path)], name)
}
