package intake_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// odd opens a store, maybe again, and gathers what it tells.
type odd struct {
	place steletest.Store
	*store.Store
	mu    sync.Mutex
	codes []verify.Code
}

func (o *odd) open(t *testing.T) {
	t.Helper()
	o.Store = o.place.Open(t)
	o.Tell(func(f *verify.Finding, about entry.ID) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.codes = append(o.codes, f.Code)
	})
}

func (o *odd) again(t *testing.T) {
	t.Helper()
	steletest.Stop(t, o.Store)
	o.open(t)
}

// gaps are the holes that are open.
func (o *odd) gaps() (holes []string) {
	for _, f := range o.Gaps(time.Now().Add(time.Hour)) {
		holes = append(holes, f.Detail[len(f.Detail)-len("seq 0 is not here"):])
	}
	return holes
}

// TestOdd: what is odd about entries is told as they are taken in, whether those
// they are held against are in memory, on their way, or in the index only; and
// what looks alike is not.
func TestOdd(t *testing.T) {
	key := steletest.Key(t, entry.Watcher, 1)
	one := func(t *testing.T, h record.Head) (wire.Submission, entry.ID) {
		sub, e, err := record.NewChain(key, h).Sign(steletest.Change("/etc/a", "a\n", nil))
		if err != nil {
			t.Fatal(err)
		}
		return *sub, e.ID()
	}
	for name, c := range map[string]struct {
		do   func(*testing.T, *odd, record.Head)
		want []verify.Code
	}{
		"an entry that follows a fork": {func(t *testing.T, o *odd, h record.Head) {
			a, _ := one(t, h)
			b, fork := one(t, h)
			next, _ := one(t, record.Head{Next: 1, Prev: fork})
			steletest.Submit(t, o.Store, []wire.Submission{a, b, next})
		}, []verify.Code{verify.ForkedSource}},
		"an entry that follows one of many forks": {func(t *testing.T, o *odd, h record.Head) {
			var last entry.ID
			for range 20 {
				sub, id := one(t, h)
				steletest.Submit(t, o.Store, []wire.Submission{sub})
				last = id
			}
			next, _ := one(t, record.Head{Next: 1, Prev: last})
			steletest.Submit(t, o.Store, []wire.Submission{next})
		}, slices.Repeat([]verify.Code{verify.ForkedSource}, 19)},
		"a fork of an older entry": {func(t *testing.T, o *odd, h record.Head) {
			a, id := one(t, h)
			next, _ := one(t, record.Head{Next: 1, Prev: id})
			fork, _ := one(t, h)
			steletest.Submit(t, o.Store, []wire.Submission{a, next, fork, fork})
		}, []verify.Code{verify.ForkedSource}},
		"a fork after a restart": {func(t *testing.T, o *odd, h record.Head) {
			a, _ := one(t, h)
			steletest.Submit(t, o.Store, []wire.Submission{a})
			o.again(t)
			fork, _ := one(t, h)
			steletest.Submit(t, o.Store, []wire.Submission{a, fork})
		}, []verify.Code{verify.ForkedSource}},
		"going on after a restart": {func(t *testing.T, o *odd, h record.Head) {
			a, id := one(t, h)
			steletest.Submit(t, o.Store, []wire.Submission{a})
			o.again(t)
			next, _ := one(t, record.Head{Next: 1, Prev: id})
			steletest.Submit(t, o.Store, []wire.Submission{next})
		}, nil},
		"another chain after a restart": {func(t *testing.T, o *odd, h record.Head) {
			a, _ := one(t, h)
			steletest.Submit(t, o.Store, []wire.Submission{a})
			o.again(t)
			next, _ := one(t, record.Head{Next: 1, Prev: h.Prev})
			steletest.Submit(t, o.Store, []wire.Submission{next})
		}, []verify.Code{verify.BadChain}},
		"a first entry that names nothing": {func(t *testing.T, o *odd, _ record.Head) {
			a, _ := one(t, record.Head{Prev: entry.Hash{1}})
			steletest.Submit(t, o.Store, []wire.Submission{a})
		}, []verify.Code{verify.BadChain}},
		"on its way when it was revoked": {func(t *testing.T, o *odd, h record.Head) {
			a, id := one(t, h)
			steletest.Submit(t, o.Store, []wire.Submission{a})
			if _, err := o.Revoke(t.Context(), key.Source(), "scrapped"); err != nil {
				t.Fatal(err)
			}
			next, _ := one(t, record.Head{Next: 1, Prev: id})
			steletest.Submit(t, o.Store, []wire.Submission{a, next})
		}, []verify.Code{verify.AfterRevoke}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &odd{place: steletest.NewStore(t)}
			o.open(t)
			c.do(t, o, steletest.Enrol(t, o.Store, entry.Watcher, 1).Head())
			steletest.Stop(t, o.Store)
			if !slices.Equal(o.codes, c.want) {
				t.Errorf("told %q, want %q", o.codes, c.want)
			}
		})
	}
}

// TestHoles: numbers that were passed over are told once, unless they come.
func TestHoles(t *testing.T) {
	o := &odd{place: steletest.NewStore(t)}
	o.open(t)
	defer func() { steletest.Stop(t, o.Store) }()
	var subs []wire.Submission
	c := steletest.Enrol(t, o.Store, entry.Watcher, 1)
	for i := range 10 {
		subs = append(subs, signOne(t, c, fmt.Sprintf("/etc/%d", i)))
	}
	send := func(at ...int) {
		for _, i := range at {
			steletest.Submit(t, o.Store, subs[i:i+1])
		}
	}
	send(0, 4, 9, 2)
	if got := o.Gaps(time.Now().Add(-time.Hour)); len(got) > 0 {
		t.Errorf("told before stragglers could come: %v", got)
	}
	send(5, 6, 7, 8)
	want := []string{"seq 1 is not here", "seq 3 is not here"}
	if got := o.gaps(); !slices.Equal(got, want) {
		t.Errorf("holes %q, want %q", got, want)
	}
	if got := o.gaps(); len(got) > 0 {
		t.Errorf("told again: %q", got)
	}
	send(1, 3)
	if len(o.codes) > 0 {
		t.Errorf("told %q", o.codes)
	}
}
