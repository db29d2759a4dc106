package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/capture/scope"
	"github.com/stele-log/stele/internal/catalogue"
)

// A link that is given is followed to its file, and that is said; what is no link is
// not spoken of.
func TestLinksAreTold(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 { // what lies in /tmp anybody may have put there
		var err error
		if dir, err = os.MkdirTemp("/root", "links"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("a=1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	var said []string
	p := Process{Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
	missing, pattern := filepath.Join(dir, "missing"), filepath.Join(dir, "*.conf")
	p.tellLinks([]string{link, dir, missing, pattern})
	if diff := cmp.Diff([]string{"following    " + link + " to " + file}, said); diff != "" {
		t.Error(diff)
	}
}

// A file is watched however its user has named it, and its name says nothing of others.
func TestFoundNamesAreNoPatterns(t *testing.T) {
	cat, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "a[b")
	names := []string{".claude/agents/a[.md", ".claude/agents/*.md", `.claude/agents/a\b.md`, "p[roj/CLAUDE.md", "*/CLAUDE.md"}
	for _, name := range names {
		path := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("text"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := cat.Discover("/", []string{home})
	if err != nil {
		t.Fatal(err)
	}
	set, err := scope.New(foundPaths(homePaths(cat, []string{home}), found), scope.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if path := filepath.Join(home, name); !set.Subject(path) {
			t.Errorf("%s is not watched", path)
		}
	}
	if path := filepath.Join(home, "other/CLAUDE.md"); set.Subject(path) {
		t.Errorf("%s is watched because of another's name", path)
	}
}

// TestUnderUsr: where /lib is a link to /usr/lib a unit is one subject.
func TestUnderUsr(t *testing.T) {
	dir, err := filepath.EvalSymlinks("/lib")
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	unit := "/lib/systemd/system/ssh.service"
	paths := foundPaths([]string{unit, "/usr" + unit, "/libexec/a", "/lib64/a"}, nil)
	want := []string{"/lib64/a", "/libexec/a", "/usr" + unit}
	if dir != "/usr/lib" {
		want = append([]string{unit}, want...)
	}
	if slices.Sort(want); !slices.Equal(paths, want) {
		t.Errorf("%q, want %q", paths, want)
	}
	for _, p := range []string{unit, "/usr" + unit} {
		if m, ok := cat.Match(p); !ok || m.Agent.ID != "sshd" {
			t.Errorf("%s is of no agent: %+v", p, m)
		}
	}
}
