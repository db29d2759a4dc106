package capture

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
)

// A place that comes to be watched later: what was made since is new, with its
// actor, what was there before is a first sight, and both say how they were found.
func TestAdd(t *testing.T) {
	needRoot(t)
	top := t.TempDir()
	dir, home := filepath.Join(top, "etc"), filepath.Join(top, "home")
	write(t, filepath.Join(dir, "a.conf"), "a")
	write(t, filepath.Join(home, "old.conf"), "old")
	w := watch(t, Config{Paths: []string{dir}, Want: isConf, ScanEvery: time.Hour})
	tickPasses(t, home, w.c.shares.began)
	run(t, home, "sh", "-c", "mkdir new && echo new > new/n.conf")
	if err := w.c.Add([]string{home, dir}); err != nil {
		t.Fatal(err)
	}
	got := w.next(2)
	if diff := cmp.Diff([]string{"baseline old.conf old", "create n.conf new"}, sorted(got)); diff != "" {
		t.Error(diff)
	}
	for _, o := range got {
		if !o.Found {
			t.Errorf("%s does not say that its place was added", line(o))
		}
		if o.Action == body.Create && touched(w) && (o.Who == nil || filepath.Base(o.Who.Exe) != "dash") {
			t.Errorf("%s: nobody is named", line(o))
		}
	}
	run(t, home, "sh", "-c", "echo later > new/n.conf")
	if o := w.next(1)[0]; line(o) != "modify n.conf later by dash" || o.Found {
		t.Errorf("%s, found %v", line(o), o.Found)
	}
	if err := w.c.Add([]string{home}); err != nil { // benign twin
		t.Fatal(err)
	}
	if got := w.settled(home); len(got) > 0 || len(w.gapsSoFar()) > 0 {
		t.Errorf("added again: %s, gaps %v", show(got), w.gapsSoFar())
	}
	if err := w.c.Add([]string{"relative"}); err == nil {
		t.Error("a relative path was taken")
	}
}

// tickPasses returns once files that are made in dir bear a later time than that: the
// clock of files moves with the timer, and what was made within the tick in which a
// capture began cannot be told from what was there before.
func tickPasses(t *testing.T, dir string, than time.Time) {
	t.Helper()
	for path := filepath.Join(dir, "tick"); ; {
		write(t, path, "")
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if st.ModTime().After(than) {
			return
		}
	}
}

// A place of a user's, and one that is not there yet.
func TestAddOfAUser(t *testing.T) {
	needRoot(t)
	top := t.TempDir()
	openToAll(t, top)
	dir, home := filepath.Join(top, "etc"), filepath.Join(top, "home")
	write(t, filepath.Join(dir, "a.conf"), "a")
	write(t, filepath.Join(home, "b.conf"), "b")
	if err := os.Chown(home, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	w := watch(t, Config{Paths: []string{dir}, ScanEvery: time.Hour})
	if err := w.c.Add([]string{home, filepath.Join(top, "later")}); err != nil {
		t.Fatal(err)
	}
	if got := w.next(1); !cmp.Equal(sorted(got), []string{"baseline b.conf b"}) || !got[0].Found {
		t.Errorf("%s", show(got))
	}
	run(t, top, "sh", "-c", "mkdir later && echo c > later/c.conf")
	if o := w.next(1)[0]; line(o) != "create c.conf c by dash" && touched(w) {
		t.Errorf("%s", line(o))
	}
}

// What is made while the first scan is on its way was not there before.
func TestMadeDuringTheFirstScan(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "before.conf"), "one")
	c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	l := loopOf(t.Context(), c)
	tickPasses(t, dir, l.shares.began)
	write(t, filepath.Join(dir, "during.conf"), "two")
	l.shares.first++
	l.start()
	for _, p := range l.byAge(all) {
		l.finish(p)
	}
	var got []Observation
	for _, i := range l.out.items {
		got = append(got, *i.obs)
	}
	if diff := cmp.Diff([]string{"baseline before.conf one", "create during.conf two"}, sorted(got)); diff != "" {
		t.Error(diff)
	}
}
