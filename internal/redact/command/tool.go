package command

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/notions"
)

// tool is a program that takes secrets as arguments.
type tool notions.Tool

// toolFor returns the tool a word names, or nil.
func toolFor(w []byte, rest []Word) *tool {
	base := w[bytes.LastIndexByte(w, '/')+1:]
	if len(base) == 0 || len(base) > 64 || base[0] == '-' {
		return nil
	}
	for _, t := range tools[base[0]] {
		if bytes.HasPrefix(base, []byte(t.Prefix)) && (len(t.Prefix) > 3 || len(base) == len(t.Prefix) || ascii.IsDigit(base[len(t.Prefix)])) && !bytes.ContainsAny(base, "=:@") && (t.Needs == "" || contains(rest, t.Needs)) {
			return t
		}
	}
	return nil
}

// tools are those of the notions by the first byte of their names, in their order.
// Read only.
var tools = func() (by [256][]*tool) {
	for i := range notions.Tools {
		first := notions.Tools[i].Prefix[0]
		by[first] = append(by[first], (*tool)(&notions.Tools[i]))
	}
	return by
}()

func contains(ws []Word, s string) bool {
	for _, w := range ws[:min(len(ws), 64)] {
		if string(w.Text) == s {
			return true
		}
	}
	return false
}

// IsProgram says whether a word is the name of a program that takes secrets.
func IsProgram(w []byte) bool { return toolFor(w, nil) != nil }
