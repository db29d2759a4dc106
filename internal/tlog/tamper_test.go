package tlog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

func wantFinding(t *testing.T, err error, want verify.Code) {
	t.Helper()
	var f *verify.Finding
	if !errors.As(err, &f) || f.Code != want || f.Accused != verify.TheLog {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Every k-th byte of every file of small logs is altered, one at a time: the
// check must name that file, and a bundle's entry by its index.
func TestEveryByteIsNamed(t *testing.T) {
	t.Parallel()
	for _, size := range []uint64{3, 256, 700} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir := makeLog(t, size, 90)
			d, tree := openTree(t, dir)
			if p := problems(t, d, tree); len(p) > 0 {
				t.Fatalf("before anything was altered: %v", p)
			}
			cp := tree.Checkpoint()
			for _, f := range files(t, dir) {
				path := filepath.Join(dir, f.Path)
				data := read(t, path)
				flips := 0
				for at := 0; at < len(data); at += step(len(data), size) {
					spoiled := bytes.Clone(data)
					spoiled[at] ^= 1 << (at % 8)
					write(t, path, spoiled)
					p := problems(t, d, NewTree(d, cp))
					if p[f.Path] == nil {
						t.Fatalf("byte %d of %s: found %v", at, f.Path, p)
					}
					wantIndex(t, f, data, at, p[f.Path])
					flips++
				}
				write(t, path, data)
				if flips == 0 && f.Kind != lockFile {
					t.Errorf("%s is empty", f.Path)
				}
			}
			wantSound(t, dir, size)
		})
	}
}

// step is how far apart the altered bytes are: of small files every one.
func step(bytes int, size uint64) int {
	if size < 10 {
		return 1
	}
	return 1 + bytes/7
}

// wantIndex finds out which entry holds a byte of a bundle.
func wantIndex(t *testing.T, f logFile, data []byte, at int, problem error) {
	t.Helper()
	if f.Kind != bundleFile {
		return
	}
	index := uint64(f.Tile.N) * tileWidth
	end := 0
	for ; ; index++ {
		e, rest, ok := cutEntry(data[end:])
		if !ok {
			t.Fatalf("%s has no byte %d", f.Path, at)
		}
		if inLength := at < end+lengthSize; at < len(data)-len(rest) {
			var m *Mismatch
			// A false length moves what follows: then the first entry that is wrong,
			// or the place where the bundle breaks off, is at the index or behind it.
			if !errors.As(problem, &m) || m.Path != f.Path ||
				!inLength && (m.Index != index || m.Count != 1) && m.Count != uint64(f.Tile.W) {
				t.Fatalf("byte %d of %s is in entry %d; found %v", at, f.Path, index, problem)
			}
			return
		}
		end += lengthSize + len(e)
	}
}

