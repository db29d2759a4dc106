package examine_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// act is one way to tamper with a file or a directory. It returns what it altered,
// none where there is nothing to be done with this one.
type act struct {
	name string
	do   func(t *testing.T, p *place, it item) (altered []string)
}

// rewritten is an act that puts other bytes into a file.
func rewritten(name string, do func(b []byte) []byte) act {
	return act{name, func(t *testing.T, p *place, it item) []string {
		was := read(t, p.path(it.rel))
		is := do(slices.Clone(was))
		if is == nil || bytes.Equal(was, is) {
			return nil
		}
		put(t, p.path(it.rel), is)
		return []string{it.rel}
	}}
}

// put writes a file over another, whose mode it keeps.
func put(t *testing.T, path string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.Write(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func flipped(name string, at func(n int) int) act {
	return rewritten("flip "+name, func(b []byte) []byte {
		if len(b) == 0 {
			return nil
		}
		b[at(len(b))] ^= 1
		return b
	})
}

// placed is an act that removes what is there and puts something else in its place.
func placed(name string, put func(path, sound string) error) act {
	return act{name, func(t *testing.T, p *place, it item) []string {
		path := p.path(it.rel)
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := put(path, p.sound(it.rel)); err != nil {
			t.Fatal(err)
		}
		return []string{it.rel}
	}}
}

// replaced is an act that puts another file or directory there.
func replaced(name string, other func(p *place, it item) string) act {
	return act{name, func(t *testing.T, p *place, it item) []string {
		from := other(p, it)
		if from == "" || !it.dir && bytes.Equal(read(t, from), read(t, p.path(it.rel))) {
			return nil
		}
		copyTree(t, from, p.path(it.rel))
		return []string{it.rel}
	}}
}

func mode(m fs.FileMode) func(*testing.T, *place, item) []string {
	return func(t *testing.T, p *place, it item) []string {
		if err := os.Chmod(p.path(it.rel), m); err != nil {
			t.Fatal(err)
		}
		return []string{it.rel}
	}
}

var (
	linked   = placed("link to a copy", func(path, sound string) error { return os.Symlink(sound, path) })
	dangling = placed("dangling link", func(path, _ string) error { return os.Symlink("nowhere", path) })
	circular = placed("link to itself", func(path, _ string) error { return os.Symlink(filepath.Base(path), path) })
	pipe     = placed("FIFO", func(path, _ string) error { return syscall.Mkfifo(path, 0o600) })
	deleted  = placed("delete", func(string, string) error { return nil })
	younger  = replaced("older copy", func(p *place, it item) string { return p.youngerOf(it.rel) })
	foreign  = replaced("of another store", func(p *place, it item) string { return p.foreignOf(it.rel) })
)

// fileActs are what can be done to a file.
var fileActs = []act{
	flipped("first", func(int) int { return 0 }),
	flipped("middle", func(n int) int { return n / 2 }),
	flipped("last", func(n int) int { return n - 1 }),
	rewritten("empty", func([]byte) []byte { return []byte{} }),
	rewritten("halve", func(b []byte) []byte { return b[:len(b)/2] }),
	rewritten("cut last byte", func(b []byte) []byte { return b[:max(0, len(b)-1)] }),
	rewritten("append", func(b []byte) []byte { return append(b, "xyz"...) }),
	rewritten("append zeros", func(b []byte) []byte { return append(b, make([]byte, 4096)...) }),
	deleted,
	{"swap", swap},
	younger, foreign, linked, dangling, circular, pipe,
	placed("directory", func(path, _ string) error { return os.Mkdir(path, 0o700) }),
	{"mode 0666", mode(0o666)},
}

// dirActs are what can be done to a directory.
var dirActs = []act{
	deleted, younger, foreign, linked, dangling, circular, pipe,
	placed("empty", func(path, _ string) error { return os.Mkdir(path, 0o700) }),
	placed("file", func(path, _ string) error { return os.WriteFile(path, []byte("x"), 0o600) }),
	{"mode 0777", mode(0o777)},
	added("stray file", func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }),
	added("stray directory", func(path string) error { return os.Mkdir(path, 0o700) }),
	added("stray link", func(path string) error { return os.Symlink("/etc/passwd", path) }),
}

// added is an act that puts something more into a directory.
func added(name string, put func(path string) error) act {
	return act{name, func(t *testing.T, p *place, it item) []string {
		rel := it.rel + "/stray"
		if err := put(p.path(rel)); err != nil {
			t.Fatal(err)
		}
		return []string{rel}
	}}
}

// swap exchanges a file with the next one of its kind that is another.
func swap(t *testing.T, p *place, it item) []string {
	ours := read(t, p.path(it.rel))
	for _, other := range p.items(t) {
		if other.kind != it.kind || other.rel == it.rel {
			continue
		}
		if theirs := read(t, p.path(other.rel)); !bytes.Equal(ours, theirs) {
			put(t, p.path(it.rel), theirs)
			put(t, p.path(other.rel), ours)
			return []string{it.rel, other.rel}
		}
	}
	return nil
}
