package body

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Unmarshal reads a body into a *[Who], *[Why], *[How] or *[What]. Names must
// match to the letter; unknown ones are passed over. The error is
// [ErrNotCanonical] in a chain that says where.
func Unmarshal(b []byte, into any) error {
	v, err := parse(b)
	if err != nil {
		return err
	}
	if err := decode(v, reflect.ValueOf(into).Elem()); err != nil {
		return err
	}
	if w, ok := into.(*What); ok {
		return w.check(v)
	}
	return nil
}

// check holds what the types of a What's fields do not say; v is what it was
// read from, in which an empty string differs from an absent one.
func (w *What) check(v value) error {
	if w.Action == "" {
		return fmt.Errorf("%w: no action", ErrNotCanonical)
	}
	if _, ok := v.member("after"); ok && !isDigest(w.After) {
		return fmt.Errorf("%w: after is not a digest", ErrNotCanonical)
	}
	if before, ok := v.member("before"); ok {
		if _, ok := before.member("entry"); ok && !isDigest(w.Before.Entry) {
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

func isDigest(s string) bool {
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
	fields := fieldNames(into.Type())
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

var fieldCache sync.Map // of []string by reflect.Type: looked up for every body

// fieldNames are the names of a struct's fields in a body, by field number.
func fieldNames(t reflect.Type) []string {
	if names, ok := fieldCache.Load(t); ok {
		return names.([]string)
	}
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	fieldCache.Store(t, names)
	return names
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