// damage is done to a log of 900 entries with 3 full bundles.
var damage = []struct {
	name string
	do   func(t *testing.T, dir string)
	path string   // named by CheckFiles
	lost []uint64 // entries that cannot be proved any more: from, to
}{
	{"tile gone", func(t *testing.T, dir string) { remove(t, dir, "tile/0/001") }, "tile/0/001", nil},
	{"tile cut", func(t *testing.T, dir string) { truncate(t, dir, "tile/0/001", 8000) }, "tile/0/001", nil},
	{"tile is longer", func(t *testing.T, dir string) { add(t, dir, "tile/0/001") }, "tile/0/001", nil},
	{"edge tile gone", func(t *testing.T, dir string) { remove(t, dir, "tile/0/003.p/132") }, "tile/0/003.p/132", nil},
	{"edge tile of level 1 gone", func(t *testing.T, dir string) { remove(t, dir, "tile/1/000.p/3") }, "tile/1/000.p/3", nil},
	{"bundle gone", func(t *testing.T, dir string) { remove(t, dir, "tile/entries/001") }, "tile/entries/001", []uint64{256, 512}},
	{"bundle cut", func(t *testing.T, dir string) { truncate(t, dir, "tile/entries/001", 5) }, "tile/entries/001", []uint64{256, 512}},
	{"bundle is longer", func(t *testing.T, dir string) { add(t, dir, "tile/entries/001") }, "tile/entries/001", []uint64{511, 512}},
	{"edge bundle gone", func(t *testing.T, dir string) { remove(t, dir, "tile/entries/003.p/132") }, "tile/entries/003.p/132", []uint64{768, 900}},
	{"edge bundle is longer", func(t *testing.T, dir string) { add(t, dir, "tile/entries/003.p/132") }, "tile/entries/003.p/132", []uint64{899, 900}},
	{"directory in place of a tile", func(t *testing.T, dir string) {
		remove(t, dir, "tile/0/001")
		check(t, os.Mkdir(filepath.Join(dir, "tile/0/001"), 0o755))
	}, "tile/0/001", nil},
	{"tile and bundle gone", func(t *testing.T, dir string) {
		remove(t, dir, "tile/0/001")
		remove(t, dir, "tile/entries/001")
	}, "tile/entries/001", []uint64{256, 512}},
	{"tile and bundle altered", func(t *testing.T, dir string) {
		alter(t, dir, "tile/0/001", 40)
		alter(t, dir, "tile/entries/001", 5000)
	}, "tile/0/001", []uint64{256, 512}},
	{"stale bundle is longer", func(t *testing.T, dir string) {
		e := content(256)
		write(t, filepath.Join(dir, "tile/entries/001.p/1"), append(append([]byte{byte(len(e) >> 8), byte(len(e))}, e...), 0))
	}, "tile/entries/001.p/1", nil},
	{"stale bundle of another log", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "tile/entries/001.p/1"), []byte{0, 1, 'x'})
	}, "tile/entries/001.p/1", nil},
	{"stale tile cut", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "tile/0/001.p/2"), read(t, filepath.Join(dir, "tile/0/001"))[:32])
	}, "tile/0/001.p/2", nil},
	{"stranger", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "tile/0/x.txt"), nil) }, "tile/0/x.txt", nil},
	{"tile beyond the log", func(t *testing.T, dir string) { put(t, dir, "tile/0/999") }, "tile/0/999", nil},
	{"bundle beyond the log", func(t *testing.T, dir string) { put(t, dir, "tile/entries/005.p/7") }, "tile/entries/005.p/7", nil},
	{"tile with a number beyond all", func(t *testing.T, dir string) {
		put(t, dir, "tile/7/x036/x028/x797/x018/x963/969.p/7")
	}, "tile/7/x036/x028/x797/x018/x963/969.p/7", nil},
	{"link among the tiles", func(t *testing.T, dir string) {
		partial := filepath.Join(dir, "tile/0/001.p")
		check(t, os.RemoveAll(partial)) // a tree may have been published while that tile was filling
		check(t, os.Symlink("001", partial))
	}, "tile/0/001.p", nil},
	{"checkpoint of an older tree", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "checkpoint"), read(t, filepath.Join(makeLog(t, 300, 300), "checkpoint")))
	}, "checkpoint", nil},
	{"lock file holds something", func(t *testing.T, dir string) { add(t, dir, ".state/treeState.lock") }, ".state/treeState.lock", nil},
	{"clearing up ahead of the log", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, gcStatePath), []byte(`{"fromSize":1024}`))
	}, gcStatePath, nil},
}

func remove(t *testing.T, dir, name string) { check(t, os.Remove(filepath.Join(dir, name))) }

func alter(t *testing.T, dir, name string, at int) {
	path := filepath.Join(dir, name)
	data := read(t, path)
	data[at] ^= 1
	write(t, path, data)
}

// put makes a file where there is none.
func put(t *testing.T, dir, name string) {
	path := filepath.Join(dir, name)
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	write(t, path, []byte("x"))
}

func truncate(t *testing.T, dir, name string, size int64) {
	check(t, os.Truncate(filepath.Join(dir, name), size))
}

