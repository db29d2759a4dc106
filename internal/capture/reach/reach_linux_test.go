package reach

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const mallory = 1001

// stage makes a directory of root's, one of mallory's, and one that only root may
// enter.
// missing skips for want of something, except in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("STELE_CI") == "1" {
		t.Fatal("missing in CI: " + what)
	}
	t.Skip("needs " + what)
}

func stage(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, "root")
	}
	top := t.TempDir()
	for d := top; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{
		"root/a": "root's", "hers/a": "hers", "locked/a": "secret", "locked/open": "open to all, and out of reach",
	} {
		path = filepath.Join(top, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{"locked": 0o700, "locked/a": 0o600} {
		if err := os.Chmod(filepath.Join(top, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	for path, target := range map[string]string{
		"root/up": "../root/./a", "root/abs": top + "/root/a", "root/dir": "../locked", "root/loop": "loop", "root/hers": "../hers", "root/conf": "../hers",
		"hers/own": "a", "hers/foreign": "../locked/a", "hers/open": "../locked/open", "hers/dir": "../locked", "hers/rooted": "../root", "hers/self": "../hers",
	} {
		if err := os.Symlink(target, filepath.Join(top, path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"hers", "hers/a", "hers/own", "hers/foreign", "hers/open", "hers/dir", "hers/rooted", "hers/self"} {
		if err := os.Lchown(filepath.Join(top, path), mallory, mallory); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../locked", filepath.Join(top, "hers/planted")); err != nil { // root's own, where she can put another
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(top, "locked/a"), filepath.Join(top, "hers/second")); err != nil {
		t.Fatal(err)
	}
	for dir, mode := range map[string]os.FileMode{"shared": 0o777, "sticky": 0o777 | os.ModeSticky} {
		path := filepath.Join(top, dir)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Link(filepath.Join(top, "locked/a"), filepath.Join(path, "second")), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(top, "root/a"), filepath.Join(top, "root/twin")); err != nil {
		t.Fatal(err)
	}
	return top
}

// Whatever a user does with links, what comes out is what that user may read; what
// root does with links is followed.
func TestOpen(t *testing.T) {
	top := stage(t)
	r := New()
	defer r.Close()
	for _, c := range []struct {
		path    string
		want    string
		refused bool
		others  bool // not hers alone
	}{
		{path: "root/a", want: "root's"},
		{path: "hers/a", want: "hers"},
		{path: "locked/a", want: "secret"},
		{path: "root/up", want: "→ ../root/./a"},
		{path: "root/dir/a", want: "secret"},
		{path: "root/hers/a", want: "hers"},
		{path: "hers/own", want: "→ a"},
		{path: "hers/foreign", want: "→ ../locked/a"},
		{path: "hers/self/a", want: "hers"},
		{path: "hers/rooted/a", want: "root's"},
		{path: "hers/dir/a", refused: true},
		{path: "hers/dir/open", refused: true},
		{path: "hers/planted/a", refused: true},
		{path: "root/hers/dir/a", refused: true},
		{path: "hers/second", refused: true},
		{path: "root/conf/second", refused: true},
		{path: "shared/second", refused: true, others: true},
		{path: "sticky/second", refused: true, others: true},
		{path: "root/twin", want: "root's"},
		{path: "hers/nothing", want: "absent"},
		{path: "root/loop/a", want: "loops"},
	} {
		got, err := text(r, filepath.Join(top, c.path))
		refused := (*RefusedError)(nil)
		switch {
		case c.refused && (!errors.As(err, &refused) || !errors.Is(err, fs.ErrPermission) || refused.UID != mallory && !c.others):
			t.Errorf("%s: %q, %v; want it refused for her", c.path, got, err)
		case !c.refused && err != nil:
			t.Errorf("%s: %v", c.path, err)
		case !c.refused && got != c.want:
			t.Errorf("%s: %q, want %q", c.path, got, c.want)
		}
	}
}

func text(r *Reach, path string) (string, error) {
	f, err := r.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "absent", nil
	case errors.Is(err, unix.ELOOP):
		return "loops", nil
	case err != nil:
		return "", err
	}
	defer f.Close()
	if f.Stat.Mode&unix.S_IFMT == unix.S_IFLNK {
		target, err := f.Link()
		return "→ " + target, err
	}
	file, err := f.Reader()
	if err != nil {
		return "", err
	}
	defer file.Close()
	b, err := io.ReadAll(file)
	return string(b), err
}

// A directory that a link leads to is listed by the same rules.
func TestOpenDir(t *testing.T) {
	top := stage(t)
	r := New()
	defer r.Close()
	for _, c := range []struct{ path, want string }{
		{"root/dir", "a open"},
		{"hers/rooted", "a abs conf dir hers loop twin up"},
		{"hers/dir", "refused"},
		{"hers/planted", "refused"},
		{"root/a", "no directory"},
	} {
		if got := list(r, filepath.Join(top, c.path)); got != c.want {
			t.Errorf("%s: %q, want %q", c.path, got, c.want)
		}
	}
}

func list(r *Reach, path string) string {
	d, err := r.OpenDir(path)
	var entries []os.DirEntry
	if err == nil {
		defer d.Close()
		entries, err = d.List()
	}
	switch refused := (*RefusedError)(nil); {
	case errors.As(err, &refused):
		return "refused"
	case errors.Is(err, unix.ENOTDIR):
		return "no directory"
	case err != nil:
		return fmt.Sprint(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// Nothing is opened for reading that is no file: that alone can have effects.
func TestSpecial(t *testing.T) {
	top := stage(t)
	path := filepath.Join(top, "hers/fifo")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := New().Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Reader(); err == nil {
		t.Error("a FIFO was opened")
	}
}

// Keeper is the user who decides what lies in a directory.
func TestKeeper(t *testing.T) {
	top := stage(t)
	for path, want := range map[string]uint32{"root": 0, "hers": mallory, "hers/deep/down": mallory} {
		if err := os.MkdirAll(filepath.Join(top, path), 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := Keeper(filepath.Join(top, path)); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", path, got, err, want)
		}
	}
}
