package strictyaml

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestReport(t *testing.T) {
	for name, want := range map[string]string{
		"f": "f:1:1: first\nf:2:3: left\nf:2:9: right",
		"":  "line 1: first\nline 2: right\nline 2: left",
	} {
		r := NewReport(name, 3)
		if err := r.Err(); err != nil {
			t.Errorf("an empty report: %v", err)
		}
		r.FaultAt(7, 1, "one too many")
		r.Fault(&yaml.Node{Line: 2, Column: 9}, "right")
		r.Fault(&yaml.Node{Line: 2, Column: 3}, "left")
		r.FaultAt(0, 0, "first")
		if err := r.Err(); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", name, err, want)
		}
		if r.Count() != 4 {
			t.Errorf("%d faults", r.Count())
		}
	}
	r := NewReport("", 1)
	r.FaultAt(1, 1, "a\n%s", strings.Repeat("ä", MaxDetail))
	if s := r.Err().Error(); strings.Contains(s, "\n") || len(s) > MaxDetail+20 || !strings.HasSuffix(s, "ä…") {
		t.Errorf("a fault of %d bytes: %q", len(s), s)
	}
}

func TestLoader(t *testing.T) {
	for _, c := range []struct {
		text string
		docs int
		err  Fault
	}{
		{"", 0, Fault{}},
		{"a: 1\n", 1, Fault{}},
		{"a: 1\n---\nb: 2\n", 2, Fault{}},
		{"a: 1\n---\n- [\n", 1, Fault{Line: 4, Column: 1, Detail: "did not find expected node content"}},
	} {
		l, err := NewLoader([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		docs := 0
		doc, err := l.Next()
		for ; doc != nil; doc, err = l.Next() {
			docs++
		}
		var f *Fault
		if errors.As(err, &f); docs != c.docs || (f == nil) != (c.err == Fault{}) || f != nil && *f != c.err {
			t.Errorf("%q: %d documents, %v", c.text, docs, err)
		}
	}
}

func TestNodes(t *testing.T) {
	l, err := NewLoader([]byte("a: {}\nb: [x]\nc: text\nd: 5\ne:\nf: &g x\nh: *g\n"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := l.Next()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for key, value := range Keys(doc.Content[0]) {
		if IsNull(value) != (key.Value == "e") {
			t.Errorf("%s: nothing %v", key.Value, IsNull(value))
		}
		got = append(got, key.Value+" "+KindOf(value))
	}
	want := []string{"a a mapping", "b a list", `c the text "text"`, "d 5", "e nothing", `f the text "x"`, "h an alias"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for range Keys(doc.Content[0]) {
		break
	}
}

func TestTexts(t *testing.T) {
	for s, want := range map[string]string{"a b": "", "": "", "a\tb": `"a\tb" does not print`, "a\u202eb": `"a\u202eb" does not print`, " a": `" a" begins or ends with space`} {
		got := ""
		if err := Legible(s); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
	for s, want := range map[string]string{"lisen": `; did you mean "listen"?`, "LISTEN": `; did you mean "listen"?`, "colour": "", "": "", strings.Repeat("x", 65): ""} {
		if got := Suggestion(s, []string{"data", "listen"}); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
}
