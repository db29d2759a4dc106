package cli

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/seal"
)

// sameAsDisk holds a file against what is recorded of it. The file is redacted as
// a watcher would redact it; a difference in nothing but a secret shows in the
// fingerprints, for which the key of this host's watcher is needed.
func (a *app) sameAsDisk(path string, rec history.Recorded) (bool, error) {
	if rec.Change.Digest != "" && !rec.Gone {
		return sameDigest(path, rec.Change.Digest)
	}
	content, err := readSubject(path)
	if errors.Is(err, os.ErrNotExist) {
		return rec.Gone, nil
	}
	if err != nil || rec.NoText {
		return false, err
	}
	red, known, err := a.redactorHere()
	if err != nil {
		return false, err
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		return false, err
	}
	m, _ := cat.MatchSuffix(path)
	res := red.Text(content, redact.Source{Format: rec.Change.Format, SecretPaths: m.Secrets, Opaque: m.Opaque})
	if !known && len(rec.Secrets) > 0 {
		a.talk("not looked at: whether the %d secrets in it are the same, for which the watcher's key is needed", len(rec.Secrets))
		return bytes.Equal(res.Text, rec.Text), nil
	}
	return bytes.Equal(res.Text, rec.Text) && slices.Equal(res.Fingerprints, rec.Secrets), nil
}

// redactorHere redacts with the key of this host's watcher. Where that is not
// here, or not for this user to read, a key of no further use takes its place.
func (a *app) redactorHere() (red *redact.Redactor, known bool, err error) {
	l, err := a.layout()
	if err != nil {
		return nil, false, err
	}
	kf, err := keyfile.Open(l.Key("fingerprint"), "fingerprint")
	seed := make([]byte, 32)
	switch {
	case err == nil:
		seed, known = kf.Secret.Bytes(), true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, keyfile.ErrOtherMachine):
		rand.Read(seed)
	default:
		return nil, false, err
	}
	key, err := redact.NewKey(seed)
	if err != nil {
		return nil, false, err
	}
	return redact.New(redact.Config{Key: key}), known, nil
}

// sameDigest holds a file that was kept by digest only against the digest.
func sameDigest(path, want string) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)) == want, nil
}

// readSubject reads a file, or of a symbolic link its target, as capture does.
func readSubject(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return []byte(target), err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case info.Size() > seal.MaxText:
		return nil, fmt.Errorf("%s is larger than what is kept as text", path)
	}
	return os.ReadFile(path)
}
