package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// blockBelow finds the block scalar that the sign at at announces, as in YAML: the
// lines indented deeper than the current one. In a text known to be YAML the walk
// reads it. Blocks can stand in each other; what lies in too many is unsure, and
// taken to the end of the text.
func (r *Reader) blockBelow(l *Line, at int, c lexicon.Suspicion) (Value, bool) {
	if r.form.Prose || r.form.Bare || r.form.Format == "yaml" || c != lexicon.Strong || r.text[at] != '|' && r.text[at] != '>' || !isBlockSign(syntax.BeforeComment(r.text[at:l.End])) {
		return Value{}, false
	}
	if r.blocks > maxBlocks*len(r.text) {
		return Value{Start: at, End: len(r.text), Unsure: true}, true
	}
	v := Value{Start: -1}
	for next, col := l.End+1, syntax.Indent(r.text[l.Start:l.End]); next < len(r.text); {
		line, after := syntax.LineAt(r.text, next)
		if line.Start < line.End && line.Start-next <= col {
			break
		}
		if line.Start < line.End {
			if v.Start < 0 {
				v.Start = line.Start
			}
			v.End = line.End
		}
		r.blocks += after - next
		next = after
	}
	return v, v.Start >= 0
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
