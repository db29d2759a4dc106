package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stele-log/stele/internal/steletest"
)

// TestLeftoversSwept: what a crash left of unfinished files is gone once the store
// is open, and a store that was closed in good order says so.
func TestLeftoversSwept(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	if st.Layout.Ended() {
		t.Error("it is said to have ended while it is open")
	}
	steletest.Stop(t, srv)
	if !st.Layout.Ended() {
		t.Error("it is not said to have ended")
	}
	var left []string
	for _, path := range []string{st.Layout.Format(), st.Layout.Key("log"), st.Layout.Roll(), filepath.Join(st.Layout.Vault(), "openings-000001.seg"), filepath.Join(st.Layout.Keyring(), "dedup")} {
		left = append(left, path+".0123456789abcdef.tmp")
	}
	for _, path := range left {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	steletest.Stop(t, st.Open(t))
	for _, path := range left {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}
