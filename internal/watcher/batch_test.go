package watcher

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/spool"
)

func (b *bench) set(who int, paths ...string) *set {
	s := &set{who: body.Who{PID: who}, confidence: body.Certain, layer: "fanotify"}
	for _, p := range paths {
		s.changes = append(s.changes, change{path: p, text: fmt.Appendf(nil, "by %d", who), what: body.What{Path: p, Action: body.Modify, Time: body.FormatTime(b.clock())}})
	}
	return s
}

// TestTogether: change sets that are spooled with one sync follow each other as
// those do that are spooled one by one, also after there was no room for all.
func TestTogether(t *testing.T) {
	b := newBench(t, 0)
	sets := []*set{b.set(1, "/etc/a", "/etc/b"), b.set(2, "/etc/a"), b.set(3, "/etc/c", "/etc/a")}
	head, refs := b.chain.Head(), maps.Clone(b.refs)
	batch := b.newBatch()
	for _, s := range sets {
		if err := batch.add(s); err != nil {
			t.Fatal(err)
		}
	}
	full := func(items ...spool.Item) error {
		if len(items) != len(sets) {
			t.Errorf("%d entries with one sync, want %d", len(items), len(sets))
		}
		return spool.ErrFull
	}
	if err := batch.put(full); !errors.Is(err, spool.ErrFull) {
		t.Fatalf("no room: %v", err)
	}
	if b.chain.Head() != head || !maps.Equal(b.refs, refs) {
		t.Fatalf("not undone: head %+v, refs %+v", b.chain.Head(), b.refs)
	}
	if err := b.recordAll(sets); err != nil {
		t.Fatal(err)
	}
	items, err := b.cfg.Spool.Pending(10, 1<<20)
	if err != nil || len(items) != len(sets) {
		t.Fatalf("%d entries wait, %v", len(items), err)
	}
	prev := head.Prev
	var latest entry.ID // of /etc/a
	for i, it := range items {
		e, err := entry.Parse(it.Submission.Note)
		if err != nil || e.Prev != prev {
			t.Fatalf("entry %d follows %s, want %s (%v)", i, e.Prev, prev, err)
		}
		prev = e.ID()
		for k, raw := range it.Submission.What {
			var w body.What
			if err := body.Unmarshal(raw, &w); err != nil {
				t.Fatal(err)
			}
			if w.Path == "/etc/a" && i > 0 && (w.Before == nil || w.Before.Entry != latest.String()) || w.Path != "/etc/a" && w.Before != nil {
				t.Errorf("change %d of entry %d follows %+v, want %s", k, i, w.Before, latest)
			}
		}
		latest = e.ID()
	}
}