func add(t *testing.T, dir, name string) {
	path := filepath.Join(dir, name)
	write(t, path, append(read(t, path), 0))
}

func TestDamage(t *testing.T) {
	t.Parallel()
	sound := makeLog(t, 900, 900)
	for _, c := range damage {
		t.Run(c.name, func(t *testing.T) {
			dir := copyDir(t, sound)
			d, tree := openTree(t, dir)
			c.do(t, dir)
			p := problems(t, d, tree)
			if p[c.path] == nil {
				t.Errorf("CheckFiles found %v, want %s", p, c.path)
			}
			from, to := uint64(0), uint64(0)
			if c.lost != nil {
				from, to = c.lost[0], c.lost[1]
			}
			wantLost(t, NewTree(d, tree.Checkpoint()), from, to)
		})
	}
}

// wantLost reads everything: errors name the entries of a range, and none else;
// all others come as they were written.
func wantLost(t *testing.T, tree *Tree, from, to uint64) {
	t.Helper()
	var lost []uint64
	seen := make([]bool, tree.Checkpoint().Size)
	for e, err := range tree.Entries(t.Context(), 0, tree.Checkpoint().Size) {
		var m *Mismatch
		if errors.As(err, &m) {
			lost = append(lost, m.Index, m.Index+m.Count)
			continue
		}
		check(t, err)
		if !bytes.Equal(e.Bytes, content(e.Index)) || seen[e.Index] {
			t.Fatalf("entry %d is wrong, or comes twice", e.Index)
		}
		seen[e.Index] = true
	}
	if from == to && lost != nil || from != to && (len(lost) == 0 || slices.Min(lost) != from || slices.Max(lost) != to) {
		t.Errorf("lost %v, want %d to %d", lost, from, to)
	}
	for i, ok := range seen {
		if !ok != (uint64(i) >= from && uint64(i) < to) {
			t.Fatalf("entry %d: seen %t", i, ok)
		}
	}
}

// Several bad entries in one bundle are named one by one, the rest is read.
func TestEntriesGoOnBehindBadOnes(t *testing.T) {
	t.Parallel()
	dir := makeLog(t, 600, 600)
	path := filepath.Join(dir, "tile/entries/001")
	data := read(t, path)
	bad := []uint64{260, 261, 500}
	entries, _ := SplitBundle(data, tileWidth)
	for _, i := range bad {
		e := entries[i-tileWidth]
		e[len(e)/2] ^= 0x40
	}
	write(t, path, data)
	_, tree := openTree(t, dir)
	var got []uint64
	next := uint64(100)
	for e, err := range tree.Entries(t.Context(), 100, 520) {
		if e.Index != next {
			t.Fatalf("entry %d in place of %d", e.Index, next)
		}
		next++
		var m *Mismatch
		if errors.As(err, &m) {
			got = append(got, m.Index)
			if m.Path != "tile/entries/001" || len(e.Bytes) != len(content(e.Index)) {
				t.Errorf("entry %d: %v, with %d bytes", e.Index, m, len(e.Bytes))
			}
			if _, err := tree.Entry(t.Context(), e.Index); !mismatched(err) {
				t.Errorf("entry %d by itself: %v", e.Index, err)
			}
			continue
		}
		check(t, err)
	}
	if !slices.Equal(got, bad) || next != 520 {
		t.Errorf("named %v up to %d, want %v up to 520", got, next, bad)
	}
}

