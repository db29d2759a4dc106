package index

import "testing"

func FuzzGlob(f *testing.F) {
	f.Add("a*b", "axxb")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 12 || len(s) > 20 {
			return // the model is exponential
		}
		if got := glob(p, s); got != like(p, s) {
			t.Errorf("glob(%q, %q) is %v", p, s, got)
		}
	})
}

// like is a glob, the slow way.
func like(p, s string) bool {
	if p == "" {
		return s == ""
	}
	if p[0] == '*' {
		return like(p[1:], s) || s != "" && like(p, s[1:])
	}
	return s != "" && p[0] == s[0] && like(p[1:], s[1:])
}
