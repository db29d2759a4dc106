package body

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrNotCanonical says that bytes are not a body: not canonical JSON, or a
// known field of another type than it should have.
var ErrNotCanonical = errors.New("not a canonical body")

const (
	maxDepth   = 32
	maxInteger = 1<<53 - 1
	maxDigits  = len("9007199254740991")
)

// Canonical reports whether b is a body: an object in canonical form.
func Canonical(b []byte) bool { return check(b) == nil }

func check(b []byte) error {
	r := newReader(b)
	r.skip(1)
	return r.end()
}

// reader takes canonical JSON apart. The first error sticks. The strings it
// returns are parts of s wherever they can be, so that a body costs one
// allocation and not one for each of its strings.
type reader struct {
	s   string
	i   int
	bad error
}

// newReader begins to read a body. What is not UTF-8 cannot stand outside of
// strings, and need not be looked for in each of them.
func newReader(b []byte) *reader {
	r := &reader{s: string(b)}
	switch {
	case r.peek() != '{':
		r.fail("not an object")
	case !utf8.ValidString(r.s):
		r.fail("not UTF-8")
	}
	return r
}

func (r *reader) end() error {
	if r.bad == nil && r.i != len(r.s) {
		r.fail("bytes after the object")
	}
	return r.bad
}

func (r *reader) fail(why string) {
	if r.bad == nil {
		r.bad = fmt.Errorf("%w: byte %d: %s", ErrNotCanonical, r.i, why)
	}
	r.i = len(r.s)
}

func (r *reader) peek() byte {
	if r.i < len(r.s) {
		return r.s[r.i]
	}
	return 0
}

func (r *reader) take(c byte) bool {
	if r.i < len(r.s) && r.s[r.i] == c {
		r.i++
		return true
	}
	return false
}

// skip passes over a value.
func (r *reader) skip(depth int) {
	switch c := r.peek(); {
	case depth > maxDepth:
		r.fail("nested too deep")
	case c == '{':
		r.i++
		name := ""
		for n := 0; r.another(n, '}'); n++ {
			name = r.name(n, name)
			r.skip(depth + 1)
		}
	case c == '[':
		r.i++
		for n := 0; r.another(n, ']'); n++ {
			r.skip(depth + 1)
		}
	case c == '"':
		r.text()
	case c == '-' || isDigit(c):
		r.number()
	case !r.literal("true") && !r.literal("false") && !r.literal("null"):
		r.fail("not a value")
	}
}

// another reports whether an object or array, of which n members were read, has
// one more, and reads what stands before that or ends the whole.
func (r *reader) another(n int, end byte) bool {
	switch {
	case r.bad != nil || r.take(end):
		return false
	case n > 0 && !r.take(','):
		r.fail("want a comma or the end")
		return false
	}
	return true
}

// name reads the n-th name of an object, which the name last must stand before,
// and the colon.
func (r *reader) name(n int, last string) string {
	if r.peek() != '"' {
		r.fail("want a name")
		return ""
	}
	name := r.text()
	if n > 0 && !ascends(last, name) {
		r.fail("names do not ascend")
	}
	if r.bad == nil && !r.take(':') {
		r.fail("want a colon")
	}
	return name
}

func ascends(a, b string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] >= 0x80 || b[i] >= 0x80 {
			return compareUTF16(a, b) < 0
		}
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return len(a) < len(b)
}

// compareUTF16 orders names by UTF-16 code units, as RFC 8785 section 3.2.3 asks.
func compareUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func (r *reader) literal(word string) bool {
	if !strings.HasPrefix(r.s[r.i:], word) {
		return false
	}
	r.i += len(word)
	return true
}

// number takes an integer in its shortest form.
func (r *reader) number() (n int64) {
	minus := r.take('-')
	first := r.i
	for ; isDigit(r.peek()) && r.i-first <= maxDigits; r.i++ {
		n = 10*n + int64(r.peek()-'0')
	}
	digits := r.s[first:r.i]
	if digits == "" || digits[0] == '0' && (minus || len(digits) > 1) || n > maxInteger {
		r.fail("not an integer below 2^53 in its shortest form")
	}
	if minus {
		return -n
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// text takes a string in which only what must be escaped is.
func (r *reader) text() string {
	r.i++
	rest := r.s[r.i:]
	for i := range len(rest) {
		if c := rest[i]; c < 0x20 || c == '"' || c == '\\' {
			r.i += i
			if r.take('"') {
				return rest[:i]
			}
			return r.escaped([]byte(rest[:i]))
		}
	}
	r.fail("string without an end")
	return ""
}

// escaped goes on with a string from its first escape.
func (r *reader) escaped(s []byte) string {
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '"':
			r.i++
			return string(s)
		case c == '\\':
			s = append(s, r.escape())
		case c < 0x20:
			r.fail("control character in a string")
		default:
			s = append(s, c)
			r.i++
		}
	}
	r.fail("string without an end")
	return ""
}

// escape takes the escape of a character that has to be, in its one spelling.
func (r *reader) escape() byte {
	rest := r.s[r.i:]
	n := 2
	if strings.HasPrefix(rest, `\u`) {
		n = 6
	}
	if len(rest) >= n {
		if c, ok := unescape(rest[:n]); ok {
			r.i += n
			return c
		}
	}
	r.fail("escape that is not the shortest")
	return 0
}

const (
	escapes = "btn?fr" // of 0x08 to 0x0d
	hexits  = "0123456789abcdef"
)

// unescape is what an escape stands for, if it is the one that appendString
// makes.
func unescape(s string) (c byte, ok bool) {
	switch i := strings.IndexByte(escapes, s[1]); {
	case s[1] == 'u':
		c = byte(strings.IndexByte(hexits, s[4])<<4 | strings.IndexByte(hexits, s[5]))
	case i >= 0:
		c = byte(8 + i)
	default:
		c = s[1]
	}
	var room [6]byte
	return c, string(appendEscape(room[:0], c)) == s
}

// appendString renders a string; bytes that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			b = appendEscape(append(b, s[from:i]...), c)
			from = i + 1
		}
	}
	return append(append(b, s[from:]...), '"')
}

// appendEscape renders a character that cannot stand for itself.
func appendEscape(b []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c >= 0x08 && c <= 0x0d && c != 0x0b:
		return append(b, '\\', escapes[c-8])
	case c < 0x20:
		return append(b, '\\', 'u', '0', '0', hexits[c>>4], hexits[c&15])
	}
	return append(b, c)
}
