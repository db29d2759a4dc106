package sqlite

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world makes up a log, the same one for the same seed.
type world struct {
	rng   *rand.Rand
	hosts int
	paths []string
	next  uint64
	seqs  map[entry.Source]uint64
	all   []index.Record
}

func newWorld(seed uint64, hosts int) *world {
	return &world{
		rng: rand.New(rand.NewPCG(seed, 1)), hosts: hosts, seqs: map[entry.Source]uint64{},
		paths: []string{"/etc/app/a.conf", "/etc/app/b.conf", "/etc/app", "/etc/application", "/etc/app/sub/c", "/opt/x*y", "/opt/xzzy", "/bad/\xff\x00bytes", "/etc/%_'\""},
	}
}

func sourceN(n int) entry.Source {
	sum := sha256.Sum256(fmt.Append(nil, "source", n))
	return entry.Source(sum[:16])
}

const recorderN = 1 << 20

// start enrols the recorder, a watcher on each host, and an importer.
func (w *world) start() []index.Record {
	rec := sourceN(recorderN)
	out := []index.Record{w.enrol(rec, rec, entry.Recorder, "server")}
	for h := range w.hosts {
		out = append(out, w.enrol(rec, sourceN(h), entry.Watcher, fmt.Sprintf("web-%d", h)))
	}
	return append(out, w.enrol(rec, sourceN(recorderN+1), entry.Importer, "desk"))
}

func (w *world) enrol(by, who entry.Source, role entry.Role, host string) index.Record {
	r := w.record(by, entry.Enrol)
	r.Enrols = &index.Enrolled{Source: who, Role: role, Host: host}
	return w.keep(r)
}

func (w *world) record(src entry.Source, kind entry.Kind) index.Record {
	r := index.Record{Index: w.next, Kind: kind, Source: src, Seq: w.seqs[src], Recorded: epoch.Add(time.Duration(w.next) * time.Second), Loc: w.next*300 + 1}
	r.Happened = r.Recorded
	r.ID = sha256.Sum256(fmt.Append(nil, src, r.Seq, w.next))
	w.seqs[src]++
	w.next++
	return r
}

func (w *world) keep(r index.Record) index.Record {
	w.all = append(w.all, r)
	return r
}

func pick[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

// random is any entry but an enrolment.
func (w *world) random() index.Record {
	src := sourceN(w.rng.IntN(w.hosts))
	switch w.rng.IntN(20) {
	case 0:
		r := w.record(sourceN(recorderN), entry.Finding)
		r.Code, r.Refs = pick(w.rng, "bad-chain", "silent-source"), []entry.ID{pick(w.rng, w.all...).ID}
		return w.keep(r)
	case 1:
		return w.keep(w.record(src, entry.Gap))
	case 2:
		return w.keep(index.Record{Index: w.bump(), Loc: 0}) // not understood
	case 3:
		return w.imported()
	case 4:
		r := w.fork(src)
		return w.keep(r)
	}
	r := w.record(src, entry.Change)
	r.Actors = pick(w.rng, nil, []string{"root", "Jane"}, []string{"root"}, []string{"bob"})
	r.Happened = r.Recorded.Add(-time.Duration(w.rng.IntN(5)) * time.Hour)
	for range 1 + w.rng.IntN(3)*w.rng.IntN(2) {
		r.Changes = append(r.Changes, w.change(""))
	}
	return w.keep(r)
}

func (w *world) bump() uint64 { w.next++; return w.next - 1 }

func (w *world) fork(src entry.Source) index.Record {
	r := w.record(src, entry.Gap)
	if r.Seq > 0 {
		w.seqs[src]--
		r.Seq--
	}
	return r
}

func (w *world) imported() index.Record {
	r := w.record(sourceN(recorderN+1), entry.Change)
	first := w.rng.IntN(100)
	r.Import = &body.Import{File: pick(w.rng, "aa", "bb"), First: first, Rows: 1 + w.rng.IntN(5)}
	r.Happened = epoch.AddDate(-1-w.rng.IntN(400), 0, 0)
	r.Actors = []string{"Ärger"}
	for range 1 + w.rng.IntN(3) {
		r.Changes = append(r.Changes, w.change(fmt.Sprintf("web-%d", w.rng.IntN(w.hosts))))
	}
	return w.keep(r)
}

func (w *world) change(host string) index.Change {
	if w.rng.IntN(20) == 0 {
		return index.Change{} // not disclosed
	}
	c := index.Change{
		Host: host, Agent: pick(w.rng, "telegraf", "auditd", ""), Path: pick(w.rng, w.paths...),
		Action: pick(w.rng, body.Create, body.Modify, body.Delete, "odd"), Text: uint64(w.rng.IntN(4)) * (w.next + 1),
	}
	if w.rng.IntN(8) == 0 {
		c.Action, c.From = body.Rename, pick(w.rng, w.paths...)
	}
	return c
}

// newLog makes a log of n entries at least.
func newLog(seed uint64, hosts, n int) *world {
	w := newWorld(seed, hosts)
	w.start()
	for len(w.all) < n {
		w.random()
	}
	return w
}

func seqOf(records []index.Record) iter.Seq2[index.Record, error] {
	return func(yield func(index.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func open(t testing.TB, path string) *Index {
	t.Helper()
	x, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func add(t testing.TB, x *Index, records []index.Record) {
	t.Helper()
	if err := x.Add(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// built is an index of records, half of them in the sorted tables.
func built(t testing.TB, records []index.Record) *Index {
	t.Helper()
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	add(t, x, records[:len(records)/2])
	foldNow(t, x)
	add(t, x, records[len(records)/2:])
	return x
}

func foldNow(t testing.TB, x *Index) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.fold(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func mustCheck(t testing.TB, x *Index, records []index.Record) {
	t.Helper()
	found, err := x.Check(t.Context(), seqOf(records))
	if err != nil || len(found) > 0 {
		t.Fatalf("check of a sound index: %v, %v", found, err)
	}
}

// dump is all an index says, without numbers of its own.
func dump(t testing.TB, x *Index) map[uint64]flat {
	t.Helper()
	next, err := x.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{q: x.db}
	rows, err := c.read(context.Background(), 0, int64(next))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[uint64]flat, len(rows))
	for i, f := range rows {
		out[i] = *f
	}
	return out
}

func indexes(t testing.TB, x *Index, f index.Filter) []uint64 {
	t.Helper()
	var out []uint64
	for h, err := range x.Entries(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h.Index)
	}
	return slices.Clip(out)
}
