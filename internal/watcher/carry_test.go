package watcher

import (
	"path/filepath"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
)

// TestCarry: what one log had not proved is signed anew for the log that follows
// it, and stands there as if it had been recorded there first: chained, each
// change after the one it follows, and nobody accused.
func TestCarry(t *testing.T) {
	b := newBench(t, 0)
	b.change(t, "/etc/a", "proved")
	if err := b.ships(t, &trouble{}); err != nil {
		t.Fatal(err)
	}
	proved := b.refs["/etc/a"].id
	b.change(t, "/etc/a", "waits")
	b.change(t, "/etc/a", "waits, and follows what waits")
	b.change(t, "/etc/b", "of another file")
	b.remark(t, b.refs["/etc/b"].id)
	b.remark(t, proved) // about what only the old log has
	old := b.Believed()

	next := steletest.NewStore(t)
	srv, err := store.Open(t.Context(), store.Config{
		Layout: next.Layout, Trust: next.Trust, Version: "test",
		Follows: &entry.Succession{Origin: old.Origin, Size: old.Size, Root: old.Root},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { steletest.Stop(t, srv) })
	key := steletest.Key(t, entry.Watcher, 3)
	was := b.Source()
	head, err := srv.Replace(t.Context(), key.Public(), entry.Watcher, &body.Host{Name: "h"}, &was)
	if err != nil {
		t.Fatal(err)
	}
	to, err := spool.Open(spool.Config{Dir: filepath.Join(t.TempDir(), "watch"), FS: durable.OS, Source: key.Source()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { to.Close() })
	c := Carry{From: b.cfg.Spool, To: to, Log: old.Origin, Key: key, Head: head, Now: b.clock}
	if carried, left, err := c.Run(); err != nil || carried != 4 || left != 1 {
		t.Fatalf("%d carried, %d left, %v", carried, left, err)
	}
	if b.cfg.Spool.Len() != 5 {
		t.Errorf("the old spool was altered: %d wait", b.cfg.Spool.Len())
	}

	after := &bench{liar: &liar{Store: srv}, store: next, cfg: b.cfg, now: b.now}
	after.cfg.Key, after.cfg.LogKey, after.cfg.Server, after.cfg.Spool = key, srv.LogKey(), after.liar, to
	after.cfg.Alert = after.told
	if after.Watcher, err = New(t.Context(), after.cfg); err != nil {
		t.Fatal(err)
	}
	after.change(t, "/etc/a", "goes on")
	if err := after.ships(t, &trouble{}); err != nil || to.Len() > 0 || len(after.alerts) > 0 {
		t.Fatalf("%v, %d wait, %+v", err, to.Len(), after.alerts)
	}
	if rep := after.whole(t); rep.Changes != 4 {
		t.Errorf("%d changes on record, want 4", rep.Changes)
	}
	begunSo(t, srv, old.Origin)
}

// remark spools a reason given afterwards.
func (b *bench) remark(t *testing.T, about entry.ID) {
	t.Helper()
	d := remarkDraft(about, &body.Who{}, body.Why{Reason: "because", Learnt: "explain"})
	d.Time = b.clock()
	b.Watcher.mu.Lock()
	defer b.Watcher.mu.Unlock()
	if err := b.spoolDraft(d, b.cfg.Spool.Put); err != nil {
		t.Fatal(err)
	}
}

// begunSo: entry 0 says which log is followed, and the enrolment which source.
func begunSo(t *testing.T, srv *store.Store, origin string) {
	t.Helper()
	raw, err := srv.Entry(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := entry.Parse(raw); err != nil || e.Open.Succeeds == nil || e.Open.Succeeds.Origin != origin {
		t.Errorf("entry 0 does not follow %s: %v", origin, err)
	}
	if raw, err = srv.Entry(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if e, err := entry.Parse(raw); err != nil || e.Open.Follows == nil {
		t.Errorf("the enrolment follows nobody: %v", err)
	}
}
