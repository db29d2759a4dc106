package ascii

import (
	"testing"
	"unicode"
)

// Package unicode says the same of the first 128 characters, and of those beyond
// this package says nothing.
func TestClasses(t *testing.T) {
	for _, class := range []struct {
		name string
		is   func(byte) bool
		want func(rune) bool
	}{
		{"upper", IsUpper, unicode.IsUpper},
		{"lower", IsLower, unicode.IsLower},
		{"digit", IsDigit, unicode.IsDigit},
		{"letter", IsLetter, unicode.IsLetter},
		{"alnum", IsAlnum, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }},
		{"space", IsSpace, unicode.IsSpace},
		{"hex", IsHex, func(r rune) bool { return unicode.Is(unicode.ASCII_Hex_Digit, r) }},
	} {
		for c := range 256 {
			if want := c < 128 && class.want(rune(c)); class.is(byte(c)) != want {
				t.Errorf("%s: %q is %v", class.name, rune(c), !want)
			}
		}
	}
	for v, want := range map[string]bool{"": false, "0": true, "0123456789": true, "1a": false, "-1": false} {
		if IsNumber([]byte(v)) != want {
			t.Errorf("%q is a number: %v", v, !want)
		}
	}
}
