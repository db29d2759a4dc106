package daemon

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/catalogue"
)

// The home of a user who comes is watched once; whoever was there is not a
// newcomer, nor is a service without a person.
func TestNewcomers(t *testing.T) {
	cat, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	passwd, home := filepath.Join(dir, "passwd"), filepath.Join(dir, "carol")
	write := func(text string, second int) {
		if err := os.WriteFile(passwd, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(1_700_000_000+int64(second), 0)
		if err := os.Chtimes(passwd, at, at); err != nil {
			t.Fatal(err)
		}
	}
	var added []string
	said, fails := 0, false
	n := &newcomers{
		process: Process{Say: func(string, ...any) { said++ }, Diag: slog.New(slog.DiscardHandler)}, cat: cat, passwd: passwd, known: []string{"/root"},
		add: func(paths []string) error {
			if fails {
				return errors.New("not now")
			}
			added = append(added, paths...)
			return nil
		},
	}
	const before = "root:x:0:0::/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n"
	write(before, 1)
	n.look()
	if len(added) > 0 {
		t.Errorf("benign twin: nobody came, %q is watched", added)
	}
	write(before+"carol:x:1001:1001::"+home+":/bin/bash\n", 2)
	fails = true
	n.look()
	fails = false // what failed is tried again
	n.look()
	n.look()
	if !slices.Contains(added, filepath.Join(home, ".ssh/authorized_keys")) || said != 1 {
		t.Errorf("watched %q, said %d times", added, said)
	}
	many := len(added)
	write(before, 3)
	n.look()
	write(before+"carol:x:1001:1001::"+home+":/bin/bash\n", 4)
	n.look()
	if len(added) != many {
		t.Errorf("a home that was known is watched again: %q", added[many:])
	}
}

// A file of a project that comes in a home is found where no directory was watched,
// and what no agent reads is not.
func TestProjectsComeLater(t *testing.T) {
	cat, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "carol")
	var added []string
	n := &newcomers{
		process: Process{Diag: slog.New(slog.DiscardHandler)}, cat: cat, known: []string{home},
		add: func(paths []string) error { added = append(added, paths...); return nil },
	}
	n.searchHomes()
	if len(added) > 0 || time.Until(n.search) > time.Hour || time.Until(n.search) <= 0 {
		t.Errorf("nothing came, %q is watched, next in %v", added, time.Until(n.search))
	}
	project := filepath.Join(home, "src/new")
	if err := errors.Join(os.MkdirAll(project, 0o755), os.WriteFile(filepath.Join(project, "CLAUDE.md"), nil, 0o644), os.WriteFile(filepath.Join(project, "other.md"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	n.searchHomes()
	if want := []string{filepath.Join(project, "CLAUDE.md")}; !slices.Equal(added, want) {
		t.Errorf("watched %q, want %q", added, want)
	}
}
