package examine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/cli"
	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
)

// asCommand has this test binary be stele, with the arguments it is given: what is
// judged here is what the command says, in a process that can be killed.
const asCommand = "STELE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(cli.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// ground is a store with a file of every kind that a machine and its server leave
// behind, and the same store when it was younger.
type ground struct {
	steletest.Store
	older   string // directory of the store when it had two thirds of its entries
	foreign string // directory of a store of another log

	etc    string // what its watcher watches
	chains []*record.Chain
	last   map[string]*body.Ref // newest change of each path
	n      int                  // entries that were filled in
}

// entries of a ground: two full bundles and a partial one.
const groundSize = 540

func makeGround(t *testing.T) *ground {
	t.Helper()
	dir := t.TempDir()
	g := &ground{
		Store: steletest.StoreIn(t, filepath.Join(dir, "store"), filepath.Join(dir, "trust")), older: filepath.Join(dir, "older"),
		foreign: filepath.Join(dir, "foreign"), etc: filepath.Join(dir, "etc"), last: make(map[string]*body.Ref),
	}
	g.edit(t, "agent.conf", "interval = 10\n")
	g.edit(t, "agent.yaml", "hosts: [a, b]\npassword: correct-horse-battery\n")
	g.session(t, 300, func(*daemon.Machine) { g.stele(t, "admin", "token", "--read") })
	copyTree(t, g.Layout.Dir, g.older)
	g.session(t, groundSize-310, func(m *daemon.Machine) {
		for i, text := range []string{"interval = 20\n", "interval = 30\n"} {
			g.edit(t, "agent.conf", text)
			await(t, "the watcher's change", func() bool { return acknowledged(m, uint64(2+i)) })
		}
		g.stele(t, "explain", "3", "--reason", "because")
		g.importRows(t)
	})
	g.eraseFrom(t, 10)
	g.putRoll(t)
	g.makeForeign(t)
	g.stele(t, "verify") // whoever reads the index makes what SQLite keeps beside it
	return g
}