func TestRollbackAndFork(t *testing.T) {
	t.Parallel()
	_, old := openTree(t, makeLog(t, 300, 100))
	_, grown := openTree(t, makeLog(t, 700, 100))
	check(t, grown.Consistent(t.Context(), old.Checkpoint()))
	check(t, grown.Consistent(t.Context(), grown.Checkpoint()))
	check(t, grown.Consistent(t.Context(), verify.Checkpoint{Origin: testOrigin, Root: entry.EmptyRoot}))
	wantFinding(t, old.Consistent(t.Context(), grown.Checkpoint()), verify.Shrunk)

	fork := old.Checkpoint()
	fork.Root[0] ^= 1
	wantFinding(t, grown.Consistent(t.Context(), fork), verify.Fork)
	fork = grown.Checkpoint()
	fork.Root[0] ^= 1
	wantFinding(t, grown.Consistent(t.Context(), fork), verify.Fork)
	other := old.Checkpoint()
	other.Origin = "another.example/log"
	wantFinding(t, grown.Consistent(t.Context(), other), verify.Fork)
}

// A directory put back to an older state, under a newer checkpoint.
func TestShrunkDirectory(t *testing.T) {
	t.Parallel()
	_, newer := openTree(t, makeLog(t, 700, 100))
	older, _ := openTree(t, makeLog(t, 300, 100))
	tree := NewTree(older, newer.Checkpoint())
	_, err := tree.Entry(t.Context(), 650)
	wantFinding(t, err, verify.TreeMismatch)
	if p := problems(t, older, tree); p["checkpoint"] == nil || p[statePath] == nil || p["tile/entries/002.p/188"] == nil {
		t.Errorf("found %v", p)
	}
}

// What is no file is not there: a link that leads to itself, a directory. Directories
// that no log has are strangers.
func TestNoFileIsNotThere(t *testing.T) {
	t.Parallel()
	dir := makeLog(t, 300, 100)
	d, tree := openTree(t, dir)
	for _, path := range []string{"tile/entries/000.p/100", "tile/stray", "tile/0/stray.p", ".state/stray", ".state/version"} {
		check(t, os.RemoveAll(filepath.Join(dir, path)))
		check(t, os.Mkdir(filepath.Join(dir, path), 0o700))
		if p := problems(t, d, tree); len(p) != 1 || p[path] == nil {
			t.Errorf("%s: found %v", path, p)
		}
		check(t, os.Remove(filepath.Join(dir, path)))
		if path == versionPath {
			if p := problems(t, d, tree); len(p) != 1 || p[path] == nil {
				t.Errorf("%s is missing: found %v", path, p)
			}
		}
	}
	path := filepath.Join(dir, "tile/entries/000")
	check(t, os.Remove(path))
	check(t, os.Symlink("000", path))
	_, err := tree.Entry(t.Context(), 0)
	wantFinding(t, err, verify.TreeMismatch)
}

// "Could not read" is not "found wrong".
func TestUnreadableIsNoFinding(t *testing.T) {
	t.Parallel()
	dir := makeLog(t, 300, 300)
	d, tree := openTree(t, dir)
	path := filepath.Join(dir, "tile/entries/000")
	check(t, os.Remove(path))
	check(t, os.Symlink(strings.Repeat("x", 300), path)) // ENAMETOOLONG, whoever asks
	for _, err := range tree.Entries(t.Context(), 0, 1) {
		if err == nil || isFinding(err) {
			t.Errorf("Entries: %v", err)
		}
	}
	_, err := tree.Entry(t.Context(), 0)
	if err == nil || isFinding(err) {
		t.Errorf("Entry: %v", err)
	}
	if err := d.CheckFiles(t.Context(), tree, func(string, error) {}); err == nil || isFinding(err) {
		t.Errorf("CheckFiles: %v", err)
	}
}

func TestMismatchSays(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]Mismatch{
		"tile/entries/000: entry 3: bad":      {"tile/entries/000", 3, 1, "bad"},
		"tile/0/001: entries 256 to 511: bad": {"tile/0/001", 256, 256, "bad"},
		"checkpoint: bad":                     {Path: "checkpoint", Detail: "bad"},
	} {
		if m.Error() != want {
			t.Errorf("says %q, want %q", m.Error(), want)
		}
		var f *verify.Finding
		if !errors.As(&m, &f) || f.Index != m.Index || !strings.Contains(f.Detail, m.Path) {
			t.Errorf("%q unwraps to %v", want, f)
		}
	}
}
