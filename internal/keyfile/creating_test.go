package keyfile_test

import (
	"bytes"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stele-log/stele/internal/keyfile"
)

// TestCreatedAtOnce: of many that open a key which is not there yet one makes it,
// and all have that one.
func TestCreatedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.key")
	keys := make([]keyfile.Key, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			k, err := keyfile.OpenOrCreate(path, "watcher", "")
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = k
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, k := range keys[1:] {
		if !bytes.Equal(k.Secret.Bytes(), keys[0].Secret.Bytes()) {
			t.Fatal("two have two keys")
		}
	}
}
