package layout

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyfile"
)

// LogKeyOf is the public half of a log's key.
func LogKeyOf(kf keyfile.Key) (*entry.LogKey, error) {
	return entry.NewLogKey(kf.Name, ed25519.NewKeyFromSeed(kf.Secret.Bytes()).Public().(ed25519.PublicKey))
}

// LogKey is the log's public key as the key file in the store says. Whoever has
// a better source believes that.
func (l Store) LogKey() (*entry.LogKey, error) {
	kf, err := keyfile.Open(l.Key("log"), "log")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no log key to believe: %w", err)
	}
	if err != nil && !errors.Is(err, keyfile.ErrOtherMachine) {
		return nil, err
	}
	return LogKeyOf(kf)
}

// CheckKeys yields the key files that are damaged.
func (l Store) CheckKeys() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		check := func(path, role string) bool {
			_, err := keyfile.Open(path, role)
			return err == nil || errors.Is(err, keyfile.ErrOtherMachine) || durable.Absent(err) || yield(path, err)
		}
		for _, role := range []string{"log", "recorder", "watcher", "importer", "fingerprint"} {
			if !check(l.Key(role), role) {
				return
			}
		}
		for _, dir := range l.Importers() {
			if !check(filepath.Join(dir, "importer.key"), "importer") {
				return
			}
		}
	}
}
