package verify_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// benchLog is a log of 20,000 changes of 20 watchers, with a roll call each 250
// leaves, in which every source has seen the tree of the last roll call.
type benchLog struct {
	leaves     [][]byte
	checkpoint verify.Checkpoint
	hashes     tlog.HashReaderFunc
}

const benchEntries = 20_000

var makeBenchLog = sync.OnceValue(func() *benchLog {
	m := newMaker(panicker{}, 1)
	var sources []*source
	for i := range 20 {
		sources = append(sources, m.enrol(fmt.Sprint("watcher ", i), entry.Watcher, fmt.Sprint("web-", i)))
	}
	tree := &growing{}
	for i := range benchEntries {
		if i%250 == 0 {
			m.rollcall()
			saw := tree.saw(m.leaves)
			for _, s := range append(sources, m.recorder) {
				s.saw = saw
			}
		}
		m.change(sources[i%len(sources)], seen("/etc/a"))
		m.disclosures = m.disclosures[:0]
	}
	root := tree.saw(m.leaves).Root
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, len(m.leaves), root)
	cp := must(verify.OpenCheckpoint(logKey(), []byte(signNote(text, origin, keyFor(origin)))))
	return &benchLog{m.leaves, cp, tree.read}
})

// growing is a tree kept as x/mod stores it.
type growing struct {
	stored []tlog.Hash
	size   int
}

func (g *growing) read(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, n := range at {
		out[i] = g.stored[n]
	}
	return out, nil
}

func (g *growing) saw(leaves [][]byte) entry.Saw {
	for ; g.size < len(leaves); g.size++ {
		g.stored = append(g.stored, must(tlog.StoredHashes(int64(g.size), leaves[g.size], tlog.HashReaderFunc(g.read)))...)
	}
	root := must(tlog.TreeHash(int64(g.size), tlog.HashReaderFunc(g.read)))
	return entry.Saw{Size: uint64(g.size), Root: entry.Hash(root)}
}

// panicker stands for the test while a log is made for all benchmarks.
type panicker struct{}

func (panicker) Helper()                           {}
func (panicker) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func BenchmarkLog(b *testing.B) {
	for _, skip := range []bool{false, true} {
		name := "signatures"
		if skip {
			name = "without"
		}
		b.Run(name, func(b *testing.B) { benchmarkLog(b, skip) })
	}
}

func benchmarkLog(b *testing.B, skip bool) {
	l := makeBenchLog()
	cfg := verify.Config{
		Key: logKey(), Checkpoint: l.checkpoint, SkipSignatures: skip,
		RootAt: func(n uint64) (entry.Hash, error) {
			h, err := tlog.TreeHash(int64(n), l.hashes)
			return entry.Hash(h), err
		},
	}
	var bytes int64
	for _, raw := range l.leaves {
		bytes += int64(len(raw))
	}
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		benchmarkOnce(b, cfg, l.leaves)
	}
	b.ReportMetric(float64(b.N)*float64(len(l.leaves))/b.Elapsed().Seconds(), "entries/s")
}

func benchmarkOnce(b *testing.B, cfg verify.Config, leaves [][]byte) {
	log := verify.NewLog(cfg)
	for part := range slices.Chunk(leaves, 256) {
		if err := log.Add(part...); err != nil {
			b.Fatal(err)
		}
	}
	v, err := log.Finish()
	if err != nil || len(v.Findings) > 0 || v.Changes != benchEntries {
		b.Fatalf("%d changes, findings %v, %v", v.Changes, v.Findings, err)
	}
}

// BenchmarkDisclosures opens an entry of many changes, each with a text.
func BenchmarkDisclosures(b *testing.B) {
	m := newMaker(panicker{}, 1)
	src := m.enrol("importer", entry.Importer, "")
	whats := make([]what, 500)
	for k := range whats {
		whats[k] = seen(fmt.Sprint("/etc/", k))
		whats[k].text = "a = 1\n"
	}
	m.change(src, whats...)
	cfg := verify.Config{Key: logKey(), SkipSignatures: true, Open: func(i uint64, e *entry.Entry) ([]seal.Disclosure, error) {
		return m.disclosures, nil
	}}
	b.ReportAllocs()
	for b.Loop() {
		if err := verify.NewLog(cfg).Add(m.leaves...); err != nil {
			b.Fatal(err)
		}
	}
}
