// Package trust keeps, outside the store it is about, what a reader has come to
// believe of a log: its key and the newest checkpoint that was found
// consistent. Whoever restores an older copy of a store, or cuts its end off,
// is found out by this belief, as long as they cannot reach it too.
//
// It promises that a belief only grows: [File.Grow] is the one way to write it,
// for every process, and never puts a smaller checkpoint, or another one of the
// same size, in place of the one there is. A file that is emptied or altered is
// [Damaged], never no belief: with none a reader would believe the first thing
// it is shown.
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
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/verify"
)

// maxFile bounds a file: a checkpoint with many cosignatures fits.
const maxFile = 1 << 20

// Belief is what is believed of one log.
type Belief struct {
	VKey       string `json:"vkey"`
	Checkpoint string `json:"checkpoint"`      // the signed note; empty: none yet
	Verified   uint64 `json:"verified"`        // size up to which everything was examined in full
	Store      string `json:"store,omitempty"` // directory in which the log is kept; empty: by a server
	Check      string `json:"check,omitempty"` // of the fields above; versions before this one wrote none
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

// File is where the belief about one store, or about one log, is kept. It is
// [File.Read] by everybody and written by [File.Grow] alone.
type File struct {
	path   string
	store  string // its directory; empty: the log is with a server
	isCopy bool
}

// Of returns the file in dir about the store in data.
func Of(dir, data string) (File, error) {
	abs, err := filepath.Abs(data)
	if err != nil {
		return File{}, err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	return File{path: filepath.Join(dir, nameOf(abs)), store: abs}, nil
}

// OfLog returns the file in dir about the log with that key, wherever it is kept.
func OfLog(dir, vkey string) (File, error) {
	if vkey == "" {
		return File{}, errors.New("a log without a key cannot be believed")
	}
	return File{path: filepath.Join(dir, nameOfLog(vkey))}, nil
}

func nameOfLog(vkey string) string { return nameOf("log " + vkey) }

func nameOf(what string) string {
	sum := sha256.Sum256([]byte(what))
	return hex.EncodeToString(sum[:8]) + suffix
}

const suffix = ".json"

// AsCopy is the file about a store that is known to be a copy, such as a backup:
// it may be older than what is believed of its log, and no belief is written.
func (f File) AsCopy() File {
	f.isCopy = true
	return f
}

// IsCopy reports whether the store is known to be a copy.
func (f File) IsCopy() bool { return f.isCopy }

// Path is where the belief lies.
func (f File) Path() string { return f.path }

// Lock is the file that is locked while a belief beside it grows.
func (f File) Lock() string { return filepath.Join(filepath.Dir(f.path), lockName) }

// Damaged says that a belief was altered or emptied, or is no file. It unwraps
// to a *verify.Finding.
type Damaged struct {
	Path string
	Why  string
}

// Error names the file.
func (d *Damaged) Error() string {
	return fmt.Sprintf("the belief kept in %s is damaged: %s", d.Path, d.Why)
}

// Unwrap makes it a finding about the store: whoever reaches the belief can hide
// what was done to the log.
func (d *Damaged) Unwrap() error {
	return &verify.Finding{Code: finding.Damaged, Accused: finding.Store, Detail: d.Error()}
}

// Read returns the belief; ok is false where there is none: a first meeting. One
// that cannot be made out is [Damaged].
func (f File) Read() (b Belief, ok bool, err error) {
	data, err := durable.ReadSmall(durable.OS, f.path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Belief{}, false, nil
	case errors.As(err, new(*durable.OddFile)), durable.Absent(err): // below a file, or a link to itself
		return Belief{}, false, &Damaged{f.path, err.Error()}
	case err != nil:
		return Belief{}, false, err
	}
	if b, err = parse(data); err != nil {
		return Belief{}, false, &Damaged{f.path, err.Error()}
	}
	return b, true, nil
}

func parse(data []byte) (b Belief, err error) {
	if err := json.Unmarshal(data, &b); err != nil {
		return b, err
	}
	if b.Check != "" && b.Check != b.check() {
		return b, errors.New("it does not agree with its own check")
	}
	_, err = b.Open()
	return b, err
}

// check tells accidents, not enemies: who can write the file can write its check.
func (b Belief) check() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "stele/belief/v1\n%s\n%s\n%d\n%s", b.VKey, b.Checkpoint, b.Verified, b.Store))
	return hex.EncodeToString(sum[:8])
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
