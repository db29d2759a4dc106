package examine_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/verify"
)

// TestExamine: a sound store, of more leaves than are examined at once, is clean
// and its lines are counted; what came since is examined alone if asked for.
func TestExamine(t *testing.T) {
	st := steletest.NewStore(t)
	fill(t, st, 1100)
	var done, of uint64
	rep, err := examine.Run(t.Context(), examine.Config{
		Layout: st.Layout, Trust: st.Trust, Progress: func(d, o uint64) { done, of = d, o },
	})
	if err != nil || rep.Bad() || len(rep.Findings) > 0 || rep.IndexBehind {
		t.Fatalf("%v: %+v", err, rep)
	}
	size := rep.Checkpoint.Size
	if rep.Size != size || done != size || of != size || rep.Changes != 1100 || rep.Disclosed < 5*1100 {
		t.Errorf("%d leaves, %d changes, %d lines; told of %d of %d", rep.Size, rep.Changes, rep.Disclosed, done, of)
	}
	belief, _, err := st.Trust.Read()
	if err != nil {
		t.Fatal(err)
	}
	belief.Verified = size - 10
	steletest.Believe(t, st.Trust, belief)
	rep, err = examine.Run(t.Context(), examine.Config{Layout: st.Layout, Trust: st.Trust, OnlyNew: true})
	if err != nil || rep.Bad() || rep.From != size-10 || rep.Disclosed == 0 || rep.Disclosed > 50 {
		t.Errorf("only new: %v: %+v", err, rep)
	}
}

// TestOneDoesNotHideAnother: damage in log, vault and index is named in one run.
func TestOneDoesNotHideAnother(t *testing.T) {
	st := steletest.NewStore(t)
	fill(t, st, 40)
	source := steletest.Key(t, entry.Watcher, 1).Public().Source().String()
	flip(t, filepath.Join(st.Layout.Log(), "tile", "entries", "*", "*"), []byte(source+" 20 "))
	flip(t, filepath.Join(st.Layout.Vault(), "openings-*"), nil)
	alterIndex(t, st, `UPDATE entries SET happened = 1 WHERE idx = 9`)
	rep, err := examined(t, st)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, f := range rep.Findings {
		codes = append(codes, string(f.Code))
	}
	for _, p := range rep.Problems {
		codes = append(codes, string(p.Code))
	}
	for _, want := range []string{string(verify.TreeMismatch), "damaged", "index-mismatch"} {
		if !slices.Contains(codes, want) {
			t.Errorf("no %s among %v", want, codes)
		}
	}
	if !slices.ContainsFunc(rep.Problems, func(p finding.Finding) bool { return p.Code == "index-mismatch" && p.Where == "entry 9" }) {
		t.Errorf("entry 9 of the index is not named: %+v", rep.Problems)
	}
}

// TestDamagedIndex: whichever page of the index is damaged, it is named, and so is
// what is wrong with the log.
func TestDamagedIndex(t *testing.T) {
	st := steletest.NewStore(t)
	fill(t, st, 40)
	source := steletest.Key(t, entry.Watcher, 1).Public().Source().String()
	flip(t, filepath.Join(st.Layout.Log(), "tile", "entries", "*", "*"), []byte(source+" 20 "))
	sound, err := os.ReadFile(st.Layout.Index())
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for at := 0; at < len(sound); at += page {
		damaged := slices.Clone(sound)
		copy(damaged[at:], bytes.Repeat([]byte{0xa5}, 200))
		if err := os.WriteFile(st.Layout.Index(), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		rep, err := examined(t, st)
		if err != nil {
			t.Errorf("page at %d: %v", at, err)
			continue
		}
		if !slices.ContainsFunc(rep.Problems, func(p finding.Finding) bool { return p.Code == "index-mismatch" }) || !rep.Verdict.Bad() {
			t.Errorf("page at %d: found %+v, problems %+v", at, rep.Findings, rep.Problems)
		}
	}
}

// flip alters a bit behind a mark, or in the middle, of every file there is.
func flip(t *testing.T, pattern string, mark []byte) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		at := len(b) / 2
		if mark != nil {
			if at = bytes.Index(b, mark) + 1; at == 0 {
				continue
			}
		}
		b[at] ^= 1
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n == 0 {
		t.Fatalf("nothing to alter in %s", pattern)
	}
}

func alterIndex(t *testing.T, st steletest.Store, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", st.Layout.Index())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// TestCancelled: an examination that is called off says so, and ends.
func TestCancelled(t *testing.T) {
	st := steletest.NewStore(t)
	fill(t, st, 20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if rep, err := examine.Run(ctx, examine.Config{Layout: st.Layout, Trust: st.Trust}); err == nil {
		t.Errorf("report %+v", rep)
	}
}

// TestNothingPublished: while a writer has not published the first entry of a log, nobody
// can know which recorder it enrols.
func TestNothingPublished(t *testing.T) {
	old := steletest.NewStore(t)
	srv := old.Open(t)
	defer steletest.Stop(t, srv)
	steletest.Enrol(t, srv, entry.Watcher, 1)
	if err := os.WriteFile(filepath.Join(old.Layout.Log(), "checkpoint"), old.Checkpoint(t, 0, entry.EmptyRoot), 0o600); err != nil {
		t.Fatal(err)
	}
	rep, err := examined(t, steletest.StoreIn(t, old.Layout.Dir, t.TempDir()))
	if err != nil || len(rep.Problems)+len(rep.Findings) > 0 {
		t.Fatalf("%v: %+v", err, rep)
	}
}

// TestUnpublished: a writer that is killed leaves entries in log, vault and index
// that no checkpoint covers yet. That accuses nobody; a row of the index about
// one of them that says something else does, and so does one behind them.
func TestUnpublished(t *testing.T) {
	old := steletest.NewStore(t)
	fill(t, old, 20)
	checkpoint := filepath.Join(old.Layout.Log(), "checkpoint")
	before, err := os.ReadFile(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	srv := old.Open(t)
	steletest.Enrol(t, srv, entry.Watcher, 2)
	steletest.Stop(t, srv)
	if err := os.WriteFile(checkpoint, before, 0o600); err != nil {
		t.Fatal(err)
	}
	st := steletest.StoreIn(t, old.Layout.Dir, t.TempDir())
	rep, err := examined(t, st)
	if err != nil || rep.Bad() || len(rep.Findings) > 0 || rep.Unpublished != 1 {
		t.Fatalf("%v: %d unpublished, %+v", err, rep.Unpublished, rep)
	}
	for query, undo := range map[string]string{
		`UPDATE entries SET recorded = recorded + 1 WHERE idx = (SELECT max(idx) FROM entries)`: `UPDATE entries SET recorded = recorded - 1 WHERE idx = (SELECT max(idx) FROM entries)`,
		`INSERT INTO entries SELECT idx + 1, kind, source, seq + 1, id, rest, recorded, happened, who, loc
			FROM entries WHERE idx = (SELECT max(idx) FROM entries)`: `DELETE FROM entries WHERE idx = (SELECT max(idx) FROM entries)`,
	} {
		alterIndex(t, st, query)
		if rep, err := examined(t, st); err != nil || !rep.Bad() {
			t.Errorf("%v: not noticed: %s", err, query)
		}
		alterIndex(t, st, undo)
		if rep, err := examined(t, st); err != nil || rep.Bad() {
			t.Errorf("%v: undone, and still bad: %+v", err, rep.Problems)
		}
	}
}
