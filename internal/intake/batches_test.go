package intake_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/intake"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// heldLog takes a batch each time it is let to.
type heldLog struct {
	let  chan struct{}
	next uint64

	mu    sync.Mutex
	sizes []int
}

func (l *heldLog) Append(_ context.Context, entries [][]byte) (uint64, error) {
	<-l.let
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sizes = append(l.sizes, len(entries))
	l.next += uint64(len(entries))
	return l.next - uint64(len(entries)), nil
}

// countingVault keeps nothing, and counts.
type countingVault struct {
	mu    sync.Mutex
	sizes []int
}

func (v *countingVault) Put(batch []vault.Disclosures) ([]vault.Placed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sizes = append(v.sizes, len(batch))
	placed := make([]vault.Placed, len(batch))
	for i, o := range batch {
		placed[i].Texts = make([]vault.TextID, len(o.Texts))
	}
	return placed, nil
}

func (v *countingVault) puts() []int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.sizes)
}

// TestSmallBatchesWait: while one small batch is on its way to the log, others
// wait, grow and then go as one; a large one does not wait, and every sender
// gets the answers to its own entries.
func TestSmallBatchesWait(t *testing.T) {
	const others, large = 10, 256
	st := steletest.NewStore(t)
	srv := st.Open(t)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	var subs []wire.Submission
	for range 1 + others + large {
		subs = append(subs, signOne(t, chain, "/etc/a"))
	}
	key := srv.LogKey()
	steletest.Stop(t, srv)
	sources := enrolled(t, st, verify.NewSources(key))

	synctest.Test(t, func(t *testing.T) {
		log, kept := &heldLog{let: make(chan struct{}), next: 2}, &countingVault{}
		in := intake.New(intake.Config{Log: log, Vault: kept, Index: noIndex{}, Sources: sources, Next: 2, Heads: map[entry.Source]uint64{}})
		var senders sync.WaitGroup
		send := func(from, to int) {
			senders.Go(func() {
				answers, err := in.Submit(t.Context(), subs[from:to])
				if err != nil || len(answers) != to-from || answers[0].Refused != nil || answers[0].Index != uint64(2+from) {
					t.Errorf("entries from %d: %+v, %v", from, answers, err)
				}
			})
			synctest.Wait()
		}
		send(0, 1)
		for i := range others {
			send(1+i, 2+i)
		}
		if got := kept.puts(); !slices.Equal(got, []int{1}) {
			t.Errorf("with one on its way the vault was given batches of %d", got)
		}
		send(1+others, 1+others+large)
		if got := kept.puts(); !slices.Equal(got, []int{1, others + large}) {
			t.Errorf("a large batch waits for a small one: the vault was given batches of %d", got)
		}
		close(log.let)
		senders.Wait()
		if !slices.Equal(log.sizes, []int{1, others + large}) {
			t.Errorf("the log was given batches of %d", log.sizes)
		}
		if err := in.Stop(); err != nil {
			t.Error(err)
		}
	})
}
