package examine_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/steletest"
)

// variants are stores that nobody tampered with, and how often verify said of one that
// somebody did.
type variants struct{ made, alarms int }

// expect has verify find nothing wrong.
func (v *variants) expect(t *testing.T, st steletest.Store, name string, flags ...string) {
	t.Helper()
	v.made++
	if s := verified(t, st, flags...); s.status != 0 || len(s.Findings) > 0 {
		v.alarms++
		t.Errorf("%s: exit status %d\n%s%.2000s", name, s.status, s.errs, s.out)
	}
}

// untouched makes variants, more of some kinds the more rounds there are. A store that
// was copied, restored, reindexed, written to meanwhile, killed, erased from or grown
// must never be called tampered with.
func untouched(t *testing.T, g *ground, rounds int) (v variants) {
	t.Helper()
	for _, kind := range []func(*testing.T, *ground, *variants, int){copies, restored, reindexed, handled, overlapped, killed, erased, grown} {
		kind(t, g, &v, rounds)
	}
	t.Logf("%d variants, %d false alarms", v.made, v.alarms)
	return v
}

// in is a store at a path of its own, with beliefs of its own, as a copy of another.
func in(t *testing.T, from string) steletest.Store {
	t.Helper()
	dir := t.TempDir()
	st := steletest.StoreIn(t, filepath.Join(dir, "store"), filepath.Join(dir, "trust"))
	copyTree(t, from, st.Layout.Dir)
	return st
}

// knowing is a store under another path, met by somebody who believes in the ground's.
func knowing(t *testing.T, g *ground, from string) steletest.Store {
	t.Helper()
	st := in(t, from)
	return steletest.StoreIn(t, st.Layout.Dir, beliefsOf(g.Store))
}

func copies(t *testing.T, g *ground, v *variants, _ int) {
	v.expect(t, g.Store, "the store itself")
	v.expect(t, g.Store, "the store, of which all is believed", "--new")
	v.expect(t, in(t, g.Layout.Dir), "a copy, met for the first time")
	v.expect(t, knowing(t, g, g.Layout.Dir), "a copy under another path")
	v.expect(t, knowing(t, g, g.Layout.Dir), "a copy that is said to be one", "--copy")
	st := steletest.NewStore(t)
	if err := os.CopyFS(st.Layout.Dir, os.DirFS(g.Layout.Dir)); err != nil {
		t.Fatal(err)
	}
	restrict(t, st)
	v.expect(t, st, "a copy without times")
}

// restrict gives a copy that was made without them the modes of a store.
func restrict(t *testing.T, st steletest.Store) {
	t.Helper()
	err := filepath.WalkDir(st.Layout.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func restored(t *testing.T, g *ground, v *variants, _ int) {
	v.expect(t, in(t, g.older), "an older one, met for the first time")
	v.expect(t, knowing(t, g, g.older), "an older one under another path", "--copy")
	st := in(t, g.Layout.Dir)
	v.expect(t, st, "before it is restored")
	copyTree(t, g.older, st.Layout.Dir)
	v.expect(t, st, "an older one at the same path", "--copy")
	copyTree(t, g.Layout.Dir, st.Layout.Dir)
	v.expect(t, st, "the newer one put back")
}

func reindexed(t *testing.T, g *ground, v *variants, _ int) {
	st := in(t, g.Layout.Dir)
	must(t, st, "admin", "reindex")
	v.expect(t, st, "reindexed")
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(st.Layout.Index() + suffix); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	v.expect(t, st, "without what SQLite keeps beside the index")
	must(t, st, "log")
	v.expect(t, st, "read")
}

func must(t *testing.T, st steletest.Store, args ...string) {
	t.Helper()
	if r := command(t, st, "", args...); r.status != 0 {
		t.Fatalf("stele %v: exit status %d\n%s%s", args, r.status, r.out, r.errs)
	}
}

// handled are stores that somebody moved, published, cleared up, or linked to.
func handled(t *testing.T, g *ground, v *variants, _ int) {
	st := in(t, g.Layout.Dir)
	err := filepath.WalkDir(st.Layout.Log(), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return os.Chmod(path, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	v.expect(t, st, "with a log that everybody can read")
	earlier, err := filepath.Glob(filepath.Join(st.Layout.Log(), "tile", "*", "00[01].p"))
	if err != nil || len(earlier) == 0 {
		t.Fatal("no earlier partial tiles", err)
	}
	for _, dir := range earlier {
		if filepath.Base(filepath.Dir(dir)) == "1" {
			continue // of the upper level, where it is the newest
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	v.expect(t, st, "without earlier partial tiles")
	old := time.Now().Add(-1000 * time.Hour)
	if err := os.Chtimes(st.Layout.Index(), old, old); err != nil {
		t.Fatal(err)
	}
	v.expect(t, st, "with other times")
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(st.Layout.Dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(moved, st.Layout.Dir); err != nil {
		t.Fatal(err)
	}
	v.expect(t, st, "reached by a link")
	v.expect(t, steletest.StoreIn(t, moved, t.TempDir()), "moved")
}

// overlapped are stores that are written to while they are verified.
func overlapped(t *testing.T, g *ground, v *variants, rounds int) {
	for range (rounds + 1) / 2 {
		st := in(t, g.Layout.Dir)
		writer := prepare(t.Context(), st, "import", "ndjson", rows(t, 1000))
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- writer.Wait() }()
		await(t, "the writer's first entries", func() bool { return st.Layout.Writing() })
		for range 4 {
			v.expect(t, st, "while it is written to")
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		v.expect(t, st, "after it was written to")
	}
}

// killed are stores whose writer was killed while it wrote.
func killed(t *testing.T, g *ground, v *variants, rounds int) {
	st := in(t, g.Layout.Dir)
	for n := range 2 * rounds {
		before := fingerprint(t, st)
		writer := prepare(t.Context(), st, "import", "ndjson", rows(t, 1000))
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		for range 1 + n%2 { // of the four batches that it writes
			await(t, "what the writer writes", func() bool { now := fingerprint(t, st); is := now != before; before = now; return is })
		}
		if err := writer.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = writer.Wait() // it was killed
		v.expect(t, st, "after its writer was killed")
		must(t, st, "import", "ndjson", rows(t, 1))
		v.expect(t, st, "after its writer was killed, and another one came")
	}
}

// fingerprint changes as openings are written.
func fingerprint(t *testing.T, st steletest.Store) int64 {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(st.Layout.Vault(), "openings-*"))
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// erased are stores from which more and more was erased.
func erased(t *testing.T, g *ground, v *variants, rounds int) {
	h := *g
	h.Store = in(t, g.Layout.Dir)
	for n := range rounds {
		h.eraseFrom(t, uint64(11+n))
		v.expect(t, h.Store, "after an erasure")
	}
}

// grown are stores that machines came back to, at the borders of a bundle too.
func grown(t *testing.T, g *ground, v *variants, rounds int) {
	st := in(t, g.Layout.Dir)
	for n := range rounds {
		runMachine(t, st, g.etc, func(m *daemon.Machine) {
			g.edit(t, "agent.conf", fmt.Sprintf("interval = %d\n", 100+n))
			head, _ := m.Spool.Head()
			await(t, "the watcher's change", func() bool { return acknowledged(m, head.Next+1) })
		})
		v.expect(t, st, "after its machine ran")
	}
	for range 2 {
		s := verified(t, st)
		must(t, st, "import", "ndjson", rows(t, int(256-s.Size%256)))
		v.expect(t, st, "about a full bundle")
	}
}
