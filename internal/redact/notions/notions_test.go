package notions

import (
	"testing"
)

func TestTableOf(t *testing.T) {
	for name, want := range map[string]*Table{
		"/etc/postfix/sasl_passwd":      {Sep: ' ', At: -1, After: ':'},
		"/etc/postfix/sasl_passwd.bak":  {Sep: ' ', At: -1, After: ':'},
		"/root/.pgpass":                 {Sep: ':', At: 4, Rest: true},
		"/etc/osquery/ENROLL_SECRET":    {One: true},
		"/etc/davfs2/secrets":           {Sep: ' ', At: -1},
		"/srv/app/secrets":              nil,
		"/etc/pam.d/common-password":    nil,
		"/etc/passwd.conf.d/readme.txt": nil,
	} {
		got := TableOf(name)
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		glob, base, dir string
		want            bool
	}{
		{"a.conf", "a.conf", "", true},
		{"a.conf", "b.conf", "", false},
		{"*.conf", "a.conf", "", true},
		{"*.conf", ".con", "", false},
		{"a*a", "a", "", false},
		{"a*a", "aa", "", true},
		{"*x*y", "axby", "", true},
		{"*x*y", "ayb", "", false},
		{"d/*.x", "a.x", "d", true},
		{"d/*.x", "a.x", "e", false},
		{"*b*", "abc", "", true},
		{"*b*", "ac", "", false},
		{"a*b*", "bab", "", false},
		{"a*b*", "acb", "", true},
		{"d*/a.*", "a.x", "de", true},
		{"d*/a.*", "a.x", "e", false},
		{"d/*a*", "ba", "d", true},
		{"d/a.x", "a.x", "d", true},
		{"d/a.x", "a.x", "dd", false},
		{"d/a.x", "b.x", "d", false},
	} {
		if got := globsOf(c.glob)[0].matches(c.base, c.dir); got != c.want {
			t.Errorf("%s on %s/%s: %v", c.glob, c.dir, c.base, got)
		}
	}
}

func TestProse(t *testing.T) {
	for s, want := range map[string]bool{
		"the password is set elsewhere": true, "otter, velvet": false, "x": false, "must be changed": true,
	} {
		if got := IsProse([]byte(s)); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
	if !IsSample([]byte("your-secret")) || IsSample([]byte("your-otter")) || !EndsLead([]byte("the old ")) || EndsLead([]byte("otter ")) || !IsAbout([]byte("managed")) || IsAbout([]byte("door")) {
		t.Error("words are taken for others")
	}
	if !IsPast([]byte("WAS")) || IsPast([]byte("wasp")) {
		t.Error("what is past")
	}
}
