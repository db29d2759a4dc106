package store

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
)

// keys are the server's own. The log key signs checkpoints, the recorder's
// signs entries.
type keys struct {
	log      logKey
	recorder entry.SecretKey
}

type logKey struct {
	public *entry.LogKey
	secret keyfile.Secret
}

func openKeys(l layout.Store) (k keys, err error) {
	if err := mayCreateKeys(l); err != nil {
		return k, err
	}
	kf, err := keyfile.OpenOrCreate(l.Key("log"), "log", newOrigin())
	if err != nil {
		return k, err
	}
	lk, err := layout.LogKeyOf(kf)
	if err != nil {
		return k, fmt.Errorf("key %s: %w", l.Key("log"), err)
	}
	k.log = logKey{lk, kf.Secret}
	rf, err := keyfile.OpenOrCreate(l.Key("recorder"), string(entry.Recorder), "")
	if err != nil {
		return k, err
	}
	k.recorder, err = entry.NewSecretKey(rf.Secret.Bytes())
	return k, err
}

// mayCreateKeys refuses to make new keys for a log that has entries: they could
// sign nothing it knows.
func mayCreateKeys(l layout.Store) error {
	if _, err := os.Stat(filepath.Join(l.Log(), "checkpoint")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range []string{"log", "recorder"} {
		if _, err := os.Stat(l.Key(name)); err != nil {
			return fmt.Errorf("the log is there and its key is not: %w", err)
		}
	}
	return nil
}

// newOrigin names a log. It is open for everyone to read, so it tells nothing.
func newOrigin() string {
	var b [8]byte
	rand.Read(b[:])
	return "stele/" + hex.EncodeToString(b[:])
}

// signerKey is the secret key as the signed-note package wants it.
func (k logKey) signerKey() string {
	_, rest, _ := strings.Cut(k.public.VKey(), "+")
	hash, _, _ := strings.Cut(rest, "+")
	return "PRIVATE+KEY+" + k.public.Origin() + "+" + hash + "+" +
		base64.StdEncoding.EncodeToString(append([]byte{1}, k.secret.Bytes()...))
}
