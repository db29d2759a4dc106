package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/redact/harmless"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// In a text that holds a secret, a value that nothing shows to be harmless may be one
// as well: there it is masked.

// maxStrict bounds how many lines a text has of which every value is judged: longer
// ones are manuals and lists, in which a secret says little about what is far away.
const maxStrict = 400

// strict masks what is not known to be harmless in a text of which something is
// masked already.
func (f *finder) strict() {
	if f.plan.Prose || f.plan.Bare || f.plan.Shell || f.plan.Format == "markdown" || bytes.Count(f.text, []byte("\n")) > maxStrict {
		return
	}
	f.spans = union(f.spans)
	f.telling = notions.TellsOfAccounts(f.plan.path)
	if len(f.spans) == 0 && !f.strong && !f.telling && !f.isRows() {
		return
	}
	f.rule = harmless.Unknown.String()
	for _, s := range f.suspects() {
		f.add(s.Start, s.End)
	}
}

// isRows says whether the first lines of a text are rows whose fields stand between
// colons.
func (f *finder) isRows() bool {
	rows, lines := 0, 0
	for line := range bytes.Lines(f.text[:min(len(f.text), 4096)]) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		lines++
		if w := line[:len(line)-len(bytes.TrimLeft(line, " "))+len(firstWord(line))]; bytes.Count(w, []byte(":")) > 1 && !bytes.Contains(w, []byte("::1")) {
			rows++
		}
	}
	return rows > 1 && rows*4 > lines
}

// suspects are the values of which nothing says that they are harmless: all of them,
// or those beside the name of a secret.
func (f *finder) suspects() (found []syntax.Span) {
	f.values.Bytes, f.values.Path, f.values.XML, f.values.Masked = f.text, f.plan.path, harmless.IsXML(f.text, f.plan.Format), f.isMasked
	f.values.Judge(func(v harmless.Verdict) {
		if v.Why == harmless.Unknown && !f.isMasked(v.Span) && f.judges(&v) {
			found = append(found, v.Span)
		}
	})
	return found
}

// isMasked says whether a part of a value is masked.
func (f *finder) isMasked(s syntax.Span) bool {
	i := f.spanAfter(s.Start)
	return i < len(f.spans) && f.spans[i].Start < s.End
}

// judges says whether a value is judged that is not known to be harmless: beside a
// secret it is, and in a file whose name tells of accounts.
func (f *finder) judges(v *harmless.Verdict) bool {
	if v.Comment {
		return f.live
	}
	return len(f.spans) > 0 || f.telling || v.Row || f.isNamed(v)
}

// isNamed says whether the name of a secret stands before a value.
func (f *finder) isNamed(v *harmless.Verdict) bool {
	name := v.Name
	if name == nil {
		name = v.Lead
	}
	return !v.Comment && name != nil && f.names.Class(name[:min(len(name), syntax.MaxName)]) >= lexicon.Strong
}
