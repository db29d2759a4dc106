package watcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// liar is a real server with lies in between. A nil lie is the truth.
type liar struct {
	*store.Store
	mu      sync.Mutex
	submit  func() error
	receipt func(*wire.Receipt) (*wire.Receipt, error)
	head    func(record.Head, []byte) (record.Head, []byte, error)
	entry   func(i uint64) ([]byte, error)
	latest  func([]wire.Latest)
	away    bool // nobody reaches it
}

func (l *liar) Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	l.mu.Lock()
	lie := l.submit
	l.mu.Unlock()
	if lie != nil {
		if err := lie(); err != nil {
			return nil, err
		}
	}
	return l.Store.Submit(ctx, subs)
}

func (l *liar) Receipt(ctx context.Context, believed uint64, indexes []uint64) (*wire.Receipt, error) {
	r, err := l.Store.Receipt(ctx, believed, indexes)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.receipt != nil {
		return l.receipt(r)
	}
	return r, err
}

func (l *liar) Entry(ctx context.Context, i uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entry != nil {
		return l.entry(i)
	}
	return l.Store.Entry(ctx, i)
}

func (l *liar) Beat(ctx context.Context, b wire.Beat) (*wire.Receipt, error) {
	return l.Receipt(ctx, b.Believed, nil)
}

func (l *liar) Head(ctx context.Context, src entry.Source) (record.Head, []byte, error) {
	h, note, err := l.SignedHead(ctx, src)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.head != nil {
		return l.head(h, note)
	}
	return h, note, err
}

func (l *liar) Latest(ctx context.Context, host string, paths []string) ([]wire.Latest, error) {
	l.mu.Lock()
	away := l.away
	l.mu.Unlock()
	if away {
		return nil, wire.ErrUnreachable
	}
	subs := make([]index.Subject, len(paths))
	for i, p := range paths {
		subs[i] = index.Subject{Host: host, Path: p}
	}
	all, err := l.Show(ctx, subs, func(int) error { return nil })
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.latest != nil {
		l.latest(all)
	}
	return all, err
}

// bench is a watcher with a server that may lie, and a clock of its own.
type bench struct {
	*Watcher
	liar  *liar
	store steletest.Store
	cfg   Config
	dir   string // of the spool

	steady *patience.Clock // by which patience is measured

	mu     sync.Mutex
	now    time.Time
	alerts []finding.Finding
}