// session has the machine of the store run while n entries come in and do is done.
func (g *ground) session(t *testing.T, n int, do func(*daemon.Machine)) {
	t.Helper()
	runMachine(t, g.Store, g.etc, func(m *daemon.Machine) {
		await(t, "first sight", func() bool { return acknowledged(m, 1) })
		err := m.Listener.Store(t.Context(), func(_ context.Context, srv *store.Store) error {
			g.fill(t, srv, n)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		do(m)
	})
}

// acknowledged reports whether the watcher has brought n entries and more.
func acknowledged(m *daemon.Machine, n uint64) bool {
	head, ok := m.Spool.Head()
	return ok && head.Next >= n && m.Spool.Len() == 0
}

// runMachine runs what `stele up` runs, until do is done.
func runMachine(t *testing.T, st steletest.Store, etc string, do func(*daemon.Machine)) {
	t.Helper()
	p := daemon.Process{Layout: st.Layout, Trust: st.Trust, Version: "test", Say: func(string, ...any) {}}
	m, err := p.OpenMachine(t.Context(), daemon.UpOptions{Listen: "127.0.0.1:0", WatchOptions: daemon.WatchOptions{Paths: []string{etc}, OwnEvents: true}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- m.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
		do(m)
	case err := <-ended:
		t.Fatalf("the machine ended: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s did not come", what)
		}
	}
}

// edit writes a file that is watched.
func (g *ground) edit(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(g.etc, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.etc, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fill brings n entries of two watchers.
func (g *ground) fill(t *testing.T, srv *store.Store, n int) {
	t.Helper()
	if g.chains == nil {
		g.chains = []*record.Chain{steletest.Enrol(t, srv, entry.Watcher, 1), steletest.Enrol(t, srv, entry.Watcher, 2)}
	}
	var subs []wire.Submission
	for range n {
		path := fmt.Sprintf("/etc/agent/%d.conf", g.n%14)
		text := fmt.Sprintf("interval = %d\nhost = web-%d\n%s", g.n, g.n%7, bytes.Repeat([]byte("line of configuration\n"), 20))
		sub, e, err := g.chains[g.n%2].Sign(steletest.Change(path, text, g.last[path]))
		if err != nil {
			t.Fatal(err)
		}
		g.last[path] = &body.Ref{Entry: e.ID().String()}
		g.n++
		if subs = append(subs, *sub); len(subs) == 15 {
			steletest.Submit(t, srv, subs)
			subs = nil
		}
	}
	steletest.Submit(t, srv, subs)
}

// stele runs the command on the store and returns what it prints.
func (g *ground) stele(t *testing.T, args ...string) string {
	t.Helper()
	r := command(t, g.Store, "", args...)
	if r.status != 0 {
		t.Fatalf("stele %v: exit status %d\n%s%s", args, r.status, r.out, r.errs)
	}
	return r.out
}

// importRows imports a row over the network, as an importer that joins.
func (g *ground) importRows(t *testing.T) {
	t.Helper()
	token := g.stele(t, "admin", "token", "--role", "importer")
	if r := command(t, g.Store, token, "import", "ndjson", rows(t, 1), "--join", "-"); r.status != 0 {
		t.Fatalf("import: exit status %d\n%s%s", r.status, r.out, r.errs)
	}
}

// rows makes a file of n changes to import, with their contents beside it.
func rows(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	before := any(nil)
	for i := range n {
		content := fmt.Appendf(nil, "a: %d\nof: %s\n", i, dir)
		digest := fmt.Sprintf("%x", sha256.Sum256(content))
		row := map[string]any{"repo": "r", "commit": fmt.Sprint("c", i), "path": "a.yaml", "op": "modify", "time": "2020-01-01T10:00:00Z", "before_sha256": before, "after_sha256": digest}
		if i == 0 {
			row["op"] = "add"
		}
		if err := json.NewEncoder(&lines).Encode(row); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "blobs", digest), content, 0o600); err != nil {
			t.Fatal(err)
		}
		before = digest
	}
	path := filepath.Join(dir, "rows.ndjson")
	if err := os.WriteFile(path, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// eraseFrom erases lines of every ninth entry, on the record and in the keyring.
func (g *ground) eraseFrom(t *testing.T, first uint64) {
	t.Helper()
	srv := g.Open(t)
	var voids []entry.Void
	for i := first; i < 300; i += 9 {
		raw, err := srv.Entry(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		e, err := entry.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == entry.Change {
			voids = append(voids, entry.Void{ID: e.ID(), Line: entry.LineText(0)}, entry.Void{ID: e.ID(), Line: entry.LineWho})
		}
	}
	person := steletest.Enrol(t, srv, entry.Person, 9)
	steletest.Submit(t, srv, steletest.Sign(t, person, record.Draft{Kind: entry.Erase, Time: time.Now(), Open: entry.Open{Voids: voids}}))
	steletest.Stop(t, srv)
	v, err := vault.Open(vault.Config{Dir: g.Layout.Vault(), KeyringDir: g.Layout.Keyring()})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	locs := make(map[entry.ID]vault.Loc)
	if err := v.Scan(func(at vault.Loc, r *vault.Record) error {
		locs[r.ID] = at
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	gone := make([]vault.Void, len(voids))
	for i, void := range voids {
		gone[i] = vault.Void{Loc: locs[void.ID], Line: void.Line}
	}
	if err := v.Erase(gone); err != nil {
		t.Fatal(err)
	}
	g.stele(t, "admin", "reindex")
}

// putRoll writes down who is present, as a server does once it has called the roll.
func (g *ground) putRoll(t *testing.T) {
	t.Helper()
	roll := fmt.Sprintf("{\"present\":[%q]}", steletest.Key(t, entry.Watcher, 1).Public().Source())
	if err := os.WriteFile(g.Layout.Roll(), []byte(roll), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeForeign makes a store of another log.
func (g *ground) makeForeign(t *testing.T) {
	t.Helper()
	st := steletest.StoreIn(t, g.foreign, t.TempDir())
	runMachine(t, st, g.etc, func(m *daemon.Machine) {
		await(t, "first sight", func() bool { return acknowledged(m, 1) })
	})
}
