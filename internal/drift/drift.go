// Package drift holds a file on disk against what was recorded of it last. The
// file is redacted as a watcher would redact it, so nothing secret comes out.
package drift

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

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/seal"
)

// Verdict says whether a file is what was recorded of it.
type Verdict struct {
	Same    bool
	Secrets int // secrets of which nothing can be said, for want of the watcher's key
}

// Compare holds a file against what is recorded of it. A difference in nothing
// but a secret shows in the fingerprints, for which the key of this host's
// watcher, in the store at l, is needed.
func Compare(l layout.Store, path string, rec history.Recorded) (v Verdict, err error) {
	if rec.Change.Digest != "" && !rec.Gone {
		v.Same, err = sameDigest(path, rec.Change.Digest)
		return v, err
	}
	content, err := readSubject(path)
	if errors.Is(err, os.ErrNotExist) {
		return Verdict{Same: rec.Gone}, nil
	}
	if err != nil || rec.NoText {
		return v, err
	}
	red, known, err := redactor(l)
	if err != nil {
		return v, err
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		return v, err
	}
	m, _ := cat.MatchSuffix(path)
	src := redact.Source{
		Format: rec.Change.Format, Path: body.Text(rec.Change.Path, rec.Change.Path64), SecretPaths: m.Secrets, Opaque: m.Opaque,
	}
	res := red.Text(content, src)
	if v.Same = bytes.Equal(res.Text, rec.Text); !v.Same { // it may have been recorded by rules that masked less
		then := red.Text(rec.Text, src)
		return Verdict{Same: bytes.Equal(res.Text, then.Text), Secrets: len(then.Fingerprints)}, nil
	}
	if known {
		v.Same = slices.Equal(res.Fingerprints, rec.Secrets)
		return v, nil
	}
	v.Secrets = len(rec.Secrets)
	return v, nil
}

// redactor redacts with the key of this host's watcher. Where that is not here,
// or not for this user to read, a key of no further use takes its place.
func redactor(l layout.Store) (red *redact.Redactor, known bool, err error) {
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
		return nil, fmt.Errorf("%s is larger than the largest text recorded", path)
	}
	return os.ReadFile(path)
}
