package store_test

import (
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/steletest"
)

// TestHeadComesWithItsEntry: whoever asks while a first entry is being indexed is
// told no head without the entry at it, which would look like a lie.
func TestHeadComesWithItsEntry(t *testing.T) {
	srv := steletest.NewStore(t).Open(t)
	defer steletest.Stop(t, srv)
	for n := range 40 {
		c := steletest.Enrol(t, srv, entry.Watcher, n+1)
		subs := steletest.Sign(t, c, steletest.Change("/etc/a.conf", "a\n", nil))
		done := make(chan error, 1)
		go func() {
			_, err := srv.Submit(t.Context(), subs)
			done <- err
		}()
		for next := uint64(0); next == 0; {
			head, note, err := srv.SignedHead(t.Context(), c.Source())
			if err != nil {
				t.Fatal(err)
			}
			if next = head.Next; next > 0 && len(note) == 0 {
				t.Fatalf("source %d: a head of %d entries comes without one", n, next)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
