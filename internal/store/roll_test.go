package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/verify"
)

// beat is a sign of life of the n-th watcher, of what the log has published.
func beat(t *testing.T, srv *store.Store, n int) *entry.Beat {
	t.Helper()
	r, err := srv.Receipt(t.Context(), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := verify.OpenCheckpoint(srv.LogKey(), r.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	b := &entry.Beat{Origin: srv.LogKey().Origin(), Time: body.FormatTime(time.Now()), Saw: entry.Saw{Size: cp.Size, Root: cp.Root}}
	if _, err := b.Sign(steletest.Key(t, entry.Watcher, n)); err != nil {
		t.Fatal(err)
	}
	return b
}

// current waits until a checkpoint covers the log.
func current(t *testing.T, srv *store.Store) {
	t.Helper()
	if _, err := srv.Receipt(t.Context(), srv.Size(), nil); err != nil {
		t.Fatal(err)
	}
}

func found(t *testing.T, st steletest.Store) (codes []verify.Code) {
	t.Helper()
	rep, err := examine.Run(t.Context(), examine.Config{Layout: st.Layout, Trust: st.Trust})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rep.Findings {
		codes = append(codes, f.Code)
	}
	return codes
}

// TestRollCall: what an honest recorder lists can be checked again, across
// restarts, with a source that comes, goes and comes back.
func TestRollCall(t *testing.T) {
	st := steletest.NewStore(t)
	var ahead atomic.Int64
	open := func() *store.Store {
		srv, err := store.Open(t.Context(), store.Config{
			Layout: st.Layout, Trust: st.Trust, Version: "test",
			Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return srv
	}
	srv := open()
	src := steletest.Enrol(t, srv, entry.Watcher, 1).Source()
	current(t, srv)
	old := beat(t, srv, 1)
	listed := func(want bool) {
		t.Helper()
		if got := slices.Contains(srv.Roll(), src); got != want {
			t.Errorf("listed present: %v, want %v", got, want)
		}
	}
	presence := func(came []*entry.Beat, went []store.Gone) {
		t.Helper()
		if err := srv.Presence(t.Context(), came, went); err != nil {
			t.Fatal(err)
		}
		if err := srv.CallRoll(t.Context()); err != nil {
			t.Fatal(err)
		}
		current(t, srv)
	}
	again := func() {
		t.Helper()
		steletest.Stop(t, srv)
		srv = open()
	}
	presence([]*entry.Beat{old}, nil)
	again()
	listed(true)
	ahead.Store(int64(65 * time.Second))
	presence(nil, []store.Gone{{Source: src, Last: old}})
	listed(false)
	if srv.Fresh(old) {
		t.Error("a beat from before it was listed absent is fresh")
	}
	again()
	listed(false)
	if srv.Fresh(old) {
		t.Error("after a restart a beat from before is fresh")
	}
	b := beat(t, srv, 1)
	if !srv.Fresh(b) {
		t.Error("a beat that saw the roll call is not fresh")
	}
	presence([]*entry.Beat{b}, nil)
	listed(true)
	if err := os.Remove(st.Layout.Roll()); err != nil {
		t.Fatal(err)
	}
	again() // what was lost is told again
	presence([]*entry.Beat{beat(t, srv, 1)}, nil)
	listed(true)
	steletest.Stop(t, srv)
	if codes := found(t, st); len(codes) > 0 {
		t.Errorf("found %q", codes)
	}
}

// TestRollCallLies: a recorder that lists a source present without having heard
// from it is named.
func TestRollCallLies(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	src := steletest.Enrol(t, srv, entry.Watcher, 1).Source()
	if err := srv.Lie(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	steletest.Stop(t, srv)
	if codes := found(t, st); !slices.Equal(codes, []verify.Code{verify.BadRollCall}) {
		t.Errorf("found %q", codes)
	}
}

// TestRollOfMany bounds what it takes to list a source: what docs/format.md says.
func TestRollOfMany(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	const sources = 300
	for n := range sources {
		steletest.Enrol(t, srv, entry.Watcher, n)
	}
	current(t, srv)
	before := size(t, st.Layout.Vault()) + size(t, st.Layout.Log())
	var came []*entry.Beat
	for n := range sources {
		came = append(came, beat(t, srv, n))
	}
	if err := srv.Presence(t.Context(), came, nil); err != nil {
		t.Fatal(err)
	}
	if err := srv.CallRoll(t.Context()); err != nil {
		t.Fatal(err)
	}
	current(t, srv)
	each := (size(t, st.Layout.Vault()) + size(t, st.Layout.Log()) - before) / sources
	t.Logf("%d bytes in vault and log for each source listed", each)
	if each > 512 {
		t.Errorf("%d bytes for each source listed", each)
	}
	steletest.Stop(t, srv)
	if codes := found(t, st); len(codes) > 0 {
		t.Errorf("found %q", codes)
	}
}

// size is what the files below a directory hold, in bytes.
func size(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
