package body

import (
	"fmt"
	"reflect"
	"strconv"
)

// Marshal renders a *[Who], *[Why], *[How] or *[What] as canonical JSON. Strings
// must be UTF-8.
func Marshal(v any) ([]byte, error) {
	b := appendObject(make([]byte, 0, 512), reflect.Indirect(reflect.ValueOf(v)))
	if err := check(b); err != nil { // a number may be too large
		return nil, fmt.Errorf("render body: %w", err)
	}
	return b, nil
}

func appendObject(b []byte, v reflect.Value) []byte {
	b = append(b, '{')
	first := len(b)
	for _, f := range fieldsOf(v.Type()) {
		member := v.Field(f.index)
		if f.omit && isEmpty(member) {
			continue
		}
		if len(b) > first {
			b = append(b, ',')
		}
		b = append(appendString(b, f.name), ':')
		b = appendValue(b, member)
	}
	return append(b, '}')
}

func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}

func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		return appendValue(b, v.Elem())
	case reflect.Struct:
		return appendObject(b, v)
	case reflect.Slice:
		return appendArray(b, v)
	case reflect.String:
		return appendString(b, v.String())
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Uint32:
		return strconv.AppendUint(b, v.Uint(), 10)
	}
	return strconv.AppendInt(b, v.Int(), 10)
}

func appendArray(b []byte, v reflect.Value) []byte {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, v.Index(i))
	}
	return append(b, ']')
}
