// Package steletest makes stores for tests: a server in a temporary directory,
// sources enrolled with it, and drafts that look like real changes.
package steletest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
)

// Store is a store in a temporary directory.
type Store struct {
	Layout layout.Store
	Trust  trust.File
}

// NewStore names a store that does not exist yet.
func NewStore(t testing.TB) Store {
	t.Helper()
	dir := t.TempDir()
	return StoreIn(t, filepath.Join(dir, "store"), filepath.Join(dir, "trust"))
}

// StoreIn names a store in a directory of the test's own.
func StoreIn(t testing.TB, data, beliefs string) Store {
	t.Helper()
	file, err := trust.Of(beliefs, data)
	if err != nil {
		t.Fatal(err)
	}
	return Store{layout.Store{Dir: data}, file}
}

// Believe has a belief be what it is said to be, however it came about.
func Believe(t testing.TB, f trust.File, b trust.Belief) {
	t.Helper()
	b.Check = ""
	data, err := json.Marshal(b)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(f.Path()), 0o700)
	}
	if err == nil {
		err = os.WriteFile(f.Path(), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Open opens the store for writing.
func (s Store) Open(t testing.TB) *store.Store {
	t.Helper()
	srv, err := store.Open(t.Context(), store.Config{Layout: s.Layout, Trust: s.Trust, Version: "test"})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	return srv
}

// Stop ends a server.
func Stop(t testing.TB, srv *store.Store) {
	t.Helper()
	if err := srv.Stop(context.Background()); err != nil {
		t.Fatalf("stop store: %v", err)
	}
}

// Key returns the n-th key of a role, always the same.
func Key(t testing.TB, role entry.Role, n int) entry.SecretKey {
	t.Helper()
	k, err := entry.NewSecretKey(Seed(role, n))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Seed is what the n-th key of a role is made of.
func Seed(role entry.Role, n int) []byte {
	seed := make([]byte, 32)
	copy(seed, fmt.Sprintf("%s %d", role, n))
	return seed
}

// Enrol enrols a source and returns its chain, which goes on from the log.
func Enrol(t testing.TB, srv *store.Store, role entry.Role, n int) *record.Chain {
	t.Helper()
	k := Key(t, role, n)
	head, err := srv.Enrol(t.Context(), k.Public(), role, &body.Host{Name: fmt.Sprintf("host-%d", n)})
	if err != nil {
		t.Fatalf("enrol: %v", err)
	}
	return record.NewChain(k, head)
}

// Change is a draft with one change of a path.
func Change(path, text string, before *body.Ref) record.Draft {
	uid := uint32(1000)
	return record.Draft{
		Kind: entry.Change, Time: time.Now(),
		Who: body.Who{User: "jane", UID: &uid, PID: 4242, Exe: "/usr/bin/vim", Command: []string{"vim", path}},
		Why: body.Why{Reason: "because", Learnt: "run"},
		How: body.How{Layer: "fanotify", Confidence: body.Certain},
		Changes: []record.Change{{
			What: body.What{Action: body.Modify, Agent: "test", Path: path, Format: "conf", Before: before},
			Text: []byte(text),
		}},
	}
}

// Sign signs drafts as one chain.
func Sign(t testing.TB, c *record.Chain, ds ...record.Draft) []wire.Submission {
	t.Helper()
	var subs []wire.Submission
	for _, d := range ds {
		sub, _, err := c.Sign(d)
		if err != nil {
			t.Fatalf("sign: %v", err)
		}
		subs = append(subs, *sub)
	}
	return subs
}

// Submit hands entries in, which must all be accepted, and returns where they
// stand.
func Submit(t testing.TB, srv *store.Store, subs []wire.Submission) []uint64 {
	t.Helper()
	answers, err := srv.Submit(t.Context(), subs)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	at := make([]uint64, len(answers))
	for i, a := range answers {
		if a.Refused != nil {
			t.Fatalf("entry %d refused: %v", i, a.Refused)
		}
		at[i] = a.Index
	}
	return at
}
