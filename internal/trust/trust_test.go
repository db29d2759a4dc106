package trust_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/trust"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func noteOf(t *testing.T, dir, data string) trust.Note {
	t.Helper()
	n, err := trust.Of(dir, data)
	must(t, err)
	return n
}

// vkey is the key of a log for tests.
func vkey(t *testing.T) string {
	t.Helper()
	k, err := entry.NewSecretKey(make([]byte, 32))
	must(t, err)
	return k.Public().VKey()
}

func TestDir(t *testing.T) {
	t.Setenv("STELE_TRUST", "/elsewhere")
	if d, err := trust.Dir(); err != nil || d != "/elsewhere" {
		t.Errorf("%q, %v", d, err)
	}
	t.Setenv("STELE_TRUST", "")
	t.Setenv("HOME", "/home/jane")
	t.Setenv("XDG_CONFIG_HOME", "")
	d, err := trust.Dir()
	if os.Geteuid() == 0 && d != "/var/lib/stele-trust" || os.Geteuid() != 0 && !strings.HasPrefix(d, "/home/jane/") || err != nil {
		t.Errorf("%q, %v", d, err)
	}
}

// TestOf: one store has one note by whatever name it is called, and two stores
// have two.
func TestOf(t *testing.T) {
	dir := t.TempDir()
	data, link := filepath.Join(dir, "store"), filepath.Join(dir, "link")
	must(t, os.Mkdir(data, 0o700))
	must(t, os.Symlink("store", link))
	t.Chdir(dir)
	note := noteOf(t, "/trust", data)
	for _, name := range []string{link, "store", "./store/", data + "/../store"} {
		if got := noteOf(t, "/trust", name); got != note {
			t.Errorf("%s has the note %s, want %s", name, got.Path(), note.Path())
		}
	}
	if noteOf(t, "/trust", dir) == note {
		t.Error("two stores have one note")
	}
	if filepath.Dir(note.Path()) != "/trust" {
		t.Errorf("the note lies at %s", note.Path())
	}
}

func TestWriteRead(t *testing.T) {
	n := noteOf(t, filepath.Join(t.TempDir(), "a", "trust"), "store")
	if b, ok, err := n.Read(); ok || err != nil || b != (trust.Belief{}) {
		t.Fatalf("before the first: %+v, %v, %v", b, ok, err)
	}
	for _, want := range []trust.Belief{{VKey: "k"}, {VKey: "k", Checkpoint: "c\n", Verified: 1<<53 + 1}} {
		must(t, n.Write(want))
		got, ok, err := n.Read()
		if d := cmp.Diff(want, got); !ok || err != nil || d != "" {
			t.Errorf("%v, %v\n%s", ok, err, d)
		}
	}
	for path, want := range map[string]os.FileMode{n.Path(): 0o600, filepath.Dir(n.Path()): 0o700 | os.ModeDir} {
		fi, err := os.Stat(path)
		must(t, err)
		if fi.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, fi.Mode(), want)
		}
	}
	left, err := os.ReadDir(filepath.Dir(n.Path()))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the note: %v, %v", left, err)
	}
}

// TestDamaged: what cannot be read is an error, never no belief: with none a
// reader would believe the first thing it is shown.
func TestDamaged(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "cut": `{"vkey":"k"`, "another type": `{"verified":-1}`, "a list": `[]`, "two": `{} {}`, "garbage": "\x00\xff",
	} {
		n := noteOf(t, t.TempDir(), "store")
		must(t, os.WriteFile(n.Path(), []byte(content), 0o600))
		if b, ok, err := n.Read(); ok || err == nil || !strings.Contains(err.Error(), n.Path()) {
			t.Errorf("%s: %+v, %v, %v", name, b, ok, err)
		}
	}
	n := noteOf(t, t.TempDir(), "store")
	must(t, os.Mkdir(n.Path(), 0o700))
	if _, ok, err := n.Read(); ok || err == nil {
		t.Errorf("a directory: %v, %v", ok, err)
	}
	if err := n.Write(trust.Belief{}); err == nil {
		t.Error("a directory was written over")
	}
}

func TestOpen(t *testing.T) {
	key := vkey(t)
	cp, err := trust.Belief{VKey: key}.Open()
	if err != nil || cp.Size != 0 || cp.Root != entry.EmptyRoot || !strings.HasPrefix(key, cp.Origin+"+") {
		t.Errorf("before the first checkpoint: %+v, %v", cp, err)
	}
	for name, b := range map[string]trust.Belief{
		"no key":        {},
		"a bad key":     {VKey: "x+y+z"},
		"no note":       {VKey: key, Checkpoint: "x"},
		"not signed":    {VKey: key, Checkpoint: cp.Origin + "\n0\n" + cp.Root.String() + "\n\n"},
		"bad signature": {VKey: key, Checkpoint: cp.Origin + "\n0\n" + cp.Root.String() + "\n\n— " + cp.Origin + " AAAAAAAA\n"},
	} {
		if cp, err := b.Open(); err == nil {
			t.Errorf("%s: %+v", name, cp)
		}
	}
}
