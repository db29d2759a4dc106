package history_test

import (
	"fmt"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// TestDisclosuresBesideAWriter: however the log grows meanwhile, the disclosures are
// all those of the tree that was told, and of no entry behind it.
func TestDisclosuresBesideAWriter(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	c := steletest.Enrol(t, srv, entry.Watcher, 1)
	grow := func(n int) {
		for i := range n {
			steletest.Submit(t, srv, steletest.Sign(t, c, steletest.Change(fmt.Sprintf("/etc/%d", i), "x\n", nil)))
		}
	}
	grow(5)
	if _, err := srv.Receipt(t.Context(), 0, []uint64{srv.Size() - 1}); err != nil { // it is published
		t.Fatal(err)
	}
	for _, want := range []uint64{0, 3} {
		var told verify.Checkpoint
		found := map[entry.Source]map[uint64]int{}
		err := history.LocalDisclosures(t.Context(), st.Layout, st.Trust, func(cp verify.Checkpoint) (uint64, error) {
			grow(5)
			if told = cp; want > 0 {
				return want, nil
			}
			return cp.Size, nil
		}, func(d seal.Disclosure) error {
			if found[d.Source] == nil {
				found[d.Source] = map[uint64]int{}
			}
			found[d.Source][d.Seq]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		entries := uint64(0)
		for _, seqs := range found {
			entries += uint64(len(seqs))
		}
		size := told.Size
		if want > 0 {
			size = want
		}
		if entries != size || told.Size >= srv.Size() {
			t.Errorf("disclosures of %d entries, want %d; the log has %d by now", entries, size, srv.Size())
		}
	}
}
