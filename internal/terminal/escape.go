// Package terminal prints to people: recorded text is hostile and must not
// steer the terminal it is shown on.
package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns s for one line of a terminal. Whatever would not print as
// itself, line breaks included, is shown as an escape a reader recognises:
// \n, \x1b, \u202e.
func Escape(s string) string { return escape(s, false) }

// EscapeText is Escape for text of several lines: line feeds and tabs stay.
func EscapeText(s string) string { return escape(s, true) }

func escape(s string, lines bool) string {
	if plain(s, lines) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case lines && (r == '\n' || r == '\t'), printable(r):
			b.WriteString(s[i : i+size])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return b.String()
}

func plain(s string, lines bool) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x7f || c < 0x20 && !(lines && (c == '\n' || c == '\t')) {
			return false
		}
	}
	return true
}

// printable leaves out control, format (bidirectional overrides, zero-width
// characters), private-use and unassigned characters and odd spaces.
func printable(r rune) bool { return unicode.IsPrint(r) }
