package body

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
)

// Unmarshal reads a body into a *[Who], *[Why], *[How] or *[What]. Names must
// match to the letter; unknown ones are passed over. The error is
// [ErrNotCanonical] in a chain that says where; what was read before it may
// have been filled in.
func Unmarshal(b []byte, into any) error {
	r := newReader(b)
	r.object(reflect.ValueOf(into).Elem(), 1)
	if err := r.end(); err != nil {
		return err
	}
	if w, ok := into.(*What); ok && w.Action == "" {
		return fmt.Errorf("%w: no action", ErrNotCanonical)
	}
	return nil
}

// object reads an object into a struct. The names of both ascend, so the field
// for a name cannot stand before that of the name before.
func (r *reader) object(into reflect.Value, depth int) {
	if !r.take('{') {
		r.fail("want an object")
	}
	fields, next := fieldsOf(into.Type()), 0
	name, seen := "", uint64(0)
	for n := 0; r.another(n, '}'); n++ {
		name = r.name(n, name)
		for next < len(fields) && fields[next].name < name {
			next++
		}
		if next == len(fields) || fields[next].name != name {
			r.skip(depth + 1)
			continue
		}
		r.field(&fields[next], into, depth+1, seen)
		seen |= 1 << next
	}
}

// field reads one field of a struct, of which those seen were read before.
func (r *reader) field(f *field, of reflect.Value, depth int, seen uint64) {
	v := of.Field(f.index)
	r.value(v, depth)
	switch {
	case f.digest && !isDigest(v.String()):
		r.fail("not a digest")
	case f.encodes != 0 && !isBase64(v.String()):
		r.fail("not base64")
	case f.encodes&seen != 0:
		r.fail("given twice, the other time as text")
	}
	if r.bad != nil {
		r.bad = fmt.Errorf("%s: %w", f.name, r.bad)
	}
}

// value reads a value of the type that v has.
func (r *reader) value(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.value(v.Elem(), depth)
	case reflect.Struct:
		r.object(v, depth)
	case reflect.Slice:
		r.array(v, depth)
	case reflect.String:
		if r.peek() != '"' {
			r.fail("want a string")
			return
		}
		v.SetString(r.text())
	case reflect.Bool:
		v.SetBool(r.literal("true"))
		if !v.Bool() && !r.literal("false") {
			r.fail("want true or false")
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(r.count(maxInteger))
	case reflect.Uint32:
		v.SetUint(uint64(r.count(1<<32 - 1)))
	}
}

// array reads an array into a slice that is not nil, not even if it is empty.
func (r *reader) array(v reflect.Value, depth int) {
	if !r.take('[') {
		r.fail("want an array")
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for n := 0; r.another(n, ']'); n++ {
		if n == v.Cap() {
			v.Grow(max(n, 4))
		}
		v.SetLen(n + 1)
		r.value(v.Index(n), depth+1)
	}
}

// count reads a number that is not below zero.
func (r *reader) count(most int64) int64 {
	if c := r.peek(); c != '-' && !isDigit(c) {
		r.fail("want a number")
		return 0
	}
	n := r.number()
	if n < 0 || n > most {
		r.fail(fmt.Sprintf("want a number from 0 to %d", most))
	}
	return n
}

// strictBase64 still passes over line ends.
var strictBase64 = base64.StdEncoding.Strict()

// isDigest reports whether s is a digest as an entry spells it: it has no digit
// to spare for a line end.
func isDigest(s string) bool {
	var raw [33]byte // what 44 digits hold at the most
	if len(s) != 44 {
		return false
	}
	n, err := strictBase64.Decode(raw[:], []byte(s))
	return err == nil && n == 32
}

func isBase64(s string) bool {
	_, err := strictBase64.DecodeString(s)
	return err == nil && !strings.ContainsAny(s, "\r\n")
}

// Text returns a string that a body may hold as text or, under the same name
// with 64 appended, as bytes.
func Text(plain, encoded string) string {
	if encoded == "" {
		return plain
	}
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return encoded
	}
	return string(b)
}
