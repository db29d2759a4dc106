package monitor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/monitor"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
)

// scene is a store that is written to and monitored.
type scene struct {
	steletest.Store
	srv    *store.Store
	chain  *record.Chain
	told   chan finding.Finding
	passed chan monitor.Pass
}

// monitored has a store of n entries monitored.
func monitored(t *testing.T, n int, soonest time.Duration) *scene {
	s := &scene{Store: steletest.NewStore(t), told: make(chan finding.Finding, 100), passed: make(chan monitor.Pass, 1000)}
	s.srv = s.Open(t)
	t.Cleanup(func() { steletest.Stop(t, s.srv) })
	s.chain = steletest.Enrol(t, s.srv, entry.Watcher, 1)
	s.add(t, n)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		monitor.Run(ctx, monitor.Config{
			Layout: s.Layout, Trust: s.Trust, Soonest: soonest, Latest: time.Hour, Share: 1,
			Tell: func(f finding.Finding) { s.told <- f }, Passed: func(p monitor.Pass) { s.passed <- p },
		})
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return s
}

func (s *scene) add(t *testing.T, n int) {
	t.Helper()
	for i := 0; i < n; i += 50 {
		var ds []record.Draft
		for k := range min(50, n-i) {
			ds = append(ds, steletest.Change(fmt.Sprintf("/etc/%d", k), fmt.Sprintf("n: %d\n", i+k), nil))
		}
		steletest.Submit(t, s.srv, steletest.Sign(t, s.chain, ds...))
	}
}

func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s: nothing came", what)
		panic("unreachable")
	}
}

// rewrite changes a file in place, as whoever has an editor for bytes does.
func rewrite(t *testing.T, path string, change func([]byte)) (before []byte) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b := append([]byte(nil), before...)
	change(b)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return before
}

func flip(b []byte) { b[len(b)/2] ^= 1 }

// TestTouched: what is altered in a file that nothing writes to any more is told by
// a pass of its own, long before the next is due, and told again once it is over.
func TestTouched(t *testing.T) {
	for _, name := range []string{"log/tile/0/000", "log/tile/entries/000"} {
		t.Run(name, func(t *testing.T) {
			s := monitored(t, 300, time.Hour)
			path := filepath.Join(s.Layout.Dir, name)
			s.watched(t, path)
			before := rewrite(t, path, flip)
			f := receive(t, s.told, "an altered file")
			if f.Over || f.Where != path {
				t.Fatalf("told: %+v", f)
			}
			s.settle(t, path, before)
		})
	}
}

// watched waits until the files of the store are watched: whoever touches one then
// sets off a pass.
func (s *scene) watched(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		rewrite(t, path, func([]byte) {}) // the same bytes: nothing to be found
		select {
		case p := <-s.passed:
			if p.Findings != 0 {
				t.Fatalf("a sound store: %+v", p)
			}
			return
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("no pass")
		}
	}
}

// settle puts a file back and waits until all that was told of it is over.
func (s *scene) settle(t *testing.T, path string, before []byte) {
	t.Helper()
	rewrite(t, path, func(b []byte) { copy(b, before) })
	for {
		if f := receive(t, s.told, "a file that was put back"); f.Over {
			break
		}
	}
	for p := range s.passed {
		if p.Findings == 0 {
			return
		}
	}
}

// TestPasses: what is altered in a file that is written to is told by the next
// pass, the index too.
func TestPasses(t *testing.T) {
	s := monitored(t, 20, 50*time.Millisecond)
	receive(t, s.passed, "a pass")
	if p, ok := monitor.Read(s.Layout); !ok {
		t.Errorf("noted: %+v, %t", p, ok)
	}
	segments, err := filepath.Glob(filepath.Join(s.Layout.Vault(), "openings-*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatal(err)
	}
	rewrite(t, segments[0], flip)
	for { // what follows from it may be told before it
		if f := receive(t, s.told, "an altered segment"); f.Over {
			t.Fatalf("told: %+v", f)
		} else if strings.HasPrefix(f.Where, s.Layout.Vault()) {
			break
		}
	}
}

// TestSound: a store that is written to all the time accuses nobody.
func TestSound(t *testing.T) {
	s := monitored(t, 10, time.Millisecond)
	for range 12 {
		s.add(t, 100)
	}
	for n := 0; n < 5; n++ {
		receive(t, s.passed, "a pass")
	}
	select {
	case f := <-s.told:
		t.Fatalf("told: %+v", f)
	default:
	}
}

// TestYoung: a store that has only just begun accuses nobody.
func TestYoung(t *testing.T) {
	for range 10 {
		s := monitored(t, 20, time.Millisecond)
		if p := receive(t, s.passed, "a pass"); p.Findings > 0 {
			t.Fatalf("told: %+v", receive(t, s.told, "a finding"))
		}
	}
}
