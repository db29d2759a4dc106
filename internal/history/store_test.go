package history_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/index/sqlite"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/vault"
)

// The paths and hosts of a filled store.
const (
	here  = "/etc/agent/here.conf"
	there = "/etc/agent/there.conf"
	told  = "imported.example.net"
)

// filled is a store with a short history, and where its entries stand.
type filled struct {
	steletest.Store
	here   []uint64 // three versions of a file on host-1, each with one more line
	there  uint64   // another file, on host-2
	delete uint64   // of here, after the third version
	import_,
	remark uint64 // imported from another host; a reason given for the first of here
	ids map[uint64]entry.ID
}

func fill(t testing.TB) *filled {
	t.Helper()
	f := &filled{Store: steletest.NewStore(t), ids: make(map[uint64]entry.ID)}
	srv := f.Open(t)
	defer steletest.Stop(t, srv)
	one, two := steletest.Enrol(t, srv, entry.Watcher, 1), steletest.Enrol(t, srv, entry.Watcher, 2)
	importer := steletest.Enrol(t, srv, entry.Importer, 3)
	put := func(c *record.Chain, d record.Draft) (uint64, *body.Ref) {
		sub, e, err := c.Sign(d)
		if err != nil {
			t.Fatal(err)
		}
		at := steletest.Submit(t, srv, append(steletest.Sign(t, c), *sub))[0]
		f.ids[at] = e.ID()
		return at, &body.Ref{Entry: e.ID().String()}
	}

	var before *body.Ref
	for n := range 3 {
		d := steletest.Change(here, lines(n+1), before)
		if d.Changes[0].What.Secrets = []string{fmt.Sprintf("fingerprint-%d", n)}; n == 0 {
			d.Why = body.Why{}
		}
		at, ref := put(one, d)
		f.here, before = append(f.here, at), ref
	}
	d := steletest.Change(there, "elsewhere\n", nil)
	d.Who.User, d.Why = "joe", body.Why{}
	f.there, _ = put(two, d)
	d = steletest.Change(here, "", before)
	d.Changes[0].What.Action, d.Changes[0].Text = body.Delete, nil
	f.delete, _ = put(one, d)
	d = steletest.Change("/opt/told.conf", "imported\n", nil)
	d.Changes[0].What.Host = told
	f.import_, _ = put(importer, d)
	f.remark, _ = put(one, record.Draft{
		Kind: entry.Remark, Time: time.Now(), Open: entry.Open{About: []entry.ID{f.ids[f.here[0]]}, Says: "reason"},
		Why: body.Why{Reason: "said afterwards", Learnt: "remark"}, How: body.How{Layer: "fanotify", Confidence: body.Certain},
	})
	return f
}

// lines is the n-th text of a file: n lines.
func lines(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	return b.String()
}

// reader opens a store for reading.
func reader(t *testing.T, open opener, st steletest.Store) *history.Reader {
	t.Helper()
	r, err := open(t, st)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// once opens the store for one look, so that nobody holds the index afterwards.
func once(t *testing.T, open opener, st steletest.Store, i uint64) *history.View {
	t.Helper()
	r, err := open(t, st)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return entryOf(t, r, i)
}

func entryOf(t *testing.T, r *history.Reader, i uint64) *history.View {
	t.Helper()
	v, err := r.Entry(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// found lists the entries that a filter finds, newest first.
func found(t *testing.T, r *history.Reader, f history.Filter, checked int) (views []*history.View) {
	t.Helper()
	for v, err := range r.Log(t.Context(), f, checked) {
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, v)
	}
	return views
}

func indexesOf(views []*history.View) (at []uint64) {
	for _, v := range views {
		at = append(at, v.Index)
	}
	return at
}

// alterIndex writes into the index, as whoever can reach the file could.
func alterIndex(t *testing.T, st steletest.Store, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", st.Layout.Index())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.ExecContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: altered %d rows, %v", query, n, err)
	}
}

// alterLeaf flips a bit of an entry in every bundle that holds it.
func alterLeaf(t *testing.T, st steletest.Store, id entry.ID) {
	t.Helper()
	r := reader(t, onDisk, st)
	i, err := r.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	raw := leaf(t, r, st, i)
	n := 0
	err = filepath.WalkDir(filepath.Join(st.Layout.Log(), "tile", "entries"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if at := bytes.Index(b, raw); err == nil && at >= 0 {
			b[at+len(raw)/2] ^= 1
			n++
			return os.WriteFile(path, b, 0o600)
		}
		return err
	})
	if err != nil || n == 0 {
		t.Fatalf("altered %d bundles: %v", n, err)
	}
}

func leaf(t *testing.T, r *history.Reader, st steletest.Store, i uint64) []byte {
	t.Helper()
	dir, err := tlog.OpenDir(st.Layout.Log())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tlog.NewTree(dir, r.Checkpoint()).Entry(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// erase destroys the disclosure of a line, as an erasure on the record says.
func erase(t *testing.T, st steletest.Store, i uint64, line entry.Line) {
	t.Helper()
	void(t, st, i, line)
	destroy(t, st, i, line)
}

// void puts an erasure on the record.
func void(t *testing.T, st steletest.Store, i uint64, line entry.Line) {
	t.Helper()
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	raw, err := srv.Entry(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	e, err := entry.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	person := steletest.Enrol(t, srv, entry.Person, 9)
	steletest.Submit(t, srv, steletest.Sign(t, person, record.Draft{
		Kind: entry.Erase, Time: time.Now(), Open: entry.Open{Voids: []entry.Void{{ID: e.ID(), Line: line}}},
	}))
}

// destroy destroys the disclosure of a line, without a word on the record.
func destroy(t *testing.T, st steletest.Store, i uint64, line entry.Line) {
	t.Helper()
	idx, err := sqlite.Open(t.Context(), sqlite.Config{Path: st.Layout.Index(), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer idx.Close()
	hit, ok, err := idx.At(t.Context(), i)
	if err != nil || !ok {
		t.Fatalf("entry %d is not in the index: %v", i, err)
	}
	v, err := vault.Open(vault.Config{Dir: st.Layout.Vault(), KeyringDir: st.Layout.Keyring()})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Erase([]vault.Void{{Loc: vault.Loc(hit.Loc), Line: line}}); err != nil {
		t.Fatal(err)
	}
}
