package server_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// hands sends a beat with checkpoints.
func (s *source) hands(t *testing.T, notes ...[]byte) error {
	t.Helper()
	b := s.beat(t, s.believed, 0, 0)
	b.Checkpoints = notes
	_, err := s.Beat(t.Context(), b)
	return err
}

// handedOut are the checkpoints that a server shows to a stranger.
func (d *door) handedOut(t *testing.T) (notes []string) {
	t.Helper()
	all, err := d.client(t, client.Config{}).Checkpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		notes = append(notes, string(n))
	}
	return notes
}

// TestCheckpointsHandedOn: what sources hand on is shown to everybody, each once,
// after a restart too, and accuses nobody.
func TestCheckpointsHandedOn(t *testing.T) {
	d := open(t)
	one, two := d.join(t, 1), d.join(t, 2)
	must(t, one.hands(t, one.believed.Note))
	must(t, two.hands(t, one.believed.Note, two.believed.Note))
	want := []string{string(one.believed.Note), string(two.believed.Note)}
	if got := d.handedOut(t); !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
	if told := d.told(); len(told) > 0 {
		t.Errorf("told %q", told)
	}
	next := d.reopen(t, d.store)
	if got := next.handedOut(t); !cmp.Equal(want, got) {
		t.Errorf("after a restart: %s", cmp.Diff(want, got))
	}
	if err := two.at(t, next).hands(t, make([][]byte, wire.MaxCheckpoints+1)...); status(t, err) != http.StatusBadRequest {
		t.Errorf("too many: %v", err)
	}
}

// TestCheckpointConvicts: a checkpoint that the log's key signed and that is not of
// this log's tree accuses the log, with the beat that names it or before; one that
// this key has not signed accuses the source, and nobody is shown it.
func TestCheckpointConvicts(t *testing.T) {
	other := entry.Hash{1, 2, 3}
	for name, c := range map[string]struct {
		size    uint64 // 0: that of the log
		sign    func(*testing.T, *door, uint64) []byte
		code    verify.Code
		accused verify.Party
	}{
		"of another tree": {0, func(t *testing.T, d *door, n uint64) []byte { return d.store.Checkpoint(t, n, other) }, verify.Fork, verify.TheLog},
		"of a larger one": {1 << 20, func(t *testing.T, d *door, n uint64) []byte { return d.store.Checkpoint(t, n, other) }, verify.Shrunk, verify.TheLog},
		"of another log": {0, func(t *testing.T, d *door, n uint64) []byte {
			st := steletest.NewStore(t)
			steletest.Stop(t, st.Open(t))
			return st.Checkpoint(t, n, other)
		}, verify.BadCheckpoint, verify.TheSource},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			s := d.join(t, 1)
			d.published(t)
			size := s.believed.Size
			if c.size > 0 {
				size = c.size
			}
			note := c.sign(t, d, size)
			seen := s.believed
			seen.Size, seen.Root, seen.Note = size, other, note
			if c.code == verify.BadCheckpoint {
				seen = s.believed // nothing wrong with its beat
			}
			b := s.beat(t, seen, 0, 0)
			for range 2 { // the second time it is known
				b.Checkpoints = [][]byte{note}
				_, _ = s.Beat(t.Context(), b) // what is proved to it is of no concern here
			}
			b.Checkpoints = nil
			_, _ = s.Beat(t.Context(), b)
			if told := d.told(); len(told) != 1 || told[0] != c.code {
				t.Fatalf("told %q, want %s", told, c.code)
			}
			d.mu.Lock()
			for _, f := range d.alerts {
				if f.Code == c.code && (f.Accused != c.accused || f.Severity != finding.Critical || (f.About == "") != (c.accused == verify.TheLog)) {
					t.Errorf("%+v", f)
				}
			}
			d.mu.Unlock()
			d.recorded(t, c.code)
			if shown := len(d.handedOut(t)) > 0; shown != (c.accused == verify.TheLog) {
				t.Errorf("shown to others: %v", shown)
			}
		})
	}
}
