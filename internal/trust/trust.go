// Package trust keeps, outside the store it is about, what a reader has come to
// believe of a log: its key and the newest checkpoint that was found
// consistent. Whoever restores an older copy of a store, or cuts its end off,
// is found out by this note, as long as they cannot reach it too.
package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/verify"
)

// Belief is what is believed of one log.
type Belief struct {
	VKey       string `json:"vkey"`
	Checkpoint string `json:"checkpoint"` // the signed note; empty: none yet
	Verified   uint64 `json:"verified"`   // size up to which everything was examined in full
}

// Dir is where beliefs are kept: STELE_TRUST, or a place fit for the user.
func Dir() (string, error) {
	if d := os.Getenv("STELE_TRUST"); d != "" {
		return d, nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/stele-trust", nil
	}
	d, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find a place for what is believed: %w", err)
	}
	return filepath.Join(d, "stele", "trust"), nil
}

// Note is the belief about the store in one directory.
type Note struct{ path string }

// Of returns the note in dir about the store in data.
func Of(dir, data string) (Note, error) {
	abs, err := filepath.Abs(data)
	if err != nil {
		return Note{}, err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	sum := sha256.Sum256([]byte(abs))
	return Note{filepath.Join(dir, hex.EncodeToString(sum[:8])+".json")}, nil
}

// OfLog returns the note in dir about the log with that key, wherever it is kept.
func OfLog(dir, vkey string) (Note, error) {
	if vkey == "" {
		return Note{}, errors.New("a log without a key cannot be believed")
	}
	sum := sha256.Sum256([]byte("log " + vkey))
	return Note{filepath.Join(dir, hex.EncodeToString(sum[:8])+".json")}, nil
}

// Path is where the note lies.
func (n Note) Path() string { return n.path }

// Read returns the belief; ok is false where there is none.
func (n Note) Read() (b Belief, ok bool, err error) {
	data, err := os.ReadFile(n.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Belief{}, false, nil
	}
	if err != nil {
		return Belief{}, false, err
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return Belief{}, false, fmt.Errorf("%s: %w", n.path, err)
	}
	return b, true, nil
}

// Key returns the believed key of the log.
func (b Belief) Key() (*entry.LogKey, error) { return entry.ParseLogKey(b.VKey) }

// Open returns the believed checkpoint, of size 0 where there is none yet.
func (b Belief) Open() (verify.Checkpoint, error) {
	key, err := b.Key()
	if err != nil {
		return verify.Checkpoint{}, err
	}
	if b.Checkpoint == "" {
		return verify.Checkpoint{Origin: key.Origin(), Root: entry.EmptyRoot}, nil
	}
	return verify.OpenCheckpoint(key, []byte(b.Checkpoint))
}

// Write replaces the belief. A crash leaves the old one or the new one.
func (n Note) Write(b Belief) error {
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(n.path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, n.path, append(data, '\n'), 0o600)
}
