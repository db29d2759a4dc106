package syntax

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// show writes a leaf as path=value, with what else is told of it.
func show(text string, l Leaf) string {
	s := fmt.Sprintf("%s=%s", strings.Join(l.Path, "."), text[l.Start:l.End])
	if l.Quoted {
		s += " quoted"
	}
	if l.Extent != Marked {
		s += []string{"", " line", " lines", " below"}[l.Extent]
	}
	if l.Document > 0 {
		s += fmt.Sprintf(" document %d", l.Document)
	}
	if !l.Pair.Value.empty() {
		s += fmt.Sprintf(" pair %s=%s", l.Pair.Name, text[l.Pair.Value.Start:l.Pair.Value.End])
	}
	if l.Named != "" {
		s += " named " + l.Named
	}
	return s
}

// all hints say yes to what begins with yes.
var all = Hints{
	Foreign:  func(rest []byte) bool { return strings.HasPrefix(string(rest), "!yes") },
	Record:   func(_ int, line []byte) bool { return strings.HasPrefix(string(line), "yes:") },
	Indented: func(path []string) bool { return path[len(path)-1] == "yes" },
	Open:     func(path []string) bool { return path[len(path)-1] == "yes" },
}

func TestLeaves(t *testing.T) {
	for _, c := range []struct {
		format, text string
		want         []string
		broken       bool
	}{
		{"yaml", "a:\n  b: x y # c\n  c: [1, {d: 'e'}]\nf: |\n  g\n  h\n", []string{"a.b=x y", "a.c=1", "a.c.d=e quoted", "f=g\n  h quoted"}, false},
		{"yaml", "- name: n\n  value: v\n- value: w\n---\nk: &a 'l'\nm: *a\n", []string{"name=n", "value=v pair n=v", "value=w", "k=l quoted document 1"}, false},
		{"yaml", "a: !yes |\n  b: c\nd: !no e\n? f\n: g\n", []string{"d=e", "f=g"}, false},
		{"yaml", "a: b\n  c\n{{ if x }}\nd: {{ e }}\n", []string{"a=b\n  c"}, true},
		{"json", `{"a": {"b": [1, "c"], "name": "n", "value": "v"}} {"p\u0061": null}`, []string{"a.b=1", "a.b=c quoted", "a.name=n quoted", "a.value=v quoted pair n=v", "pa=null document 1"}, false},
		{"jsonc", "// x\n{\"a\": 1, /* y */ \"b\": 2,}", []string{"a=1", "b=2"}, false},
		{"json", `{"a": [1}`, []string{"a=1"}, true},
		{"toml", "a = 1 # c\n[b.\"c.d\"]\ne.f = 'g'\nh = [\n 1, # i\n {j = 2}]\nk = '''\nl'''\n", []string{"a=1", "b.c.d.e.f=g quoted", "b.c.d.h=1", "b.c.d.h.j=2", "b.c.d.k=\nl quoted"}, false},
		{"toml", "a = 1\nb\n", []string{"a=1"}, true},
		{"xml", `<a b="c"><name>n</name><value>v</value><d name="e">f</d><!-- g --><![CDATA[h]]></a>`, []string{"a.b=c quoted", "a.name=n quoted", "a.value=v quoted pair n=v", "a.d.name=e quoted", "a.d=f quoted named e", "a=h quoted"}, false},
		{"xml", "<a>b</c>", []string{"a=b quoted"}, true},
		{"ini", "[s]\na = b\nyes =\n  c\n  d\nno =\n  e\n", []string{"s.a=b line", "s.yes=c below", "s.yes=d below"}, false},
		{"conf", "yes:x\na { \n b c \\\n d\n}\n<e f>\ng \"h\"\n</e>\n# i j\n", []string{"a.b=c \\\n d lines", "e.g=h quoted line"}, false},
		{"env", "yes='a\nb'\nno='c\nd'\n", []string{"yes=a\nb quoted lines", "no=c quoted line"}, false},
		{"", "<a>b</a>x\nc = d\n", []string{"a=b quoted", "c=d line"}, true},
	} {
		x := Text{Bytes: []byte(c.text), Format: c.format, Hints: all}
		var got []string
		for l := range x.Leaves() {
			got = append(got, show(c.text, l))
		}
		if diff := cmp.Diff(c.want, got); diff != "" || x.Broken != c.broken {
			t.Errorf("%s %q: broken %v (-want +got):\n%s", c.format, c.text, x.Broken, diff)
		}
	}
}

var formats = []string{"", "yaml", "toml", "json", "jsonc", "ini", "conf", "xml", "env"}

// check tests what holds for every text: leaves lie within it, have a path of
// bounded depth, belong to documents in rising order, and are the same up to where
// somebody stops to listen.
func check(t interface{ Fatalf(string, ...any) }, text []byte, format string, hints Hints) {
	x := Text{Bytes: text, Format: format, Hints: hints}
	var leaves []Leaf
	for l := range x.Leaves() {
		v := l.Pair.Value
		if l.Start < 0 || l.Start > l.End || l.End > len(text) || v.Start < 0 || v.Start > v.End || v.End > len(text) {
			t.Fatalf("%s %q: leaf %+v", format, text, l)
		}
		if n := len(l.Path); n == 0 || n > maxDepth+1 {
			t.Fatalf("%s %q: path of %d names", format, text, n)
		}
		if n := len(leaves); n > 0 && l.Document < leaves[n-1].Document {
			t.Fatalf("%s %q: document %d after %d", format, text, l.Document, leaves[n-1].Document)
		}
		leaves = append(leaves, l)
	}
	for stop := range min(len(leaves), 3) {
		var first []Leaf
		for l := range x.Leaves() {
			if first = append(first, l); len(first) > stop {
				break
			}
		}
		if !cmp.Equal(first, leaves[:stop+1]) {
			t.Fatalf("%s %q: stopped after %d leaves", format, text, stop+1)
		}
	}
}

func TestLeavesOfFragments(t *testing.T) {
	fragments := []string{
		"a", "name", "value", "yes", "b c", ":", ": ", "=", " = ", "\"", "'", "\\", "\n", "\n  ", "\n- ", "- ", "{", "}", "[", "]", "<", ">", "</", "/", ",",
		";", "#", " # ", "|\n   ", ">-\n  ", "{{ ", "<!--", "-->", "<![CDATA[", "]]>", "\"\"\"", "!yes ", "!no ", "&a ", "*a", "? ", "\n---\n", "//", "/*", "\r\n", "\t", "\xff",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 40).Draw(t, "text"), "")
		check(t, []byte(text), rapid.SampledFrom(formats).Draw(t, "format"), rapid.SampledFrom([]Hints{{}, all}).Draw(t, "hints"))
	})
}

func FuzzLeaves(f *testing.F) {
	f.Add([]byte("a:\n  - b: 'c'\n"), uint8(1))
	f.Add([]byte("[a]\nb = [1, {c = 2}]\n"), uint8(2))
	f.Add([]byte(`{"a": ["b", 1]}`), uint8(3))
	f.Add([]byte("[a]\nyes =\n  b\n"), uint8(5))
	f.Add([]byte(`<a b="c">d</a>`), uint8(7))
	f.Fuzz(func(t *testing.T, text []byte, format uint8) {
		check(t, text, formats[int(format)%len(formats)], all)
	})
}
