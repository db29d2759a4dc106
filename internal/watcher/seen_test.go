package watcher

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// listener is a server that writes down which checkpoints come with beats.
type listener struct {
	*liar
	handed [][]byte
	lost   bool // the answer to beats
}

func (l *listener) Beat(ctx context.Context, b wire.Beat) (*wire.Receipt, error) {
	l.handed = append(l.handed, b.Checkpoints...)
	if l.lost {
		return nil, wire.ErrUnreachable
	}
	return l.liar.Beat(ctx, b)
}

// TestSeen: of every tree that an entry of this source names it can show the signed
// checkpoint, and it hands each on with a beat: once, if that was answered.
func TestSeen(t *testing.T) {
	b := newBench(t, 0)
	l := &listener{liar: b.liar}
	b.Watcher.cfg.Server = l
	for n := range 5 {
		b.change(t, "/etc/a", fmt.Sprint(n))
		if err := b.ships(t, &trouble{}); err != nil {
			t.Fatal(err)
		}
	}
	b.change(t, "/etc/a", "last")
	seen := b.namedTrees(t)
	if len(seen) < 4 {
		t.Fatalf("its entries name %d trees", len(seen))
	}
	for _, saw := range seen {
		if !b.cfg.Spool.Kept().Has(saw.Size, saw.Root) {
			t.Errorf("no checkpoint of %d leaves is kept, and an entry names it", saw.Size)
		}
	}
	l.lost = true
	if err := b.beatOnce(t.Context()); err == nil {
		t.Fatal("answered")
	}
	l.handed, l.lost = nil, false
	for range 3 {
		if err := b.beatOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sizes := make(map[uint64]int)
	for _, note := range l.handed {
		cp, err := verify.OpenCheckpoint(b.cfg.LogKey, note)
		if err != nil {
			t.Fatal(err)
		}
		sizes[cp.Size]++
	}
	for _, saw := range seen {
		if sizes[saw.Size] != 1 {
			t.Errorf("the checkpoint of %d leaves was handed on %d times", saw.Size, sizes[saw.Size])
		}
	}
}

// namedTrees are those that entries of this source name, in the log and in the spool.
func (b *bench) namedTrees(t *testing.T) (seen []entry.Saw) {
	t.Helper()
	take := func(note []byte) {
		e, err := entry.Parse(note)
		if err != nil {
			t.Fatal(err)
		}
		if e.Source == b.Source() && e.Saw.Size > 0 && (len(seen) == 0 || seen[len(seen)-1] != e.Saw) {
			seen = append(seen, e.Saw)
		}
	}
	for i := range b.liar.Published() {
		note, err := b.liar.Entry(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		take(note)
	}
	for it, err := range b.cfg.Spool.All() {
		if err != nil {
			t.Fatal(err)
		}
		take(it.Submission.Note)
	}
	return seen
}

// TestOtherLogsCheckpoint: one that was kept of another log is not handed on to this
// one, which would accuse this source.
func TestOtherLogsCheckpoint(t *testing.T) {
	b := newBench(t, 0)
	l := &listener{liar: b.liar}
	b.Watcher.cfg.Server = l
	other := verify.Checkpoint{
		Size: 7, Note: fmt.Appendf(nil, "stele/other\n7\n%s\n\n— stele/other AAAAAAAA\n", entry.Hash{1}), Root: entry.Hash{1},
	}
	if err := b.cfg.Spool.Keep(other, b.clock()); err != nil {
		t.Fatal(err)
	}
	if err := b.beatOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, note := range l.handed {
		if bytes.Equal(note, other.Note) {
			t.Error("it is handed on")
		}
	}
}

// TestCheckpointTooLarge: a server cannot have a source name a tree whose checkpoint
// is too large for it to keep.
func TestCheckpointTooLarge(t *testing.T) {
	b := newBench(t, 0)
	b.change(t, "/etc/a", "1")
	b.liar.receipt = func(r *wire.Receipt) (*wire.Receipt, error) {
		r.Checkpoint = append(r.Checkpoint, strings.Repeat("— witness.example "+strings.Repeat("A", 400)+"\n", 50)...)
		return r, nil
	}
	var tr trouble
	if err := b.ships(t, &tr); err == nil || !b.found(finding.BadReceipt) {
		t.Errorf("%v, %+v", err, b.Findings())
	}
	b.liar.receipt = nil
	if err := b.ships(t, &tr); err != nil {
		t.Fatal(err)
	}
}
