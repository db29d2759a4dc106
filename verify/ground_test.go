package verify_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// This file makes the logs that are tampered with: in memory by whoever has stolen
// a key, and on disk by whoever can write there.

// ground is a log about to be tampered with. Before it is written, sources may sign
// more; afterwards its files may be altered.
type ground struct {
	*maker
	t        *testing.T
	dir      string // of the log
	web, db  *source
	person   *source
	signed   string // the checkpoint, where it is not that of the leaves
	believed string
	atHand   []string
	lines    []string // of the disclosures
	end      string   // of each line
}

// makeGround returns a log of its own to tamper with.
func makeGround(t *testing.T) *ground {
	base := makeBase()
	g := &ground{maker: &maker{}, t: t, dir: filepath.Join(t.TempDir(), "log"), end: "\n"}
	*g.maker = *base.maker
	g.maker.t = t
	g.leaves, g.disclosures = slices.Clone(base.leaves), slices.Clone(base.disclosures)
	copied := func(s source) *source { return &s }
	g.recorder, g.web, g.db, g.person = copied(*base.recorder), copied(*base.web), copied(*base.db), copied(*base.person)
	return g
}

// makeBase makes a log of 300 leaves: two bundles, of which the second is not full,
// changes of two hosts, and one line erased.
var makeBase = sync.OnceValue(func() *ground {
	m := newMaker(panicker{}, 1)
	g := &ground{maker: m}
	g.web, g.db = m.enrol("web", entry.Watcher, "web-1"), m.enrol("db", entry.Watcher, "db-1")
	g.person = m.enrol("person", entry.Person, "")
	first := m.change(g.web, seen("/etc/a"), seen("/etc/b"))
	m.change(g.db, seen("/etc/a"))
	m.erase(g.person, entry.Void{ID: m.id(first), Line: entry.LineText(1)})
	m.forgetLine(first, entry.LineText(1))
	for len(m.leaves) < 300 {
		if len(m.leaves)%50 == 0 {
			m.rollcall()
			m.see(m.recorder, g.web, g.db, g.person)
		}
		m.gap([]*source{g.web, g.db}[len(m.leaves)%2])
	}
	return g
})

// disclose renders the disclosures, one a line.
func (g *ground) disclose() {
	for i := range g.disclosures {
		g.lines = append(g.lines, string(must(json.Marshal(&g.disclosures[i]))))
	}
}

// line returns the number of the line that opens a line of a leaf.
func (g *ground) line(i int, l entry.Line) int {
	e := g.entry(i)
	return slices.IndexFunc(g.disclosures, func(d seal.Disclosure) bool {
		return d.Source == e.Source && d.Seq == e.Seq && d.Line == l
	})
}

// write writes the log, its checkpoint and what is at hand.
func (g *ground) write() {
	n := len(g.leaves)
	for first := 0; first < n; first += 256 {
		last := min(first+256, n)
		g.store(tilePath("entries", first/256, last-first), bundleOf(g.leaves[first:last]))
	}
	hashes := make([]entry.Hash, n)
	for i, leaf := range g.leaves {
		hashes[i] = treeRoot([][]byte{leaf})
	}
	for level := 0; len(hashes) > 0; level++ {
		for first := 0; first < len(hashes); first += 256 {
			last := min(first+256, len(hashes))
			g.store(tilePath(fmt.Sprint(level), first/256, last-first), tileOf(hashes[first:last]))
		}
		var above []entry.Hash
		for i := range len(hashes) / 256 {
			above = append(above, treeRoot(g.leaves[i<<(8*(level+1)):(i+1)<<(8*(level+1))]))
		}
		hashes = above
	}
	if g.signed == "" {
		g.signed = checkpointOf(g.leaves)
	}
	g.store("checkpoint", []byte(g.signed))
}

func bundleOf(leaves [][]byte) (b []byte) {
	for _, leaf := range leaves {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(leaf))), leaf...)
	}
	return b
}

func tileOf(hashes []entry.Hash) (b []byte) {
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

func tilePath(level string, n, width int) string {
	if width == 256 {
		return fmt.Sprintf("tile/%s/%03d", level, n)
	}
	return fmt.Sprintf("tile/%s/%03d.p/%d", level, n, width)
}

// The files of the log.
var (
	fullBundle = tilePath("entries", 0, 256)
	partBundle = tilePath("entries", 1, 44)
	fullTile   = tilePath("0", 0, 256)
	partTile   = tilePath("0", 1, 44)
	topTile    = tilePath("1", 0, 1)
)

func (g *ground) path(name string) string { return filepath.Join(g.dir, name) }

// store writes a file of the log.
func (g *ground) store(name string, b []byte) {
	if err := os.MkdirAll(filepath.Dir(g.path(name)), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(g.path(name), b, 0o644); err != nil {
		g.t.Fatal(err)
	}
}

func (g *ground) get(name string) []byte {
	b, err := os.ReadFile(g.path(name))
	if err != nil {
		g.t.Fatal(err)
	}
	return b
}

// flip turns a bit of a byte of a file, counted from the end where it is negative.
func (g *ground) flip(name string, at int) {
	b := g.get(name)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	g.store(name, b)
}

func (g *ground) cut(name string, n int)         { b := g.get(name); g.store(name, b[:len(b)-n]) }
func (g *ground) grow(name string, more ...byte) { g.store(name, append(g.get(name), more...)) }

func (g *ground) remove(name string) {
	if err := os.RemoveAll(g.path(name)); err != nil {
		g.t.Fatal(err)
	}
}

// replace exchanges bytes of a file of the same length.
func (g *ground) replace(name string, was, is []byte) {
	b := g.get(name)
	if !bytes.Contains(b, was) {
		g.t.Fatalf("%s does not hold what is to be replaced", name)
	}
	g.store(name, bytes.Replace(b, was, is, 1))
}

// edit alters a line of the disclosures.
func (g *ground) edit(n int, was, is string) {
	if !strings.Contains(g.lines[n], was) {
		g.t.Fatalf("line %s does not hold %s", g.lines[n], was)
	}
	g.lines[n] = strings.Replace(g.lines[n], was, is, 1)
}

// alter exchanges a leaf on disk for another of the same length.
func (g *ground) alter(i int, was, is string) {
	g.replace(fullBundle, g.leaves[i], bytes.Replace(g.leaves[i], []byte(was), []byte(is), 1))
}

// rewritten lets sources have seen another last leaf than the log has, and sign it.
// The other log is returned.
func (g *ground) rewritten(list ...*source) (other [][]byte) {
	other = slices.Clone(g.leaves)
	other[len(other)-1] = other[0]
	g.showed(other, list...)
	for _, s := range list {
		g.gap(s)
	}
	return other
}
