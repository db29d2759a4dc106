package command

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/syntax"
)

// Split splits a command line as a shell would; at is where it stands.
// Commas and brackets between quoted words, as in JSON, do not matter.
func Split(line []byte, at int) []Word {
	ws := make([]Word, 0, 4)
	for i := 0; i < len(line); {
		c := line[i]
		if ascii.IsSpace(c) || c == ',' || c == ')' || c == '(' || c == '!' || c == '\\' && IsLineBreak(line[i+1:]) {
			i++
			continue
		}
		start, end := i, i
		if shut := attachedQuote(line, i); shut > 0 {
			i, end = shut, shut
		} else if shut := braceWord(line, i); shut > 0 {
			start, end, i = i+1, shut, shut+1
		} else if c == '"' || c == '\'' {
			var s syntax.Span
			s, i = syntax.Quoted(line, i)
			start, end = s.Start, s.End
		} else {
			for i < len(line) && !ascii.IsSpace(line[i]) && line[i] != '"' && !bytes.HasPrefix(line[i:], []byte("!-")) {
				i++
			}
			if end = i; bytes.IndexByte(line[start:end], '[') < 0 {
				end = start + len(bytes.TrimRight(line[start:end], ",]")) // of a list without quotes
			}
			if i == start {
				i++
			}
		}
		ws = append(ws, Word{Text: line[start:end], Start: at + start})
	}
	return ws
}

// attachedQuote is where a short option with a quoted value behind it ends, as in
// -p'a b', or 0.
func attachedQuote(line []byte, at int) int {
	if at+3 >= len(line) || line[at] != '-' || !ascii.IsLetter(line[at+1]) || line[at+2] != '\'' && line[at+2] != '"' {
		return 0
	}
	s, next := syntax.Quoted(line, at+2)
	if s.End == next {
		return 0
	}
	return next
}

// maxBraces bounds how long a word in braces is.
const maxBraces = 128

// braceWord is where a word in braces ends, as Tcl has them, or 0.
func braceWord(line []byte, i int) int {
	if line[i] != '{' || i == 0 || i+2 >= len(line) || !ascii.IsAlnum(line[i+1]) {
		return 0
	}
	shut := bytes.IndexByte(line[i:min(len(line), i+maxBraces)], '}')
	if shut < 0 || i+shut+1 < len(line) && !ascii.IsSpace(line[i+shut+1]) || bytes.ContainsAny(line[i:i+shut], "=:\"'") {
		return 0
	}
	return i + shut
}

// IsLineBreak says whether v begins with the end of a line.
func IsLineBreak(v []byte) bool {
	return len(v) > 0 && (v[0] == '\n' || v[0] == '\r')
}
