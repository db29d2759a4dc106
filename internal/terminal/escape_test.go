package terminal

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain":          "plain",
		"naïve «x» 日本":   "naïve «x» 日本",
		"a\nb\tc\rd":     `a\nb\tc\rd`,
		"\x1b[31mred":    `\x1b[31mred`,
		"nul\x00":        `nul\x00`,
		"\u202egnp.exe":  `\u202egnp.exe`,
		"zero\u200bwide": `zero\u200bwide`,
		"bad\xff":        `bad\xff`,
		"c1\u009b":       `c1\u009b`,
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
	if got := EscapeText("a\n\tb\x1b"); got != "a\n\tb"+`\x1b` {
		t.Errorf("EscapeText keeps lines: %q", got)
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b]0;x\a\u2066")
	f.Fuzz(func(t *testing.T, s string) {
		out := Escape(s)
		if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q becomes %q", s, out)
		}
	})
}
