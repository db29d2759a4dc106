package tree

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapes are the escapes of one letter in strings of JSON and TOML.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'e': 0x1b}

// unescape resolves the escapes of a string.
func unescape(s string) (string, bool) {
	at := strings.IndexByte(s, '\\')
	if at < 0 {
		return s, true
	}
	var b strings.Builder
	for at >= 0 {
		b.WriteString(s[:at])
		s = s[at:]
		if len(s) < 2 {
			return "", false
		}
		n := 2
		if c, ok := escapes[s[1]]; ok {
			b.WriteByte(c)
		} else if n = escapedRune(&b, s); n == 0 {
			return "", false
		}
		s = s[n:]
		at = strings.IndexByte(s, '\\')
	}
	b.WriteString(s)
	return b.String(), true
}

// escapedRune writes the character that \u or \U at the start of s names, and returns
// the length of that; 0: none. A pair of surrogates is one character.
func escapedRune(b *strings.Builder, s string) int {
	length := map[byte]int{'x': 4, 'u': 6, 'U': 10}[s[1]]
	r, ok := hexRune(s, length)
	if !ok {
		return 0
	}
	if utf16.IsSurrogate(r) && strings.HasPrefix(s[length:], `\u`) {
		if low, ok := hexRune(s[length:], 6); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				b.WriteRune(pair)
				return length + 6
			}
		}
	}
	if utf16.IsSurrogate(r) {
		b.WriteString(s[:length]) // alone it is no character: it stays as it is written
		return length
	}
	b.WriteRune(r)
	return length
}

func hexRune(s string, length int) (rune, bool) {
	if length == 0 || len(s) < length {
		return 0, false
	}
	code, err := strconv.ParseUint(s[2:length], 16, 31)
	return rune(code), err == nil
}
