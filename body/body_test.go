package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"action":"create","path":"/a","size":3}`))
	f.Add([]byte(`{"a":"\u0001\n\"","b":[1,-2,true,null]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parse(b)
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("accepted what is not JSON: %q", b)
		}
		if got := appendValue(nil, v); !bytes.Equal(got, b) {
			t.Fatalf("accepted %q, whose canonical form is %q", b, got)
		}
	})
}

// appendValue renders a parsed value again.
func appendValue(b []byte, v value) []byte {
	switch v.kind {
	case '{':
		m := map[string]any{}
		for i, n := range v.names {
			m[n] = json.RawMessage(appendValue(nil, v.members[i]))
		}
		return appendTree(b, m)
	case '[':
		l := []any{}
		for _, e := range v.members {
			l = append(l, json.RawMessage(appendValue(nil, e)))
		}
		return appendTree(b, l)
	case '"':
		return appendCanonical(b, v.str)
	case '0':
		n, _ := json.Marshal(v.num)
		return append(b, n...)
	case 't':
		return appendCanonical(b, v.flag)
	}
	return append(b, "null"...)
}

func appendTree(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = json.Number(e.(json.RawMessage))
		}
		return appendCanonical(b, v)
	case []any:
		for i, e := range v {
			v[i] = json.Number(e.(json.RawMessage))
		}
		return appendCanonical(b, v)
	}
	return b
}

func BenchmarkUnmarshalWhat(b *testing.B) {
	in := []byte(`{"action":"modify","after":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","agent":"telegraf","before":{"entry":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","what":0},"format":"toml","mode":"0644","owner":{"gid":0,"group":"root","uid":0,"user":"root"},"path":"/etc/telegraf/telegraf.conf","size":1234,"time":"2026-01-01T00:00:00.000000000Z"}`)
	for b.Loop() {
		var w What
		if err := Unmarshal(in, &w); err != nil {
			b.Fatal(err)
		}
	}
}
