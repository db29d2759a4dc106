package sqlite

import (
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// TestKnown holds First and Among against bySeq, which lists everything: in the
// sorted tables and in recent, for a writer and for a reader beside it.
func TestKnown(t *testing.T) {
	w := newLog(3, 3, 2000)
	x := built(t, w.all)
	reader, err := Open(t.Context(), Config{Path: x.cfg.Path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for name, x := range map[string]*Index{"writer": x, "reader": reader} {
		forks := 0
		for i := range w.all {
			r := &w.all[i]
			all, err := x.BySeq(t.Context(), r.Source, r.Seq)
			if err != nil || len(all) == 0 {
				t.Fatalf("%s: entry %d: %v, %v", name, i, all, err)
			}
			forks += len(all) - 1
			first, found, err := x.First(t.Context(), r.Source, r.Seq)
			if err != nil || !found || first != all[0] {
				t.Fatalf("%s: the first of entry %d is %v, %v; want %v", name, i, first, err, all[0])
			}
			at, found, err := x.Among(t.Context(), r.Source, r.Seq, r.ID)
			if err != nil || !found || at > r.Index {
				t.Fatalf("%s: entry %d is found at %d, %v, %v", name, i, at, found, err)
			}
			if _, found, err := x.Among(t.Context(), r.Source, r.Seq+1, r.ID); found || err != nil {
				t.Fatalf("%s: entry %d is found with another seq, %v", name, i, err)
			}
		}
		if forks == 0 {
			t.Errorf("%s: nothing was forked", name)
		}
		if _, found, err := x.First(t.Context(), entry.Source{1}, 0); found || err != nil {
			t.Errorf("%s: a stranger has entries, %v", name, err)
		}
	}
}

// TestKnownWhileFolding: an entry that moves from recent into the sorted tables
// between two looks is found, or intake would take it in twice.
func TestKnownWhileFolding(t *testing.T) {
	for name, find := range map[string]func(*Index, *index.Record) (bool, error){
		"First": func(x *Index, r *index.Record) (bool, error) {
			_, found, err := x.First(t.Context(), r.Source, r.Seq)
			return found, err
		},
		"Among": func(x *Index, r *index.Record) (bool, error) {
			_, found, err := x.Among(t.Context(), r.Source, r.Seq, r.ID)
			return found, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newLog(3, 3, 100)
			x := built(t, w.all)
			x.recent.mu.Lock() // whoever looks waits here, before the tables or behind them
			asked, folded := make(chan error, 1), make(chan error, 1)
			go func() {
				found, err := find(x, &w.all[50])
				if err == nil && !found {
					t.Error("an entry is not found")
				}
				asked <- err
			}()
			time.Sleep(100 * time.Millisecond)
			go func() { folded <- x.fold(t.Context()) }()
			for end := 0; end < len(w.all); time.Sleep(time.Millisecond) {
				if err := x.db.QueryRow(`SELECT folded FROM state`).Scan(&end); err != nil {
					t.Error(err)
					break
				}
			}
			x.recent.seqs = map[seqKey][]index.Ref{}
			x.recent.mu.Unlock()
			for _, done := range []chan error{asked, folded} {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
}
