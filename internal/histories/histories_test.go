package histories

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/stele-log/stele/internal/capture"
)

var (
	oneSeed = flag.Int("seed", -1, "the one history to live through")
	many    = flag.Int("histories", 25, "how many histories to live through")
)

// atOnce is how many histories go on at the same time: they mostly wait.
const atOnce = 6

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
	ctx, cancel := context.WithCancel(t.Context())
	var beating sync.WaitGroup
	beating.Go(func() { w.beat(ctx) })
	defer beating.Wait()
	defer cancel()
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
		t.Log(w.report(errors.New("it ended well")))
	}
	return os.RemoveAll(dir)
}

// TestFaultsAreFound: a history with a fault put into it ends badly, as its
// error says, and as often as its seed is lived through.
func TestFaultsAreFound(t *testing.T) {
	tm := newTemplate(t)
	edits := []string{"edit", "edit", "edit", "edit", "pause"}
	for name, f := range map[string]struct {
		cheat cheat
		says  string
	}{
		"none": {cheat{plan: append(edits, "lie")}, ""},
		"lost": {cheat{plan: edits, lose: func(o capture.Observation) bool {
			return strings.Contains(string(o.Content), "edition 2\n")
		}}, "at rest"},
		"twice":    {cheat{plan: edits, echo: true}, "on record is what was not"},
		"dropped":  {cheat{plan: edits, drop: true}, "was accepted at"},
		"disorder": {cheat{plan: append(edits, "fill"), reverse: true}, "seq"},
		"unheard":  {cheat{plan: []string{"lie"}, deaf: true}, "names the lie"},
		"wolf":     {cheat{plan: edits, wolf: true}, "accuses an honest server"},
	} {
		for range 2 {
			err := tm.history(t, 3, f.cheat)
			switch {
			case f.says == "" && err != nil:
				t.Errorf("without a fault: %v", err)
			case f.says != "" && (err == nil || !strings.Contains(err.Error(), f.says)):
				t.Errorf("%s: want it to say %q: %v", name, f.says, err)
			}
		}
	}
}
