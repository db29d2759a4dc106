package bench

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// What is in flight: so many senders with so many entries each. Raw Tessera is
// given as many.
const (
	senders   = 16
	batchSize = 256
)

// measured is a server in a directory of its own.
type measured struct {
	*store.Store // nil: never opened for writing
	layout       layout.Store
	trust        trust.File
}

// storeIn names the store in a directory.
func storeIn(t *testing.T, dir string) *measured {
	s := &measured{layout: layout.Store{Dir: filepath.Join(dir, "store")}}
	var err error
	if s.trust, err = trust.Of(filepath.Join(dir, "trust"), s.layout.Dir); err != nil {
		t.Fatal(err)
	}
	return s
}

// open opens the store for writing, a new one if there is none.
func (s *measured) open(t *testing.T) {
	var err error
	if s.Store, err = store.Open(t.Context(), store.Config{Layout: s.layout, Trust: s.trust, Version: "1.0.0"}); err != nil {
		t.Fatal(err)
	}
}

func openStore(t *testing.T) *measured {
	s := storeIn(t, t.TempDir())
	s.open(t)
	return s
}

func (s *measured) stop(t *testing.T) {
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func hostName(i int) string { return fmt.Sprintf("web-%04d.example.net", i) }

// enrol admits hosts, each with a key of its own.
func (s *measured) enrol(t *testing.T, n int) []*host {
	hosts := make([]*host, n)
	for i := range hosts {
		name := hostName(i)
		key, err := entry.NewSecretKey(hostSeed(i))
		if err != nil {
			t.Fatal(err)
		}
		head, err := s.Enrol(t.Context(), key.Public(), entry.Watcher, &body.Host{Name: name, OS: "linux"})
		if err != nil {
			t.Fatal(err)
		}
		hosts[i] = &host{name: name, chain: record.NewChain(key, head)}
	}
	return hosts
}

// among shares hosts out to senders. The entries of all of them end about now.
func among(hosts []*host, n, total, changes int, text wording) []*sender {
	out := make([]*sender, min(n, len(hosts)))
	step := 30 * 24 * time.Hour / time.Duration(total)
	for i := range out {
		out[i] = &sender{
			changes: changes, text: text,
			clock: time.Now().Add(-31*24*time.Hour + time.Duration(i)*step), step: step * time.Duration(len(out)),
		}
	}
	for i, h := range hosts {
		out[i%len(out)].hosts = append(out[i%len(out)].hosts, h)
	}
	return out
}

// signAll signs n entries, side by side, in batches for each sender.
func signAll(t *testing.T, from []*sender, n int) [][][]wire.Submission {
	out := make([][][]wire.Submission, len(from))
	var g errgroup.Group
	for i, s := range from {
		g.Go(func() error {
			for left := share(n, len(from), i); left > 0; left -= batchSize {
				subs, err := s.sign(min(left, batchSize))
				if err != nil {
					return err
				}
				out[i] = append(out[i], subs)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return out
}

// share is the i-th of parts nearly equal parts of n.
func share(n, parts, i int) int { return n*(i+1)/parts - n*i/parts }

// submit hands in what every sender has, side by side, waits until the index
// has caught up, and returns what that took.
func (s *measured) submit(t *testing.T, work [][][]wire.Submission) cost {
	read := begin()
	ends := make([]uint64, len(work))
	var g errgroup.Group
	for i, batches := range work {
		g.Go(func() error {
			for _, subs := range batches {
				end, err := s.accept(t, subs)
				if err != nil {
					return err
				}
				ends[i] = max(ends[i], end)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	var end uint64
	for _, e := range ends {
		end = max(end, e)
	}
	s.indexed(t, end)
	return read()
}

// accept hands in one batch and returns the index after its last entry.
func (s *measured) accept(t *testing.T, subs []wire.Submission) (end uint64, err error) {
	answers, err := s.Submit(t.Context(), subs)
	if err != nil {
		return 0, fmt.Errorf("submit: %w", err)
	}
	for _, a := range answers {
		if a.Refused != nil {
			return 0, fmt.Errorf("submit: %w", a.Refused)
		}
		if a.Duplicate {
			return 0, fmt.Errorf("entry %d was in the log already", a.Index)
		}
		end = max(end, a.Index+1)
	}
	return end, nil
}

// indexed waits until the index has that many entries.
func (s *measured) indexed(t *testing.T, size uint64) {
	if err := untilIndexed(t.Context(), s.Store, size); err != nil {
		t.Fatal(err)
	}
}

// seen is the newest checkpoint, as a sender comes to believe it.
func (s *measured) seen(t *testing.T) (entry.Saw, error) {
	r, err := s.Receipt(t.Context(), 0, nil)
	if err != nil {
		return entry.Saw{}, fmt.Errorf("ask for a checkpoint: %w", err)
	}
	cp, err := verify.OpenCheckpoint(s.LogKey(), r.Checkpoint)
	return entry.Saw{Size: cp.Size, Root: cp.Root}, err
}
