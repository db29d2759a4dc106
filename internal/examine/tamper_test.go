package examine_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/wire"
)

// fill records n entries of several subjects.
func fill(t *testing.T, st steletest.Store, n int) {
	t.Helper()
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	c := steletest.Enrol(t, srv, entry.Watcher, 1)
	last := map[string]*body.Ref{}
	var subs []wire.Submission
	for i := range n {
		path := fmt.Sprintf("/etc/agent/%d.conf", i%7)
		text := fmt.Sprintf("interval = %d\nhost = web-%d\n%s", i, i%7, strings.Repeat("line of configuration\n", 20))
		sub, e, err := c.Sign(steletest.Change(path, text, last[path]))
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, *sub)
		last[path] = &body.Ref{Entry: e.ID().String()}
		if len(subs) == 15 {
			steletest.Submit(t, srv, subs)
			subs = nil
		}
	}
	steletest.Submit(t, srv, subs)
}

func examined(t *testing.T, st steletest.Store) (*examine.Report, error) {
	t.Helper()
	return examine.Run(context.Background(), examine.Config{Layout: st.Layout, Trust: st.Trust})
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
}

// files lists the files of a store, relative to it.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(dir, p)
			list = append(list, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// harmless says of which files nothing is evidence: locks, whose content is only
// talk, and what SQLite keeps beside a database that was closed.
func harmless(rel string) bool {
	return rel == "lock" || rel == "keys/"+keyfile.LockName || strings.HasSuffix(rel, "-shm") || strings.HasSuffix(rel, "-wal") || strings.Contains(rel, ".state/") && strings.HasSuffix(rel, "lock")
}

func named(rep *examine.Report, err error) bool { return err != nil || rep.Bad() || rep.Unsafe() > 0 }

// TestTamper flips bytes in, truncates and deletes every file of a store: log,
// vault, keyring, keys, format. Each must be named, by a finding or by an error
// that says the file could not be read as what it should be.
func TestTamper(t *testing.T) {
	sound := steletest.NewStore(t)
	fill(t, sound, 40)
	if rep, err := examined(t, sound); named(rep, err) || len(rep.Findings) > 0 {
		t.Fatalf("the sound store is not clean: %v %+v", err, rep)
	}
	dir := t.TempDir()
	st := steletest.StoreIn(t, filepath.Join(dir, "store"), filepath.Join(dir, "trust"))
	believe(t, sound, st)
	for _, rel := range files(t, sound.Layout.Dir) {
		if harmless(rel) || strings.HasPrefix(rel, "index/") {
			continue
		}
		original, err := os.ReadFile(filepath.Join(sound.Layout.Dir, rel))
		if err != nil {
			t.Fatal(err)
		}
		try := func(act string, do func(path string) error) {
			copyTree(t, sound.Layout.Dir, st.Layout.Dir)
			if err := do(filepath.Join(st.Layout.Dir, rel)); err != nil {
				t.Fatal(err)
			}
			if rep, err := examined(t, st); !named(rep, err) {
				t.Errorf("%s: %s was not noticed", rel, act)
			}
		}
		for _, at := range sample(len(original)) {
			try(fmt.Sprintf("byte %d altered", at), func(p string) error {
				b := append([]byte(nil), original...)
				b[at] ^= 0x01
				return os.WriteFile(p, b, 0o600)
			})
		}
		if len(original) > 0 {
			try("truncated", func(p string) error { return os.Truncate(p, int64(len(original)-1)) })
			try("emptied", func(p string) error { return os.Truncate(p, 0) })
		}
		if !optional(rel) {
			try("deleted", os.Remove)
		}
	}
}

// optional says which files may be absent without anything being wrong: partial
// tiles that a wider one has made unnecessary, and what the driver of the log
// keeps only for itself.
func optional(rel string) bool {
	return strings.Contains(rel, ".p/") || strings.HasPrefix(rel, "log/.state/")
}

// sample picks bytes of a file: all of a small one, else the edges and some of
// the rest.
func sample(n int) []int {
	var at []int
	step := max(1, n/7)
	for i := 0; i < n; i += step {
		at = append(at, i)
	}
	for i := max(0, n-4); i < n; i++ { // ends are where spellings vary
		if !slices.Contains(at, i) {
			at = append(at, i)
		}
	}
	return at
}

// believe carries the belief about one store over to its copy.
func believe(t *testing.T, from, to steletest.Store) {
	t.Helper()
	b, ok, err := from.Trust.Read()
	if err != nil || !ok {
		t.Fatal("no belief", err)
	}
	steletest.Believe(t, to.Trust, b)
}