func newBench(t *testing.T, limit int64) *bench {
	t.Helper()
	b := &bench{store: steletest.NewStore(t), now: time.Now()}
	b.steady = patience.New(b.clock)
	b.liar = &liar{Store: b.store.Open(t)}
	t.Cleanup(func() { steletest.Stop(t, b.liar.Store) })
	key := steletest.Key(t, entry.Watcher, 1)
	if _, err := b.liar.Enrol(t.Context(), key.Public(), entry.Watcher, &body.Host{Name: "h"}); err != nil {
		t.Fatal(err)
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	fk, err := redact.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	b.dir = filepath.Join(t.TempDir(), "watch")
	s, err := spool.Open(spool.Config{Dir: b.dir, FS: durable.OS, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b.cfg = Config{
		Key: key, LogKey: b.liar.LogKey(), Server: b.liar, Spool: s, Catalogue: cat,
		Redactor: redact.New(redact.Config{Key: fk}), DigestKey: make([]byte, 32), Paths: []string{t.TempDir()}, Host: "h", Version: "test",
		Now: b.clock, Clock: b.steady, Alert: b.told, Diag: slog.New(slog.DiscardHandler),
	}
	if b.Watcher, err = New(t.Context(), b.cfg); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// pass lets time go by in which this process could act.
func (b *bench) pass(d time.Duration) {
	const beat = 100 * time.Millisecond
	for ; d > 0; d -= beat {
		b.starve(min(d, beat))
	}
}

// starve lets time go by in which it could not.
func (b *bench) starve(d time.Duration) {
	b.mu.Lock()
	b.now = b.now.Add(d)
	b.mu.Unlock()
	b.steady.Beat()
}

func (b *bench) told(f finding.Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alerts = append(b.alerts, f)
}

// change records one change of a path.
func (b *bench) change(t *testing.T, path, text string) {
	t.Helper()
	c := change{path: path, text: []byte(text), what: body.What{Path: path, Action: body.Modify, Time: body.FormatTime(b.clock())}}
	if err := b.recordAll([]*set{{confidence: body.Unknown, layer: "scan", changes: []change{c}, bytes: len(text)}}); err != nil {
		t.Fatal(err)
	}
}

// ships tries once to ship what waits, and judges a failure as ship does.
func (b *bench) ships(t *testing.T, tr *trouble) error {
	t.Helper()
	items, err := b.cfg.Spool.Pending(shipMost, shipBytes)
	if err != nil {
		t.Fatal(err)
	}
	err = b.shipBatch(t.Context(), items, tr)
	if err != nil {
		if tr.since.IsZero() {
			tr.since = b.steady.Now()
		}
		b.failed(err, tr)
		return err
	}
	b.noTrouble(tr)
	b.over(finding.NoReceipt, finding.NoAnswer)
	return nil
}

func (b *bench) found(code verify.Code) bool {
	return slices.ContainsFunc(b.Findings(), func(f finding.Finding) bool { return f.Code == code })
}

// TestLies: each lie of a server is named through the watcher's own channel, the
// spool forgets nothing because of it, and once the server tells the truth every
// entry is there, once and in order (P1).
func TestLies(t *testing.T) {
	other, err := entry.NewLogKey("stele/other", steletest.Key(t, entry.Watcher, 9).Public().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for code, lie := range map[verify.Code]func(*bench){
		finding.BadReceipt: func(b *bench) {
			b.liar.receipt = func(r *wire.Receipt) (*wire.Receipt, error) {
				r.Inclusion[0] = slices.Clone(r.Inclusion[0])
				r.Inclusion[0][0][3] ^= 1
				return r, nil
			}
		},
		"fork": func(b *bench) {
			b.liar.receipt = func(r *wire.Receipt) (*wire.Receipt, error) {
				r.Consistency = append(tlog.TreeProof{}, r.Consistency...)
				r.Consistency[0][0] ^= 1
				return r, nil
			}
		},
		"bad-checkpoint": func(b *bench) {
			b.liar.receipt = func(r *wire.Receipt) (*wire.Receipt, error) {
				r.Checkpoint = []byte(other.Origin() + "\n1\n" + entry.EmptyRoot.String() + "\n\n— x y\n")
				return r, nil
			}
		},
		"shrunk": func(b *bench) {
			b.met = false
			b.liar.head = func(h record.Head, _ []byte) (record.Head, []byte, error) {
				return record.Head{Next: 0, Prev: h.Prev}, nil, nil
			}
		},
		finding.BadAnswer: func(b *bench) { // as if the host had been put back: it would go on from there
			b.met = false
			b.liar.head = func(h record.Head, note []byte) (record.Head, []byte, error) {
				return record.Head{Next: h.Next + 10, Prev: entry.ID{1}}, note, nil
			}
		},
		finding.MissingInclusion: func(b *bench) {
			b.liar.receipt = func(*wire.Receipt) (*wire.Receipt, error) {
				return nil, &wire.StatusError{Status: http.StatusNotFound, Why: "no such entry"}
			}
		},
		finding.NoReceipt: func(b *bench) {
			b.liar.receipt = func(*wire.Receipt) (*wire.Receipt, error) { return nil, errors.New("later") }
		},
		finding.NoAnswer: func(b *bench) {
			b.liar.submit = func() error { return &wire.StatusError{Status: http.StatusTooManyRequests, Why: "busy"} }
		},
	} {
		t.Run(string(code), func(t *testing.T) { caught(t, code, lie) })
	}
}

func caught(t *testing.T, code verify.Code, lie func(*bench)) {
	b := newBench(t, 0)
	var tr trouble
	for i := range 3 { // something to believe, and to be inconsistent with
		b.change(t, "/etc/a", fmt.Sprint("before ", i))
	}
	if err := b.ships(t, &tr); err != nil {
		t.Fatal(err)
	}
	if len(b.Findings()) > 0 {
		t.Fatalf("an honest server, and yet %+v", b.Findings())
	}
	for i := range 3 {
		b.change(t, "/etc/a", fmt.Sprint("after ", i))
	}
	tr = trouble{}
	b.liar.mu.Lock()
	lie(b)
	b.liar.mu.Unlock()
	for i := 0; i < 3 && !b.found(code); i++ {
		if err := b.ships(t, &tr); err == nil {
			t.Fatal("the lie was taken for the truth")
		}
		b.pass(50 * time.Second)
	}
	if !b.found(code) {
		t.Fatalf("the lie is called %+v", b.Findings())
	}
	if n := b.cfg.Spool.Len(); n != 3 {
		t.Fatalf("%d entries wait, want 3: the spool forgot what was not proved", n)
	}
	b.liar.mu.Lock()
	b.liar.submit, b.liar.receipt, b.liar.head = nil, nil, nil
	b.liar.mu.Unlock()
	if err := b.ships(t, &trouble{}); err != nil || b.cfg.Spool.Len() != 0 {
		t.Fatalf("after the truth: %v, %d wait", err, b.cfg.Spool.Len())
	}
	b.whole(t)
	if len(b.alerts) == 0 {
		t.Error("nobody was alerted")
	}
}

// whole verifies the log: no hole, no fork, nothing twice.
func (b *bench) whole(t *testing.T) *examine.Report {
	t.Helper()
	rep, err := examine.Run(t.Context(), examine.Config{Layout: b.store.Layout, Trust: b.store.Trust})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Bad() || len(rep.Findings) > 0 || rep.Duplicates > 0 {
		t.Fatalf("%+v %+v", rep.Findings, rep.Problems)
	}
	return rep
}

// TestSpoolFull: when there is no room the record says so, the latest change of
// each path is recorded once there is room again, and how many were folded.
func TestSpoolFull(t *testing.T) {
	b := newBench(t, 4<<20)
	b.liar.submit = func() error { return wire.ErrUnreachable }
	text := string(make([]byte, 256<<10))
	for i := range 40 {
		b.change(t, fmt.Sprintf("/etc/%d", i%4), fmt.Sprint(i)+text)
	}
	if !b.found(finding.SpoolFull) || b.held == nil || len(b.held.order) != 4 {
		t.Fatalf("not full: %+v", b.Findings())
	}
	folded := b.held.changes
	var tr trouble
	if err := b.ships(t, &tr); err == nil {
		t.Fatal("shipped to nobody")
	}
	b.liar.submit = nil
	for b.cfg.Spool.Len() > 0 {
		if err := b.ships(t, &tr); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.release(b.clock()); err != nil {
		t.Fatal(err)
	}
	if b.held != nil || b.found(finding.SpoolFull) {
		t.Fatal("room again, and still full")
	}
	for b.cfg.Spool.Len() > 0 {
		if err := b.ships(t, &tr); err != nil {
			t.Fatal(err)
		}
	}
	rep := b.whole(t)
	if want := uint64(40 - folded + 4); rep.Changes != want {
		t.Errorf("%d changes recorded, want %d: %d were folded into 4", rep.Changes, want, folded)
	}
}

// TestOffline: a watcher that starts while the server is away goes on from its
// spool; one that was rolled back meanwhile goes on from the log, with a gap.
func TestOffline(t *testing.T) {
	b := newBench(t, 0)
	var tr trouble
	b.change(t, "/etc/a", "1")
	if err := b.ships(t, &tr); err != nil {
		t.Fatal(err)
	}
	b.liar.head = func(record.Head, []byte) (record.Head, []byte, error) {
		return record.Head{}, nil, wire.ErrUnreachable
	}
	w, err := New(t.Context(), b.cfg)
	if err != nil {
		t.Fatalf("start without the server: %v", err)
	}
	b.Watcher = w
	b.change(t, "/etc/a", "2")
	if err := b.ships(t, &tr); err == nil {
		t.Fatal("sent before the head was asked for")
	}
	b.liar.head = nil
	if err := b.ships(t, &tr); err != nil {
		t.Fatal(err)
	}
	b.whole(t)
}

// TestLostSpool: the gap of a watcher that has lost its spool, or whose spool was
// put back, begins when it was last known to run, by the newest of its entries in
// the log. The moment of its start says nothing.
func TestLostSpool(t *testing.T) {
	for name, old := range map[string]bool{"lost": false, "put back": true} {
		b := newBench(t, 0)
		kept := filepath.Join(t.TempDir(), "kept")
		ship := func(text string) time.Time {
			b.pass(time.Minute)
			b.change(t, "/etc/a", text)
			if err := b.ships(t, &trouble{}); err != nil {
				t.Fatal(err)
			}
			return b.clock()
		}
		ship("1")
		if err := os.CopyFS(kept, os.DirFS(b.dir)); err != nil {
			t.Fatal(err)
		}
		last := ship("2")
		b.pass(24 * time.Minute)
		if !old {
			kept += "-none"
		}
		s, err := spool.Open(spool.Config{Dir: kept, FS: durable.OS})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		b.cfg.Spool = s
		if b.Watcher, err = New(t.Context(), b.cfg); err != nil {
			t.Fatal(err)
		}
		items, err := s.Pending(10, 1<<20)
		if err != nil || len(items) != 1 {
			t.Fatalf("%s: %d entries wait, %v", name, len(items), err)
		}
		e, err := entry.Parse(items[0].Submission.Note)
		if err != nil || e.Kind != entry.Gap || e.Open.Since != body.FormatTime(last) {
			t.Errorf("%s: %s since %q, last known to run at %s, %v", name, e.Kind, e.Open.Since, body.FormatTime(last), err)
		}
		if err := b.ships(t, &trouble{}); err != nil {
			t.Fatal(err)
		}
	}
}

// predecessor records paths of the host as another source of it, as the watcher
// before this one did.
func (b *bench) predecessor(t *testing.T, paths ...string) {
	t.Helper()
	k := steletest.Key(t, entry.Watcher, 2)
	head, err := b.liar.Enrol(t.Context(), k.Public(), entry.Watcher, &body.Host{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	c := record.NewChain(k, head)
	for _, p := range paths {
		steletest.Submit(t, b.liar.Store, steletest.Sign(t, c, steletest.Change(p, "before\n", nil)))
	}
}

// TestLatest: what a server says of the history of paths is believed once it is
// shown. Where it is not, a gap says so, and no honest source stands accused.
func TestLatest(t *testing.T) {
	other := func(all []wire.Latest) { // true in itself, and about another path
		all[0].Index, all[0].ID, all[0].Note = all[1].Index, all[1].ID, all[1].Note
		all[0].Salt, all[0].Body = all[1].Salt, all[1].Body
	}
	for name, c := range map[string]struct {
		lie  func([]wire.Latest)
		code verify.Code
	}{
		"the truth":        {nil, ""},
		"erased":           {func(all []wire.Latest) { all[0].Salt, all[0].Body = nil, nil }, ""},
		"invented":         {func(all []wire.Latest) { all[0].ID[0] ^= 1 }, finding.BadAnswer},
		"another path's":   {other, finding.BadAnswer},
		"another line":     {func(all []wire.Latest) { all[0].What = 1 }, finding.BadAnswer},
		"not in its place": {func(all []wire.Latest) { all[0].Index-- }, finding.BadReceipt},
		"too few":          {func(all []wire.Latest) { all[0].Note = nil }, finding.BadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 0)
			b.predecessor(t, "/etc/a", "/etc/b")
			b.liar.latest = c.lie
			one := &set{confidence: body.Unknown, layer: "scan"}
			for _, p := range []string{"/etc/a", "/etc/b"} {
				one.changes = append(one.changes, change{path: p, text: []byte("x"), what: body.What{Path: p, Action: body.Modify, Time: body.FormatTime(b.clock())}})
			}
			if err := b.recordAll([]*set{one}); err != nil {
				t.Fatal(err)
			}
			if (c.code == "") != (len(b.Findings()) == 0) || c.code != "" && !b.found(c.code) {
				t.Fatalf("findings %+v, want %q", b.Findings(), c.code)
			}
			if name == "the truth" && len(b.refs) != 2 {
				t.Fatal("what was shown is not believed")
			}
			b.liar.latest = nil
			if err := b.ships(t, &trouble{}); err != nil {
				t.Fatal(err)
			}
			b.whole(t)
		})
	}
}

// TestSlow is the benign twin of the lies: a server that needs nearly as long as
// patience lasts, or fails for nearly as long, is accused of nothing.
func TestSlow(t *testing.T) {
	b := newBench(t, 0)
	b.change(t, "/etc/a", "1")
	b.liar.submit = func() error { b.pass(answerWithin - time.Second); return nil }
	b.liar.receipt = func(r *wire.Receipt) (*wire.Receipt, error) { b.pass(receiptWithin - time.Second); return r, nil }
	if err := b.ships(t, &trouble{}); err != nil || len(b.alerts) > 0 {
		t.Fatalf("%v, %+v", err, b.alerts)
	}
	var tr trouble
	b.change(t, "/etc/a", "2")
	b.liar.submit = func() error { return wire.ErrUnreachable }
	if err := b.ships(t, &tr); err == nil {
		t.Fatal("shipped to nobody")
	}
	b.pass(answerWithin - time.Second)
	if err := b.ships(t, &tr); err == nil {
		t.Fatal("shipped to nobody")
	}
	b.liar.submit, b.liar.receipt = nil, func(*wire.Receipt) (*wire.Receipt, error) { return nil, errors.New("later") }
	if err := b.ships(t, &tr); err == nil {
		t.Fatal("there is no receipt")
	}
	b.liar.receipt = nil
	if err := b.ships(t, &tr); err != nil || len(b.alerts) > 0 {
		t.Fatalf("%v, %+v", err, b.alerts)
	}
	b.whole(t)
}

// TestBusyHost: a watcher that is starved accuses no server, neither one that does
// not answer nor one that does not prove; after five times the patience it says that
// it cannot tell, and no more once the server has answered or is late on an idle host.
func TestBusyHost(t *testing.T) {
	away := func(b *bench) { b.liar.submit = func() error { return wire.ErrUnreachable } }
	unproved := func(b *bench) {
		b.liar.receipt = func(*wire.Receipt) (*wire.Receipt, error) { return nil, errors.New("later") }
	}
	for name, c := range map[string]struct {
		lie    func(*bench)
		within time.Duration
		late   verify.Code
	}{
		"no answer":  {away, answerWithin, finding.NoAnswer},
		"no receipt": {unproved, receiptWithin, finding.NoReceipt},
	} {
		for _, answers := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, then answers %v", name, answers), func(t *testing.T) {
				b := newBench(t, 0)
				b.change(t, "/etc/a", "1")
				c.lie(b)
				var tr trouble
				fails := func(want ...verify.Code) {
					t.Helper()
					if err := b.ships(t, &tr); err == nil {
						t.Fatal("shipped to nobody")
					}
					if got := b.codes(); !slices.Equal(got, want) {
						t.Fatalf("found %q, want %q", got, want)
					}
				}
				fails()
				for range 4 {
					b.starve(c.within)
					fails()
				}
				b.starve(c.within)
				fails(finding.CannotTell)
				if f := b.Findings()[0]; f.Accused != finding.Nobody || f.Severity != finding.Medium {
					t.Errorf("%+v accuses somebody", f)
				}
				if answers {
					b.liar.submit, b.liar.receipt = nil, nil
					if err := b.ships(t, &tr); err != nil {
						t.Fatal(err)
					}
					b.mu.Lock()
					defer b.mu.Unlock()
					if last := b.alerts[len(b.alerts)-1]; len(b.alerts) != 2 || last.Code != finding.CannotTell || !last.Over {
						t.Errorf("it does not end: %+v", b.alerts)
					}
					return
				}
				b.pass(c.within)
				fails(c.late)
			})
		}
	}
}

// TestBusyInTwo: it cannot tell while it cannot in one of two troubles.
func TestBusyInTwo(t *testing.T) {
	b := newBench(t, 0)
	one, other := trouble{since: b.steady.Now()}, trouble{since: b.steady.Now()}
	b.starve(time.Hour)
	b.failed(wire.ErrUnreachable, &one)
	b.failed(wire.ErrUnreachable, &other)
	b.failed(wire.ErrUnreachable, &other)
	b.noTrouble(&one)
	if !b.found(finding.CannotTell) {
		t.Error("over while there is another one")
	}
	b.noTrouble(&other)
	if b.found(finding.CannotTell) || len(b.alerts) != 2 {
		t.Errorf("not over: %+v", b.alerts)
	}
}

// codes are those of what is wrong now.
func (b *bench) codes() (codes []verify.Code) {
	for _, f := range b.Findings() {
		codes = append(codes, f.Code)
	}
	return codes
}

// TestDaysWithoutServer: however much changes while the server is away, the spool
// keeps its size and memory does not grow; nobody who changes a file waits.
func TestDaysWithoutServer(t *testing.T) {
	const limit = 1 << 20
	b := newBench(t, limit)
	b.liar.away = true
	b.liar.submit = func() error { return wire.ErrUnreachable }
	text := strings.Repeat("a line of some agent's configuration\n", 200)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var early int64
	for n := range 8000 {
		if n == 1000 {
			early = heap()
		}
		b.change(t, fmt.Sprintf("/etc/%d", n%50), fmt.Sprint(n, text))
	}
	if grown := heap() - early; grown > 2<<20 {
		t.Errorf("memory grew by %d bytes over 7,000 changes of 50 files", grown)
	}
	if info, err := os.Stat(filepath.Join(b.dir, "spool")); err != nil || info.Size() > limit {
		t.Errorf("the spool has %d bytes, its limit is %d; %v", info.Size(), limit, err)
	}
	if !b.found(finding.SpoolFull) {
		t.Error("nobody is told that the spool is full")
	}
	b.liar.away, b.liar.submit = false, nil
	for range 2 { // what waits, then what was folded
		for b.cfg.Spool.Len() > 0 {
			if err := b.ships(t, &trouble{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.release(b.clock()); err != nil {
			t.Fatal(err)
		}
	}
	if b.held != nil || b.found(finding.SpoolFull) {
		t.Fatal("room again, and still full")
	}
	b.whole(t)
}
