package checkpoints

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/durable/faultdisk"
	"github.com/stele-log/stele/verify"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// made is a checkpoint of a size; view tells several of one size apart.
func made(t *testing.T, size int, view string) verify.Checkpoint {
	t.Helper()
	root := sha256.Sum256(fmt.Append(nil, size, view))
	note := fmt.Sprintf("log.example\n%d\n%s\n\n— log.example %s\n", size, verify.Checkpoint{Root: root}.Root, strings.Repeat("A", 100))
	cp, err := verify.ReadCheckpoint([]byte(note))
	if err != nil {
		t.Fatal(err)
	}
	return cp
}

func add(t *testing.T, k *Kept, cp verify.Checkpoint, at time.Time, apart bool) bool {
	t.Helper()
	added, err := k.Add(cp, at, apart)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func open(t *testing.T, fsys durable.FS, dir string) *Kept {
	t.Helper()
	k, err := Open(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// sizes are the sizes of checkpoints, in order.
func sizes(t *testing.T, notes [][]byte) (all []uint64) {
	t.Helper()
	for _, n := range notes {
		cp, err := verify.ReadCheckpoint(n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cp.Size)
	}
	return all
}

// TestKept: each distinct one is kept once, over a restart, in order; two trees of
// one size are two.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	k := open(t, durable.OS, dir)
	for _, c := range []struct {
		size  int
		view  string
		added bool
	}{{1, "", true}, {2, "", true}, {2, "", false}, {2, "another tree", true}, {1, "", false}, {0, "", false}} {
		cp := verify.Checkpoint{}
		if c.size > 0 {
			cp = made(t, c.size, c.view)
		}
		if got := add(t, k, cp, start, false); got != c.added {
			t.Errorf("%+v: added %v", c, got)
		}
	}
	large := made(t, 9, "")
	large.Note = append(large.Note, make([]byte, MaxNote)...)
	if add(t, k, large, start, false) {
		t.Error("one that is too large is kept")
	}
	for _, k := range []*Kept{k, open(t, durable.OS, dir)} {
		if d := cmp.Diff([]uint64{1, 2, 2}, sizes(t, k.Notes())); d != "" {
			t.Error(d)
		}
		if two := made(t, 2, "another tree"); !k.Has(2, two.Root) || k.Has(3, two.Root) {
			t.Error("it does not know what it has")
		}
	}
}

// TestShipped: each is handed on once, over a restart too, if all were.
func TestShipped(t *testing.T) {
	dir := t.TempDir()
	k := open(t, durable.OS, dir)
	for n := 1; n <= 5; n++ {
		add(t, k, made(t, n, ""), start, false)
	}
	for _, want := range [][]uint64{{1, 2, 3}, {4, 5}, nil} {
		notes := k.Unshipped(3, 1<<20)
		if d := cmp.Diff(want, sizes(t, notes)); d != "" {
			t.Error(d)
		}
		if err := k.Shipped(notes); err != nil {
			t.Fatal(err)
		}
	}
	add(t, k, made(t, 6, ""), start, false)
	if d := cmp.Diff([]uint64{6}, sizes(t, open(t, durable.OS, dir).Unshipped(3, 1))); d != "" {
		t.Error(d)
	}
}

// TestThin: over years of one a minute the newest stay, and one an hour of those
// before, as far as there is room; what contradicts the log stays in any case.
func TestThin(t *testing.T) {
	dir := t.TempDir()
	k := open(t, durable.OS, dir)
	lie := made(t, 77, "another tree")
	add(t, k, lie, start, true)
	const all = 40_000 // a hundred days and more
	for n := 1; n <= all; n++ {
		add(t, k, made(t, n, ""), start.Add(time.Duration(n)*4*time.Minute), false)
		if n%10 == 0 {
			if err := k.Shipped(k.Unshipped(100, 1<<20)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(k.Unshipped(100, 1<<20)); n != 0 {
		t.Errorf("%d are to be handed on again", n)
	}
	if err := k.rewrite(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Size() > maxBytes {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	k = open(t, durable.OS, dir)
	if !k.Has(77, lie.Root) {
		t.Error("what convicts the log is forgotten")
	}
	for n := all - newest + 1; n <= all; n++ {
		if cp := made(t, n, ""); !k.Has(cp.Size, cp.Root) {
			t.Fatalf("%d of %d is forgotten", n, all)
		}
	}
	got := sizes(t, k.Notes())
	for i := 2; i < len(got)-newest; i++ {
		if got[i]-got[i-1] > 16 {
			t.Errorf("nothing between %d and %d", got[i-1], got[i])
		}
	}
	if hours := len(got) - newest; hours < 1000 {
		t.Errorf("%d hours are left", hours)
	}
}

// TestManyContrary: of those that contradict the log the first stay, and there is a
// limit to them too.
func TestManyContrary(t *testing.T) {
	k := open(t, durable.OS, t.TempDir())
	for n := 1; n <= 3*newest; n++ {
		add(t, k, made(t, n, "another tree"), start, true)
	}
	if err := k.rewrite(); err != nil {
		t.Fatal(err)
	}
	if got := sizes(t, k.Notes()); len(got) != apart || got[0] != 1 {
		t.Errorf("%d are kept, from %d on", len(got), got[0])
	}
}

// TestCrash: what was synced is there after a power cut, and the file is one that
// can be gone on with.
func TestCrash(t *testing.T) {
	for _, keep := range []faultdisk.Keep{faultdisk.Nothing, faultdisk.Prefix, faultdisk.Everything, faultdisk.Scattered} {
		disk := faultdisk.New(1)
		if err := errors.Join(durable.MkdirAll(disk, "/d", 0o700), disk.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
		k := open(t, disk, "/d")
		for n := 1; n <= 3; n++ {
			add(t, k, made(t, n, ""), start, false)
		}
		if err := k.Sync(); err != nil {
			t.Fatal(err)
		}
		add(t, k, made(t, 4, ""), start, false)
		disk.Crash(keep)
		k = open(t, disk, "/d")
		if got := sizes(t, k.Notes()); len(got) < 3 || got[2] != 3 {
			t.Errorf("after a power cut: %v", got)
		}
		add(t, k, made(t, 5, ""), start, false)
		if got := sizes(t, open(t, disk, "/d").Notes()); got[len(got)-1] != 5 {
			t.Errorf("it cannot be gone on with: %v", got)
		}
	}
}

// TestDamage: a bit that flipped costs one checkpoint, and readers name the place.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	k := open(t, durable.OS, dir)
	for n := 1; n <= 5; n++ {
		add(t, k, made(t, n, ""), start, false)
	}
	path := filepath.Join(dir, FileName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte("\n2\n"))+1] = '7'
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	notes, damage, err := Read(durable.OS, path)
	if err != nil || len(damage) != 1 || damage[0].Torn {
		t.Errorf("%v, %v", damage, err)
	}
	if d := cmp.Diff([]uint64{1, 3, 4, 5}, sizes(t, notes)); d != "" {
		t.Error(d)
	}
	open(t, durable.OS, dir)
	if notes, damage, err = Read(durable.OS, path); err != nil || len(damage) > 0 || len(notes) != 4 {
		t.Errorf("it is not mended: %d, %v, %v", len(notes), damage, err)
	}
}

// TestText: what is joined is split again, however it was put together by hand, and
// what is no checkpoint is left for others to refuse.
func TestText(t *testing.T) {
	a, b := made(t, 1, "").Note, made(t, 2, "").Note
	b = append(bytes.Clone(b), "— witness.example AAAA\n"...)
	for name, text := range map[string]string{
		"joined":            string(Join([][]byte{a, b})),
		"put together":      string(a) + string(b),
		"with more between": "\n" + string(a) + "\n\n\n" + string(b) + "\n\n",
		"without an end":    string(a) + strings.TrimSuffix(string(b), "\n"),
	} {
		got := Split([]byte(text))
		if len(got) != 2 || string(got[0]) != string(a) || strings.TrimSuffix(string(got[1]), "\n") != strings.TrimSuffix(string(b), "\n") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, text := range []string{"", "\n\n", "x", "x\n\ny", "\n— \n", "x\n\n— "} {
		var n int
		for _, note := range Split([]byte(text)) {
			n += len(note)
		}
		if n > len(text) {
			t.Errorf("%q became longer", text)
		}
	}
}
