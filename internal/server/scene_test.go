package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// scene is a clock that can be moved, and what was told while it ran.
type scene struct {
	moved atomic.Int64
	clock *patience.Clock // that of a server; a source has none

	mu     sync.Mutex
	alerts []finding.Finding
}

func (s *scene) ahead() time.Duration { return time.Duration(s.moved.Load()) }

func (s *scene) now() time.Time { return time.Now().Round(0).Add(s.ahead()) }

// pass lets time go by, in which the server could hear whoever spoke.
func (s *scene) pass(d time.Duration) {
	if s.clock == nil {
		s.starve(d)
		return
	}
	const beat = 100 * time.Millisecond
	for ; d > 0; d -= beat {
		s.starve(min(d, beat))
	}
}

// starve lets time go by in which the server could do nothing.
func (s *scene) starve(d time.Duration) {
	s.moved.Add(int64(d))
	if s.clock != nil {
		s.clock.Beat()
	}
}

func (s *scene) alert(f finding.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, f)
}

// told lists the codes that were told, each once. That sources join is not odd.
func (s *scene) told() (codes []verify.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.alerts {
		if c := verify.Code(f.Code); c != "enrolled" && !slices.Contains(codes, c) {
			codes = append(codes, c)
		}
	}
	return codes
}

// tick lets some time pass and has the server look after its sources.
func (d *door) tick(t *testing.T, after time.Duration) {
	t.Helper()
	d.pass(after)
	if err := d.Tick(t.Context()); err != nil {
		t.Fatalf("look after sources: %v", err)
	}
}

// settle lets pass what a server waits for stragglers.
func (d *door) settle(t *testing.T) { t.Helper(); d.tick(t, server.SettleFor+time.Second) }

// recorded waits until a signed finding with that code is in the log.
func (d *door) recorded(t *testing.T, code verify.Code) *entry.Entry {
	t.Helper()
	return d.await(t, "a finding "+string(code), func(e *entry.Entry) bool {
		return e.Kind == entry.Finding && e.Open.Code == string(code)
	})
}

// await waits for an entry under a checkpoint.
func (d *door) await(t *testing.T, what string, is func(*entry.Entry) bool) (found *entry.Entry) {
	t.Helper()
	eventually(t, what, func() bool {
		return slices.ContainsFunc(d.entries(t), func(e *entry.Entry) bool { found = e; return is(e) })
	})
	return found
}

// entries are all entries under the newest checkpoint.
func (d *door) entries(t *testing.T) (all []*entry.Entry) {
	t.Helper()
	for _, raw := range d.leaves(t) {
		e, err := entry.Parse(raw)
		must(t, err)
		all = append(all, e)
	}
	return all
}

// leaves are the same as their sources signed them.
func (d *door) leaves(t *testing.T) (all [][]byte) {
	t.Helper()
	must(t, d.Store(t.Context(), func(ctx context.Context, srv *store.Store) error {
		for i := range srv.Published() {
			raw, err := srv.Entry(ctx, i)
			if err != nil {
				return err
			}
			all = append(all, raw)
		}
		return nil
	}))
	return all
}

// published waits until a checkpoint covers what was accepted.
func (d *door) published(t *testing.T) {
	t.Helper()
	must(t, d.Store(t.Context(), func(ctx context.Context, srv *store.Store) error {
		eventually(t, "a checkpoint", func() bool { return srv.Published() == srv.Size() })
		return nil
	}))
}

// eventually polls for what comes about by itself.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(5 * time.Minute)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// again is the source after a restart of its process: same key, same chain.
func (s *source) again(t *testing.T, d *door) *source {
	t.Helper()
	r := d.stranger(t, s.n)
	r.clock, r.chain, r.believed = s.clock, s.chain, s.believed
	return r
}

// back is the source with its chain rolled back to a head.
func (s *source) back(h record.Head) {
	s.chain = record.NewChain(s.key, h)
	s.chain.Saw(entry.Saw{Size: s.believed.Size, Root: s.believed.Root})
}

// post hands in entries, which must all be accepted.
func (s *source) post(t *testing.T, subs ...wire.Submission) []wire.Answer {
	t.Helper()
	answers, err := s.Post(t.Context(), subs)
	if err != nil {
		t.Fatalf("hand in: %v", err)
	}
	for i, a := range answers {
		if a.Refused != nil {
			t.Fatalf("entry %d refused: %v", i, a.Refused)
		}
	}
	return answers
}

