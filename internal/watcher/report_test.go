package watcher

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// TestReport: a watcher tells how it stands without its server, and only those
// who may know.
func TestReport(t *testing.T) {
	b := newBench(t, 0)
	b.liar.submit = func() error { return wire.ErrUnreachable }
	if err := b.gap("nothing was seen for a while", b.clock()); err != nil {
		t.Fatal(err)
	}
	b.raise(verify.Fork, "the server shows another log")
	s := b.Report()
	if s.Pending != 1 || s.Next != 1 || s.Host != "h" || s.Source != b.Source().String() || s.Room <= 0 {
		t.Errorf("%+v", s)
	}
	if len(s.Findings) != 1 || s.Findings[0].Code != "fork" || !s.Findings[0].Since.Equal(b.clock()) {
		t.Errorf("findings %+v", s.Findings)
	}
	own, root, other := uint32(os.Geteuid()), uint32(0), uint32(54321)
	for uid, told := range map[*uint32]bool{&own: true, &root: true, &other: false, nil: false} {
		if r := b.report(&body.Who{UID: uid}); (r.Report != nil) != told || (r.Error == "") != told {
			t.Errorf("uid %v is told %+v", uid, r)
		}
	}
}

// TestAboutAnIndex: what stands at an index is believed only if the server proves
// it, and the reason goes to no other entry.
func TestAboutAnIndex(t *testing.T) {
	b := newBench(t, 0)
	root := &body.Who{UID: new(uint32)}
	at := uint64(1)
	if _, err := b.liar.Receipt(t.Context(), 0, []uint64{at}); err != nil { // it is under a checkpoint
		t.Fatal(err)
	}
	note, err := b.liar.Store.Entry(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	e, err := entry.Parse(note)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := b.about(t.Context(), root, Request{Index: &at}); err != nil || id != e.ID() {
		t.Errorf("%s, %v; want %s", id, err, e.ID())
	}
	b.liar.entry = func(uint64) ([]byte, error) { return b.liar.Store.Entry(t.Context(), 0) }
	if id, err := b.about(t.Context(), root, Request{Index: &at}); !errors.As(err, new(*verify.Finding)) {
		t.Errorf("another entry in its place is taken for %s: %v", id, err)
	}
	b.liar.entry = func(uint64) ([]byte, error) { return []byte("nonsense"), nil }
	if _, err := b.about(t.Context(), root, Request{Index: &at}); err == nil || !strings.Contains(err.Error(), "entry 1") {
		t.Errorf("nonsense: %v", err)
	}
}
