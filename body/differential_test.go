package body

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzAgainstOracle(f *testing.F) {
	for _, s := range []string{
		`{"action":"create","path":"/a","size":3}`, `{"a":"\u0001\n\"","b":[1,-2,true,null]}`,
		`{"action":"modify","after":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","agent":"telegraf","before":{"entry":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","what":0},"format":"toml","from":"a","marks":["a","b"],"mode":"0644","observed":3,"owner":{"gid":0,"group":"root","uid":0,"user":"root"},"path64":"aaaa","secrets":[],"size":1234,"time":"2026-01-01T00:00:00.000000000Z"}`,
		`{"ancestors":[{"command":["a"],"exe":"/b","pid":4,"uid":3},{"exe64":"","pid":0}],"claimed":true,"exe":"a","session":{"id":"4"},"uid":4294967295}`,
		`{"claimed":{"commit":"x"},"host":{"name":"y"},"import":{"file":"","first":9007199254740991,"rows":-1},"set":{"id":"","of":1,"part":2},"signals":["a"]}`,
		"{\"\U0001F600\":1,\"\uFF61\":1}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := parse(b)
		if Canonical(b) != (err == nil) {
			t.Fatalf("%q: %v %v", b, err, check(b))
		}
		for _, mk := range []func() any{func() any { return new(Who) }, func() any { return new(Why) }, func() any { return new(How) }, func() any { return new(What) }} {
			o, n := mk(), mk()
			e1, e2 := oldUnmarshal(b, o), Unmarshal(b, n)
			if (e1 == nil) != (e2 == nil) {
				t.Fatalf("%T %q: old %v new %v", o, b, e1, e2)
			}
			if e2 != nil {
				if !errors.Is(e2, ErrNotCanonical) {
					t.Fatal(e2)
				}
				continue
			}
			if !reflect.DeepEqual(o, n) {
				t.Fatal(cmp.Diff(o, n))
			}
			m1, e1 := oldMarshal(o)
			m2, e2 := Marshal(o)
			if string(m1) != string(m2) || (e1 == nil) != (e2 == nil) {
				t.Fatalf("%s %s", m1, m2)
			}
		}
	})
}
