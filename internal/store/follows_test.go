package store_test

import (
	"errors"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
)

// TestFollows: what a log follows is said when it begins, and never otherwise
// afterwards. Whoever says the same again, or nothing, may go on.
func TestFollows(t *testing.T) {
	open := func(st steletest.Store, follows *entry.Succession) error {
		srv, err := store.Open(t.Context(), store.Config{Layout: st.Layout, Trust: st.Trust, Version: "test", Follows: follows})
		if err == nil {
			steletest.Stop(t, srv)
		}
		return err
	}
	old := &entry.Succession{Origin: "stele/old", Size: 7, Root: entry.Hash{1}}
	follower, other := steletest.NewStore(t), steletest.NewStore(t)
	for range 2 {
		if err := open(follower, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(follower, nil); err != nil {
		t.Fatal(err)
	}
	if err := open(other, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		st      steletest.Store
		follows *entry.Succession
	}{{other, old}, {follower, &entry.Succession{Origin: "stele/older", Size: 7, Root: entry.Hash{1}}}} {
		if err := open(c.st, c.follows); !errors.Is(err, store.ErrBegun) {
			t.Errorf("a log that has begun is said to follow %s: %v", c.follows.Origin, err)
		}
	}
}
