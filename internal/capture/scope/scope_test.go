package scope

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSet(t *testing.T) {
	w, err := New([]string{"/etc/one.conf", "/etc/agent", "/srv/*/conf.d/*.conf"},
		Config{
			Want:   func(p string) bool { return !strings.HasSuffix(p, ".md") },
			Ignore: func(b string) bool { return strings.HasSuffix(b, "~") },
			Always: func(p string) bool { return p == "/tmp/always" },
		})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][3]bool{ // subject, covers, on the way
		"/etc/one.conf":           {true, true, true},
		"/etc/one.confx":          {false, false, false},
		"/etc/two.conf":           {false, false, false},
		"/etc":                    {false, false, true},
		"/etc/agent/a":            {true, true, false},
		"/etc/agent/sub/a":        {true, true, false},
		"/etc/agent/a~":           {false, true, false},
		"/etc/agent/README.md":    {false, true, false},
		"/etc/agents":             {false, false, false},
		"/srv":                    {false, true, true},
		"/srv/x":                  {false, true, false},
		"/srv/x/conf.d":           {false, true, false},
		"/srv/x/other":            {false, false, false},
		"/srv/x/conf.d/a.conf":    {true, false, false},
		"/srv/x/conf.d/a.txt":     {false, false, false},
		"/srv/x/conf.d/s/a.conf":  {false, false, false},
		"/tmp/always":             {true, false, false},
		"/":                       {false, false, true},
		"/srv/x/conf.d/a.conf/bb": {false, false, false},
	} {
		got := [3]bool{w.Subject(path), w.Covers(path), w.OnWay(path)}
		if got != want {
			t.Errorf("%s: subject, covers, on the way: %v, want %v", path, got, want)
		}
	}
}

// What is added later counts at once, and what was there is not new.
func TestAdd(t *testing.T) {
	w, err := New([]string{"/etc/agent"}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := w.Add([]string{"/etc/agent/", "/home/*/x", "/home/*/x"})
	if err != nil || len(fresh) != 1 || !w.Subject("/home/a/x") || len(w.Roots()) != 2 {
		t.Errorf("%v %v, of %v", fresh, err, w.Roots())
	}
	if fresh, err = w.Add([]string{"/ok", "/home/[x"}); err == nil || len(fresh) > 0 || w.Subject("/ok") {
		t.Errorf("%v %v: half of it was taken", fresh, err)
	}
	if !slices.IsSortedFunc(w.Through("/"), func(a, b Root) int { return strings.Compare(a.Path, b.Path) }) {
		t.Errorf("%v", w.Through("/"))
	}
}

// A pattern without wildcards is the path that it stands for, and not the pattern that
// this looks like.
func TestLiteral(t *testing.T) {
	w, err := New([]string{`/home/\[x/\*`, "/home/[[]x/*"}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if rs := w.Roots(); len(rs) != 2 || rs[0].Pattern() || rs[0].Path != "/home/[x/*" || !rs[1].Pattern() {
		t.Errorf("%+v", rs)
	}
	if w, err = New([]string{`/home/\*`}, Config{}); err != nil || w.Subject("/home/a") || !w.Subject("/home/*") || !w.Subject("/home/*/a") {
		t.Errorf("%+v, %v", w, err)
	}
	if w, err = New([]string{"/"}, Config{}); err != nil || !w.Subject("/a/b") || !w.Covers("/") || w.Subject("") {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err = New([]string{`/home/a\`}, Config{}); err == nil {
		t.Error("half an escape is taken")
	}
}

// However many files of one user are watched, whether another path is costs no more.
func TestVeryManyRoots(t *testing.T) {
	paths := make([]string, 1<<16)
	for i := range paths {
		paths[i] = fmt.Sprintf("/home/u/%d/CLAUDE.md", i)
	}
	w, err := New(paths, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Concerns("relative") {
		t.Error("a path that is not absolute is watched")
	}
	begun, of := time.Now(), 0
	for n := range 1 << 16 {
		if w.Concerns(fmt.Sprintf("/home/u/%d/other", n)) {
			of++
		}
	}
	if took := time.Since(begun); of > 0 || took > 10*time.Second {
		t.Errorf("%d of others' paths are watched, after %v", of, took)
	}
}
