package syntax

import (
	"bytes"
	"strconv"
)

// keyName is the name of a key, with its escapes resolved as far as they hide
// letters: pass\u0077ord.
func keyName(raw []byte) string {
	name := raw[:min(len(raw), MaxName)]
	if bytes.IndexByte(name, '\\') < 0 {
		return string(name)
	}
	raw = raw[:min(len(raw), 10*MaxName)]
	out := make([]byte, 0, MaxName)
	for len(raw) > 0 && len(out) < MaxName {
		c, n := unescaped(raw)
		out = append(out, c)
		raw = raw[n:]
	}
	return string(out)
}

// escapeDigits says how many digits follow \x, \u and \U.
var escapeDigits = map[byte]int{'x': 2, 'u': 4, 'U': 8}

// unescaped reads one character of a string, and its length there. Only ASCII is
// resolved: no name that tells anything has other letters.
func unescaped(raw []byte) (c byte, n int) {
	if raw[0] != '\\' || len(raw) < 2 {
		return raw[0], 1
	}
	n = 2 + escapeDigits[raw[1]]
	if n == 2 || len(raw) < n {
		return raw[0], 1
	}
	code, err := strconv.ParseUint(string(raw[2:n]), 16, 32)
	if err != nil || code >= 0x80 {
		return raw[0], 1
	}
	return byte(code), n
}

// Quoted reads the quoted string at at, with one or three quotes; it returns
// its content and where reading goes on.
func Quoted(text []byte, at int) (content Span, next int) {
	q := text[at]
	if three := bytes.Repeat(text[at:at+1], 3); bytes.HasPrefix(text[at:], three) {
		start := at + 3
		if i := bytes.Index(text[start:], three); i >= 0 {
			return Span{start, start + i}, start + i + 3
		}
		return Span{start, len(text)}, len(text)
	}
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && q == '"':
			i++
		case text[i] == q && q == '\'' && i+1 < len(text) && text[i+1] == q:
			i++
		case text[i] == q:
			return Span{at + 1, i}, i + 1
		}
	}
	return Span{at + 1, len(text)}, len(text)
}
