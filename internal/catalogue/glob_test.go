package catalogue

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseGlobRefuses(t *testing.T) {
	for glob, want := range map[string]string{
		"":                             "must begin with",
		"etc/x":                        "must begin with",
		"*.conf":                       "must begin with",
		"~jane/x":                      "must begin with",
		"**":                           "must begin with",
		"/":                            "empty element",
		"/etc//x":                      "empty element",
		"/etc/":                        "empty element",
		"/etc/./x":                     `element "."`,
		"/etc/../x":                    `element ".."`,
		"/*/x":                         "first element must be literal",
		"/**/x":                        "first element must be literal",
		"/etc/**":                      "must not be last",
		"/etc/**/**/x":                 "** after **",
		"**/**/x":                      "** after **",
		"/etc/a**/x":                   "must stand alone",
		"/etc/***":                     "must stand alone",
		"~/*":                          "no literal element",
		"**/*":                         "no literal element",
		"~/**/*":                       "no literal element",
		"/etc/[a":                      "bad character class",
		"/etc/[]":                      "bad character class",
		"/etc/[!a]":                    "negate a class with ^",
		`/etc/\*`:                      "may stand here",
		"/" + strings.Repeat("a", 300): "longer than",
	} {
		_, err := parseGlob(glob)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseGlob(%q) = %v, want an error with %q", glob, err, want)
		}
	}
}

func TestExpand(t *testing.T) {
	for in, want := range map[string][]string{
		"/a":           {"/a"},
		"/{a,b}":       {"/a", "/b"},
		"/{a,b}/{c,d}": {"/a/c", "/a/d", "/b/c", "/b/d"},
		"/x{,.d}":      {"/x", "/x.d"},
		"/{a/b,c}":     {"/a/b", "/c"},
	} {
		got, err := expand(in)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("expand(%q): %v\n%s", in, err, diff)
		}
	}
	for _, in := range []string{"{", "}", "a}b", "{a", "{a}", "{unit}", "{}", "{a,{b,c}}", "a}{b,c}", strings.Repeat("{a,b}", 7), strings.Repeat("{a,b}", 2000)} {
		if got, err := expand(in); err == nil {
			t.Errorf("expand(%.20q) = %q, want an error", in, got)
		}
	}
}

func TestGlobMatch(t *testing.T) {
	for _, test := range []struct {
		glob, path string
		want       bool
	}{
		{"/etc/x/*.conf", "/etc/x/.conf", true},
		{"/etc/x/*.conf", "/etc/x/.hidden.conf", true},
		{"/etc/x/*.conf", "/etc/x/a/b.conf", false},
		{"/etc/x/?", "/etc/x/é", true},
		{"/etc/x/?", "/etc/x/\xff", true},
		{"/etc/x/?", "/etc/x/ab", false},
		{"/etc/x/[a-c]", "/etc/x/b", true},
		{"/etc/x/[^a-c]", "/etc/x/b", false},
		{"/etc/**/x", "/etc/x", true},
		{"/etc/**/x", "/etc/a/b/x", true},
		{"/etc/**/x", "/etc/a/b/x/y", false},
		{"/etc/**/x/**/y", "/etc/x/x/y", true},
		{"/etc/**/a/b/**/c", "/etc/a/a/b/q/c", true},
		{"/etc/x/**/*", "/etc/x", false},
		{"/etc/x/**/*", "/etc/x/y", true},
		{"~/.x", "/home/jane/.x", true},
		{"~/.x", "/.x", true},
		{"~/.x", "/home/jane/y.x", false},
		{"**/a/b", "/a/b", true},
		{"**/a/b", "/a/b/c", false},
	} {
		g, err := parseGlob(test.glob)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.match(strings.Split(test.path[1:], "/")); got != test.want {
			t.Errorf("%s on %q: %v", test.glob, test.path, got)
		}
	}
}

// naive tries everything, and reads a glob byte by byte: another way to the
// same answer. Its inputs have no classes and only ASCII.
func naive(glob, name string) bool {
	switch {
	case glob == "":
		return name == ""
	case strings.HasPrefix(glob, "**/"):
		if naive(glob[3:], name) {
			return true
		}
		_, rest, ok := strings.Cut(name, "/")
		return ok && naive(glob, rest)
	case glob[0] == '*':
		return naive(glob[1:], name) || name != "" && name[0] != '/' && naive(glob, name[1:])
	case name == "":
		return false
	case glob[0] == '?':
		return name[0] != '/' && naive(glob[1:], name[1:])
	}
	return glob[0] == name[0] && naive(glob[1:], name[1:])
}

func TestGlobAgainstNaiveMatcher(t *testing.T) {
	elem := rapid.StringOfN(rapid.RuneFrom([]rune("ab.*?")), 1, 4, -1)
	rapid.Check(t, func(t *rapid.T) {
		anchor := rapid.SampledFrom([]string{"/a/", "~/", "**/"}).Draw(t, "anchor")
		elems := rapid.SliceOfN(rapid.OneOf(elem, rapid.Just(deep)), 1, 5).Draw(t, "elems")
		text := anchor + strings.Join(elems, "/")
		name := "/" + strings.Join(rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("ab.")), 1, 4, -1), 1, 6).Draw(t, "name"), "/")
		if rapid.Bool().Draw(t, "below") {
			name = "/a" + name
		}
		g, err := parseGlob(text)
		if err != nil {
			t.Skip(err)
		}
		full := text
		if g.anchor == atHome {
			full = deep + text[1:]
		}
		if want, got := naive(strings.TrimPrefix(full, "/"), name[1:]), g.match(strings.Split(name[1:], "/")); want != got {
			t.Fatalf("%s on %s: %v, the naive matcher says %v", text, name, got, want)
		}
	})
}

// Whatever the index does to be quick, it finds what trying all finds.
func TestIndexAgainstTryingAll(t *testing.T) {
	c := mustBuiltin(t)
	var words []string
	for _, a := range c.Agents {
		for _, p := range a.Paths {
			words = append(words, strings.Split(strings.NewReplacer("*", "x", "?", "y", "~", "h").Replace(strings.Trim(p.Glob, "/")), "/")...)
		}
	}
	slices.Sort(words)
	words = append(slices.Compact(words), "zz", ".b.sh")
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		var p string
		if rapid.Bool().Draw(t, "real") {
			p = rapid.SampledFrom(samples).Draw(t, "sample").hit
			p = strings.Replace(p, "/", rapid.SampledFrom([]string{"/", "/etc/", "/home/"}).Draw(t, "before"), 1)
		} else {
			p = "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 5).Draw(t, "words"), "/")
		}
		got, ok := c.index.find(p)
		want, wantOK := tryAll(c, p)
		if ok != wantOK || ok && got.pattern.Glob != want.pattern.Glob {
			t.Fatalf("%s: index says %v %v, trying all says %v %v", p, ok, got.pattern, wantOK, want.pattern)
		}
		if ok {
			hits++
		}
	})
	if hits == 0 {
		t.Error("no path matched anything: nothing was compared")
	}
}

func tryAll(c *Catalogue, p string) (best claim, ok bool) {
	order := 0
	for _, a := range c.Agents {
		for i := range a.Paths {
			this := claim{agent: a, pattern: &a.Paths[i], order: order}
			order++
			g := &this.pattern.glob
			if !g.match(strings.Split(p[1:], "/")) {
				continue
			}
			if g.exact() {
				return this, true
			}
			if !ok || this.beats(best) {
				best, ok = this, true
			}
		}
	}
	return best, ok
}
