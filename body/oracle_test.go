package body

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Unmarshal reads a body into a *[Who], *[Why], *[How] or *[What]. Names must
// match to the letter; unknown ones are passed over. The error is
// [ErrNotCanonical] in a chain that says where.
func oldUnmarshal(b []byte, into any) error {
	v, err := parse(b)
	if err != nil {
		return err
	}
	if err := decode(v, reflect.ValueOf(into).Elem()); err != nil {
		return err
	}
	if w, ok := into.(*What); ok {
		return w.oldCheck(v)
	}
	return nil
}

// check holds what the types of a What's fields do not say; v is what it was
// read from, in which an empty string differs from an absent one.
func (w *What) oldCheck(v value) error {
	if w.Action == "" {
		return fmt.Errorf("%w: no action", ErrNotCanonical)
	}
	if _, ok := v.member("after"); ok && !oldIsDigest(w.After) {
		return fmt.Errorf("%w: after is not a digest", ErrNotCanonical)
	}
	if before, ok := v.member("before"); ok {
		if _, ok := before.member("entry"); ok && !oldIsDigest(w.Before.Entry) {
			return fmt.Errorf("%w: before.entry is not a digest", ErrNotCanonical)
		}
	}
	return nil
}

// member returns a member of an object.
func (v value) member(name string) (value, bool) {
	if i := slices.Index(v.names, name); i >= 0 {
		return v.members[i], true
	}
	return value{}, false
}

func oldIsDigest(s string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == 32 && len(s) == 44
}

func decode(v value, into reflect.Value) error {
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return decode(v, into.Elem())
	case reflect.Struct:
		return decodeObject(v, into)
	case reflect.Slice:
		if v.kind != '[' {
			return fmt.Errorf("%w: want an array", ErrNotCanonical)
		}
		into.Set(reflect.MakeSlice(into.Type(), len(v.members), len(v.members)))
		for i, m := range v.members {
			if err := decode(m, into.Index(i)); err != nil {
				return err
			}
		}
	case reflect.String:
		if v.kind != '"' {
			return fmt.Errorf("%w: want a string", ErrNotCanonical)
		}
		into.SetString(v.str)
	case reflect.Bool:
		if v.kind != 't' {
			return fmt.Errorf("%w: want true or false", ErrNotCanonical)
		}
		into.SetBool(v.flag)
	case reflect.Int, reflect.Int64:
		if v.kind != '0' || v.num < 0 {
			return fmt.Errorf("%w: want a number", ErrNotCanonical)
		}
		into.SetInt(v.num)
	case reflect.Uint32:
		if v.kind != '0' || v.num < 0 || v.num >= 1<<32 {
			return fmt.Errorf("%w: want a number below 2^32", ErrNotCanonical)
		}
		into.SetUint(uint64(v.num))
	}
	return nil
}

func decodeObject(v value, into reflect.Value) error {
	if v.kind != '{' {
		return fmt.Errorf("%w: want an object", ErrNotCanonical)
	}
	fields := oldFieldNames(into.Type())
	for i, name := range v.names {
		f := slices.Index(fields, name)
		if f < 0 {
			continue
		}
		if err := decode(v.members[i], into.Field(f)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if plain, ok := strings.CutSuffix(name, "64"); ok {
			if err := checkEncoded(v, plain, v.members[i].str); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// checkEncoded holds what is true of every field that gives bytes.
func checkEncoded(v value, plain, encoded string) error {
	if _, err := base64.StdEncoding.Strict().DecodeString(encoded); err != nil || strings.ContainsAny(encoded, "\r\n") {
		return fmt.Errorf("%w: not base64", ErrNotCanonical)
	}
	if slices.Contains(v.names, plain) {
		return fmt.Errorf("%w: given twice, the other time as %s", ErrNotCanonical, plain)
	}
	return nil
}

var oldFieldCache sync.Map // of []string by reflect.Type: looked up for every body

// fieldNames are the names of a struct's fields in a body, by field number.
func oldFieldNames(t reflect.Type) []string {
	if names, ok := oldFieldCache.Load(t); ok {
		return names.([]string)
	}
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	oldFieldCache.Store(t, names)
	return names
}

// Marshal renders a *[Who], *[Why], *[How] or *[What] as canonical JSON. Strings
// must be UTF-8.
func oldMarshal(v any) ([]byte, error) {
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
			b = append(oldAppendString(b, k), ':')
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
		return oldAppendString(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	}
	return append(b, "null"...)
}

func oldAppendString(b []byte, s string) []byte {
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

func parse(b []byte) (value, error) {
	r := treeReader{b: b}
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

// treeReader takes canonical JSON apart. The first error sticks.
type treeReader struct {
	b   []byte
	i   int
	bad error
}

func (r *treeReader) fail(why string) {
	if r.bad == nil {
		r.bad = fmt.Errorf("%w: byte %d: %s", ErrNotCanonical, r.i, why)
	}
	r.i = len(r.b)
}

func (r *treeReader) peek() byte {
	if r.i < len(r.b) {
		return r.b[r.i]
	}
	return 0
}

func (r *treeReader) take(c byte) bool {
	if r.i < len(r.b) && r.b[r.i] == c {
		r.i++
		return true
	}
	return false
}

func (r *treeReader) value(depth int) value {
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

func (r *treeReader) object(depth int) value {
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

func (r *treeReader) array(depth int) value {
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

func (r *treeReader) number() value {
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
func (r *treeReader) string() string {
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
func (r *treeReader) escaped(s []byte) string {
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

func (r *treeReader) escape() byte {
	rest := r.b[r.i:]
	if len(rest) >= 6 && rest[1] == 'u' {
		for c := range byte(0x20) {
			if want := oldAppendString(nil, string([]byte{c})); bytes.Equal(rest[:6], want[1:len(want)-1]) {
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
