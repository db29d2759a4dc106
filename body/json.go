package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrNotCanonical says that bytes are not a body: not canonical JSON, or a
// known field of another type than it should have.
var ErrNotCanonical = errors.New("not a canonical body")

const (
	maxDepth   = 32
	maxInteger = 1<<53 - 1
)

// Marshal renders a *[Who], *[Why], *[How] or *[What] as canonical JSON. Strings
// must be UTF-8.
func Marshal(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("render body: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("render body: %w", err)
	}
	b := appendCanonical(make([]byte, 0, len(plain)), tree)
	if _, err := parse(b); err != nil {
		return nil, fmt.Errorf("render body: %w", err)
	}
	return b, nil
}

func appendCanonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, compareUTF16)
		b = append(b, '{')
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, k), ':')
			b = appendCanonical(b, v[k])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCanonical(b, e)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	}
	return append(b, "null"...)
}

// compareUTF16 orders names by UTF-16 code units, as RFC 8785 section 3.2.3 asks.
func compareUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

const escapes = "btn?fr" // of 0x08 to 0x0d

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= 0x08 && c <= 0x0d && c != 0x0b:
			b = append(b, '\\', escapes[c-8])
		case c < 0x20:
			b = append(b, `\u00`...)
			b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// value is one JSON value. Members of an object keep their order.
type value struct {
	kind    byte // { [ " 0 t n: the first byte of its kind
	str     string
	num     int64
	flag    bool
	names   []string
	members []value // of an object, beside names, or of an array
}

// Canonical reports whether b is a body: an object in canonical form.
func Canonical(b []byte) bool {
	_, err := parse(b)
	return err == nil
}

func parse(b []byte) (value, error) {
	r := reader{b: b}
	if r.peek() != '{' {
		return value{}, fmt.Errorf("%w: not an object", ErrNotCanonical)
	}
	v := r.value(1)
	if r.bad == nil && r.i != len(b) {
		r.fail("bytes after the object")
	}
	if r.bad != nil {
		return value{}, r.bad
	}
	return v, nil
}

// reader takes canonical JSON apart. The first error sticks.
type reader struct {
	b   []byte
	i   int
	bad error
}

func (r *reader) fail(why string) {
	if r.bad == nil {
		r.bad = fmt.Errorf("%w: byte %d: %s", ErrNotCanonical, r.i, why)
	}
	r.i = len(r.b)
}

func (r *reader) peek() byte {
	if r.i < len(r.b) {
		return r.b[r.i]
	}
	return 0
}

func (r *reader) take(c byte) bool {
	if r.i < len(r.b) && r.b[r.i] == c {
		r.i++
		return true
	}
	return false
}

func (r *reader) value(depth int) value {
	if depth > maxDepth {
		r.fail("nested too deep")
		return value{}
	}
	switch c := r.peek(); {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case c == '"':
		return value{kind: '"', str: r.string()}
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for _, w := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(r.b[r.i:], []byte(w)) {
			r.i += len(w)
			if w == "null" {
				return value{kind: 'n'}
			}
			return value{kind: 't', flag: w == "true"}
		}
	}
	r.fail("not a value")
	return value{}
}

func (r *reader) object(depth int) value {
	v := value{kind: '{'}
	r.i++
	if r.take('}') {
		return v
	}
	v.names, v.members = make([]string, 0, 12), make([]value, 0, 12) // as many as most bodies have
	for r.bad == nil {
		if r.peek() != '"' {
			r.fail("want a name")
			break
		}
		name := r.string()
		if n := len(v.names); n > 0 && !ascends(v.names[n-1], name) {
			r.fail("names do not ascend")
			break
		}
		if !r.take(':') {
			r.fail("want a colon")
			break
		}
		v.names = append(v.names, name)
		v.members = append(v.members, r.value(depth+1))
		if r.take('}') {
			break
		}
		if !r.take(',') {
			r.fail("want a comma or the end of the object")
		}
	}
	return v
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

func (r *reader) array(depth int) value {
	v := value{kind: '['}
	r.i++
	if r.take(']') {
		return v
	}
	for r.bad == nil {
		v.members = append(v.members, r.value(depth+1))
		if r.take(']') {
			break
		}
		if !r.take(',') {
			r.fail("want a comma or the end of the array")
		}
	}
	return v
}

func (r *reader) number() value {
	start := r.i
	r.take('-')
	digits := r.i
	for r.peek() >= '0' && r.peek() <= '9' {
		r.i++
	}
	s := string(r.b[start:r.i])
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > maxInteger || n < -maxInteger || s == "-0" || (r.b[digits] == '0' && r.i > digits+1) {
		r.fail("not an integer below 2^53 in its shortest form")
	}
	return value{kind: '0', num: n}
}

// string takes a string in which only what must be escaped is.
func (r *reader) string() string {
	r.i++
	start := r.i
	for r.i < len(r.b) && r.b[r.i] != '"' && r.b[r.i] != '\\' && r.b[r.i] >= 0x20 {
		r.i++
	}
	s := string(r.b[start:r.i])
	if !r.take('"') {
		s = r.escaped([]byte(s))
	}
	if r.bad == nil && !utf8.ValidString(s) {
		r.fail("string is not UTF-8")
	}
	return s
}

// escaped goes on with a string from its first escape.
func (r *reader) escaped(s []byte) string {
	for r.i < len(r.b) {
		c := r.b[r.i]
		switch {
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

func (r *reader) escape() byte {
	rest := r.b[r.i:]
	if len(rest) >= 6 && rest[1] == 'u' {
		for c := range byte(0x20) {
			if want := appendString(nil, string([]byte{c})); bytes.Equal(rest[:6], want[1:len(want)-1]) {
				r.i += 6
				return c
			}
		}
	} else if len(rest) >= 2 {
		switch c := rest[1]; c {
		case '"', '\\':
			r.i += 2
			return c
		case 'b', 't', 'n', 'f', 'r':
			r.i += 2
			return byte(8 + bytes.IndexByte([]byte(escapes), c))
		}
	}
	r.fail("escape that is not the shortest")
	return 0
}
