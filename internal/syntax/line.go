package syntax

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
)

// LineAt returns the content of the line that begins at at, without the white
// space around it, and where the next line begins.
func LineAt(text []byte, at int) (content Span, next int) {
	stop := at + bytes.IndexByte(text[at:], '\n')
	if stop < at {
		stop = len(text)
	}
	return Trim(text, Span{at, stop}), stop + 1
}

// Trim narrows a range to what is not white space.
func Trim(text []byte, s Span) Span {
	for s.Start < s.End && ascii.IsSpace(text[s.Start]) {
		s.Start++
	}
	for s.End > s.Start && ascii.IsSpace(text[s.End-1]) {
		s.End--
	}
	return s
}

// Blanks passes the blanks at at.
func Blanks(text []byte, at int) int {
	for at < len(text) && ascii.IsBlank(text[at]) {
		at++
	}
	return at
}

// Indent is how many spaces a line begins with.
func Indent(line []byte) int {
	return len(line) - len(bytes.TrimLeft(line, " "))
}

// BeforeComment is what stands before a comment on the same line.
func BeforeComment(v []byte) []byte {
	if i := bytes.Index(v, []byte(" #")); i >= 0 {
		v = v[:i]
	}
	return bytes.TrimRight(v, " \t")
}
