package histories

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
)

var (
	oneSeed = flag.Int("seed", -1, "the one history to live through")
	many    = flag.Int("histories", 25, "how many histories to live through")
)

// atOnce is how many histories go on at the same time: they mostly wait.
const atOnce = 4

// TestHistories lives through as many histories as are asked for: 25, and 200
// where STELE_CI is set.
func TestHistories(t *testing.T) {
	tm := newTemplate(t)
	first, n := 0, *many
	switch {
	case *oneSeed >= 0:
		first, n = *oneSeed, 1
	case os.Getenv("STELE_CI") != "":
		n = max(n, 200)
	case testing.Short():
		n = 5
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for seed := first; seed < first+n; seed++ {
		g.Go(func() error {
			if err := tm.history(t, uint64(seed), cheat{}); err != nil {
				t.Error(err)
			}
			return nil
		})
	}
	g.Wait()
}

// history lives through one history and holds the record against it.
func (tm *template) history(t *testing.T, seed uint64, c cheat) error {
	dir := filepath.Join(t.TempDir(), fmt.Sprintf("history-%d", seed))
	w, err := newWorld(tm, dir, seed, c)
	if err != nil {
		return err
	}
	if err := w.live(); err != nil {
		err = w.report(err)
		w.abandon()
		return err
	}
	if err := w.check(t.Context()); err != nil {
		return w.report(err)
	}
	w.say("checked")
	if testing.Verbose() {
		t.Log(w.report(errors.New("fine")))
	}
	return os.RemoveAll(dir)
}
