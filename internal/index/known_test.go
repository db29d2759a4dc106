package index

import (
	"testing"

	"github.com/stele-log/stele/entry"
)

// TestKnown holds First and Among against BySeq, which lists everything: in the
// sorted tables and in the tail, for a writer and for a reader beside it.
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
