package layout

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/stele-log/stele/entry"
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
		for _, role := range []string{"log", "recorder", "watcher", "importer", "fingerprint"} {
			path := l.Key(role)
			_, err := keyfile.Open(path, role)
			if errors.Is(err, keyfile.ErrOtherMachine) || errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil && !yield(path, err) {
				return
			}
		}
	}
}