// beats sends a sign of life and verifies what comes back, as a watcher does.
func (s *source) beats(t *testing.T, next, kept uint64) error {
	t.Helper()
	b := s.beat(t, s.believed, next, kept)
	r, err := s.Beat(t.Context(), b)
	if err != nil {
		t.Fatalf("beat: %v", err)
	}
	cp, err := r.Check(s.log, s.believed, nil, nil)
	if err == nil {
		s.believed = cp
		s.chain.Saw(entry.Saw{Size: cp.Size, Root: cp.Root})
	}
	return err
}

// resign alters an entry that the source has signed, and signs it again.
func (s *source) resign(t *testing.T, sub wire.Submission, alter func(*entry.Entry)) wire.Submission {
	t.Helper()
	e, err := entry.Parse(sub.Note)
	if err != nil {
		t.Fatal(err)
	}
	alter(e)
	if sub.Note, err = e.Sign(s.key); err != nil {
		t.Fatal(err)
	}
	return sub
}

// code is what a finding in an error says.
func code(err error) verify.Code {
	var f *verify.Finding
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// hint is what an answer says to do.
func hint(err error) string {
	var s *wire.StatusError
	if errors.As(err, &s) {
		return s.Hint
	}
	return ""
}

func asksToEnrol(err error) bool { return strings.Contains(hint(err), "enrol with a join token") }

// shut ends a server, for the rest of the test.
func (d *door) shut(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		t.Fatalf("close server: %v", err)
	}
}

// copied is a copy of the store, which is closed for it.
func (d *door) copied(t *testing.T) steletest.Store {
	t.Helper()
	d.shut(t)
	dir := t.TempDir()
	st := steletest.StoreIn(t, filepath.Join(dir, "store"), filepath.Join(dir, "trust"))
	if out, err := exec.Command("cp", "-a", d.store.Layout.Dir, st.Layout.Dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	return st
}

// stumble has the store stop at an entry and waits until it is open again.
func (d *door) stumble(t *testing.T, s *source) {
	t.Helper()
	must(t, d.Break(t.Context()))
	_, _ = s.Post(t.Context(), s.sign(t, "/etc/stumble")) // the answer may come before the store has stopped
	eventually(t, "the store to be open again", func() bool {
		return d.Store(t.Context(), func(ctx context.Context, srv *store.Store) error {
			_, err := srv.Index().Next(ctx)
			return err
		}) == nil
	})
}

// reopen closes the server and serves a store in its place.
func (d *door) reopen(t *testing.T, st steletest.Store) *door {
	t.Helper()
	d.shut(t)
	d.next = openStore(t, st, d.cert, "127.0.0.1:0", small)
	return d.next
}

// last is the server that took the place of this one, if any did.
func (d *door) last() *door {
	for d.next != nil {
		d = d.next
	}
	return d
}

// at is the source, the same process, calling another server.
func (s *source) at(t *testing.T, d *door) *source { t.Helper(); return s.again(t, d) }

// proves hands in an entry and has it proved.
func (s *source) proves(t *testing.T) {
	t.Helper()
	subs := s.sign(t, "/etc/"+rand.Text())
	at := s.post(t, subs...)[0].Index
	r, err := s.Receipt(t.Context(), s.believed.Size, []uint64{at})
	if err != nil {
		t.Fatalf("receipt: %v", err)
	}
	if s.believed, err = r.Check(s.log, s.believed, []uint64{at}, [][]byte{subs[0].Note}); err != nil {
		t.Fatalf("receipt: %v", err)
	}
	s.chain.Saw(entry.Saw{Size: s.believed.Size, Root: s.believed.Root})
}

// lives sends beats that all say the same, for a while.
func (s *source) lives(t *testing.T, d *door, during time.Duration, next, kept uint64) {
	t.Helper()
	for range during / (20 * time.Second) {
		must(t, s.beats(t, next, kept))
		d.pass(20 * time.Second)
	}
	d.settle(t)
}

// frozen is the source with a clock that stands still.
func (s *source) frozen(t *testing.T, d *door) *source {
	t.Helper()
	cert, err := mtls.Source(seed(s.n))
	if err != nil {
		t.Fatal(err)
	}
	still := d.now()
	f := *s
	f.Client = d.client(t, client.Config{Certificate: &cert, Now: func() time.Time { return still }})
	return &f
}
