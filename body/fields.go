package body

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// field is one field of a struct that is an object in a body.
type field struct {
	name    string // in the body
	index   int    // in the struct
	omit    bool   // not rendered where it is empty
	digest  bool   // a string that must be a digest, if it is there
	encodes uint64 // of one that gives bytes in base64: the bit of the field that gives text
}

// fieldCache is of []field by reflect.Type: looked up for every object.
var fieldCache sync.Map

// fieldsOf lists the fields of a struct in the order of their names, which is
// that of canonical JSON. Each stands for a bit of 64.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldCache.Load(t); ok {
		return known.([]field)
	}
	fields := make([]field, t.NumField())
	for i := range fields {
		tag := t.Field(i).Tag
		name, more, _ := strings.Cut(tag.Get("json"), ",")
		fields[i] = field{name: name, index: i, omit: more == "omitempty", digest: tag.Get("body") == "digest"}
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for i := range fields {
		plain, _ := strings.CutSuffix(fields[i].name, "64")
		at := slices.IndexFunc(fields[:i], func(f field) bool { return f.name == plain })
		if at >= 0 {
			fields[i].encodes = 1 << at
		}
	}
	fieldCache.Store(t, fields)
	return fields
}
