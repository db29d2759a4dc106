package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMarshalUnmarshal(t *testing.T) {
	uid := uint32(1000)
	size := int64(12)
	want := What{
		Path: "/etc/a b\t\"\\\x01é", Action: Modify, Size: &size, Marks: []string{MarkTorn},
		Owner: &Owner{UID: uid, User: "jane"}, Before: &Ref{What: 3},
	}
	b, err := Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	var got What
	if err := Unmarshal(b, &got); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	if !json.Valid(b) {
		t.Fatalf("not JSON: %s", b)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"space":           `{"action": "create"}`,
		"order":           `{"path":"/a","action":"create"}`,
		"duplicate":       `{"action":"create","action":"create"}`,
		"long escape":     `{"action":"\u0061"}`,
		"solidus":         `{"action":"create","path":"\/a"}`,
		"upper hex":       `{"action":"create","path":"\u001F"}`,
		"short control":   `{"action":"create","path":"\u000a"}`,
		"raw control":     "{\"action\":\"create\",\"path\":\"\n\"}",
		"fraction":        `{"action":"create","size":1.0}`,
		"exponent":        `{"action":"create","size":1e3}`,
		"leading zero":    `{"action":"create","size":01}`,
		"minus zero":      `{"action":"create","z":-0}`,
		"too large":       `{"action":"create","size":9007199254740992}`,
		"trailing":        `{"action":"create"} `,
		"not an object":   `["create"]`,
		"not utf-8":       "{\"action\":\"cr\xffeate\"}",
		"surrogate":       "{\"action\":\"\xed\xa0\x80\"}",
		"wrong type":      `{"action":7}`,
		"null":            `{"action":null}`,
		"negative":        `{"action":"create","size":-1}`,
		"uid too large":   `{"action":"create","owner":{"gid":0,"uid":4294967296}}`,
		"no action":       `{}`,
		"both path":       `{"action":"create","path":"/a","path64":"L2E="}`,
		"bad base64":      `{"action":"create","path64":"L2F="}`,
		"after no digest": `{"action":"create","after":"abc"}`,
		"cut":             `{"action":"create`,
		"empty":           ``,
	} {
		if err := Unmarshal([]byte(in), new(What)); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%s: %s gives %v", name, in, err)
		}
	}
}

func TestUnmarshalIgnoresUnknown(t *testing.T) {
	var w What
	if err := Unmarshal([]byte(`{"Path":7,"action":"create","new":[null,true,-1,{"a":{}}]}`), &w); err != nil {
		t.Fatal(err)
	}
	if w.Path != "" {
		t.Fatalf("a name of other case was taken for path: %q", w.Path)
	}
}

func TestOrderIsUTF16(t *testing.T) {
	// U+1F600 sorts before U+FF61 in UTF-16, after it in UTF-8.
	if !Canonical([]byte("{\"\U0001F600\":1,\"\uFF61\":1}")) || Canonical([]byte("{\"\uFF61\":1,\"\U0001F600\":1}")) {
		t.Fatal("names are not ordered by UTF-16 code units")
	}
}

func TestDepth(t *testing.T) {
	deep := func(n int) []byte {
		return append(append(bytes.Repeat([]byte(`{"a":`), n-1), `{}`...), bytes.Repeat([]byte(`}`), n-1)...)
	}
	if !Canonical(deep(maxDepth)) || Canonical(deep(maxDepth+1)) || Canonical(deep(1<<20)) {
		t.Fatal("the limit on depth is not held")
	}
}

// FuzzCanonical holds the reader against a tree: what encoding/json reads,
// rendered again member by member.
func FuzzCanonical(f *testing.F) {
	f.Add([]byte(`{"action":"create","path":"/a","size":3}`))
	f.Add([]byte(`{"a":"\u0001\n\"","b":[1,-2,true,null]}`))
	f.Add([]byte("{\"\U0001F600\":9007199254740991,\"\uFF61\":[[],{}]}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := Canonical(b), isCanonical(b); got != want {
			t.Fatalf("%q is canonical: %v, want %v", b, got, want)
		}
	})
}

func isCanonical(b []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var tree map[string]any
	if !utf8.Valid(b) || dec.Decode(&tree) != nil || !plain(tree, 1) {
		return false
	}
	return bytes.Equal(appendTree(nil, tree), b)
}

// plain reports whether a tree is not too deep and all its numbers are integers
// below 2^53.
func plain(v any, depth int) bool {
	ok := depth <= maxDepth
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			ok = ok && plain(e, depth+1)
		}
	case []any:
		for _, e := range v {
			ok = ok && plain(e, depth+1)
		}
	case json.Number:
		n, err := v.Int64()
		ok = ok && err == nil && n <= maxInteger && n >= -maxInteger && strconv.FormatInt(n, 10) == v.String()
	}
	return ok
}

func appendTree(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		b = append(b, '{')
		for i, k := range slices.SortedFunc(maps.Keys(v), compareUTF16) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, k), ':')
			b = appendTree(b, v[k])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendTree(b, e)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	}
	return fmt.Append(b, orNull(v))
}

func orNull(v any) any {
	if v == nil {
		return "null"
	}
	return v
}

// FuzzUnmarshal shows that a body of any kind says the same after it was read
// and rendered.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"action":"rename","before":{"what":1},"from64":"/w==","marks":["torn"],"owner":{"gid":1,"uid":4294967295},"path":"/a"}`))
	f.Add([]byte(`{"ancestors":[{"command":["vi",""],"pid":4,"uid":3},{"pid":0}],"claimed":true,"exe":"/a","uid":0}`))
	f.Add([]byte(`{"host":{"name":"a"},"import":{"file":"","first":9007199254740991,"rows":0},"signals":[]}`))
	f.Add([]byte(`{"learnt":"run","reason":"\u0000","z":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range []any{Who{}, Why{}, How{}, What{}} {
			got, again := reflect.New(reflect.TypeOf(kind)).Interface(), reflect.New(reflect.TypeOf(kind)).Interface()
			if Unmarshal(b, got) != nil {
				continue
			}
			if !Canonical(b) {
				t.Fatalf("%q is read as %T and not canonical", b, got)
			}
			out, err := Marshal(got)
			if err != nil {
				t.Fatalf("%q: %v", b, err)
			}
			if err := Unmarshal(out, again); err != nil {
				t.Fatalf("%q is rendered as %q: %v", b, out, err)
			}
			if d := cmp.Diff(got, again, cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("%q: %s", b, d)
			}
		}
	})
}

const aWhat = `{"action":"modify","after":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","agent":"telegraf","before":{"entry":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","what":0},"format":"toml","mode":"0644","owner":{"gid":0,"group":"root","uid":0,"user":"root"},"path":"/etc/telegraf/telegraf.conf","size":1234,"time":"2026-01-01T00:00:00.000000000Z"}`

func BenchmarkUnmarshalWhat(b *testing.B) {
	in := []byte(aWhat)
	b.ReportAllocs()
	for b.Loop() {
		var w What
		if err := Unmarshal(in, &w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshalWhat(b *testing.B) {
	var w What
	if err := Unmarshal([]byte(aWhat), &w); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Marshal(&w); err != nil {
			b.Fatal(err)
		}
	}
}
