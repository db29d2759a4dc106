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
	"github.com/stele-log/stele/internal/capture/reach"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
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
	content, real, err := readSubject(path, slices.Contains(rec.Change.Marks, body.MarkLink))
	if errors.Is(err, os.ErrNotExist) {
		return Verdict{Same: rec.Gone}, nil
	}
	if err != nil || rec.NoText {
		return v, err
	}
	red, key, known, err := redactor(l)
	if err != nil {
		return v, err
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		return v, err
	}
	m, _ := cat.MatchSuffix(path)
	if real != "" {
		other, _ := cat.MatchSuffix(real)
		m = m.And(other)
	}
	src := record.Behind(redact.Source{
		Format: rec.Change.Format, Path: body.Text(rec.Change.Path, rec.Change.Path64), SecretPaths: m.Secrets, Opaque: m.Opaque,
	}, real, content)
	res := red.Text(content, src)
	if v.Same = bytes.Equal(res.Text, rec.Text); !v.Same {
		return otherRules(key, known, content, rec), nil
	}
	if known {
		v.Same = slices.Equal(res.Fingerprints, rec.Secrets)
		return v, nil
	}
	v.Secrets = len(rec.Secrets)
	return v, nil
}

// otherRules holds a file against a text that may have been masked by rules that
// masked more, or less, than those of now.
func otherRules(key redact.Key, known bool, content []byte, rec history.Recorded) Verdict {
	if known && fits(content, rec.Text, rec.Secrets, func(secret []byte) string { return key.Of(secret)[0] }) {
		return Verdict{Same: true}
	}
	if !known && fits(content, rec.Text, rec.Secrets, nil) {
		return Verdict{Same: true, Secrets: len(rec.Secrets)}
	}
	return Verdict{}
}

// redactor redacts with the key of this host's watcher. Where that is not here,
// or not for this user to read, a key of no further use takes its place.
func redactor(l layout.Store) (red *redact.Redactor, key redact.Key, known bool, err error) {
	kf, err := keyfile.Open(l.Key("fingerprint"), "fingerprint")
	seed := make([]byte, 32)
	switch {
	case err == nil:
		seed, known = kf.Secret.Bytes(), true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, keyfile.ErrOtherMachine):
		rand.Read(seed)
	default:
		return nil, key, false, err
	}
	if key, err = redact.NewKey(seed); err != nil {
		return nil, key, false, err
	}
	return redact.New(redact.Config{Key: key}), key, known, nil
}

// sameDigest holds a file that was kept by digest only against the digest.
func sameDigest(path, want string) (bool, error) {
	f, _, err := open(path)
	if f == nil || errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
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

// readSubject reads a file, or that behind a link, whose name it tells, as capture
// does; link: of a symbolic link the target was recorded.
func readSubject(path string, link bool) (content []byte, real string, err error) {
	if link {
		if target, err := os.Readlink(path); err == nil {
			return []byte(target), "", nil
		}
	}
	f, real, err := open(path)
	if err != nil {
		return nil, "", err
	}
	if f == nil {
		if target, err := os.Readlink(path); err == nil {
			return []byte(target), "", nil
		}
		return nil, "", fmt.Errorf("%s is not a file", path)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > seal.MaxText {
		return nil, "", fmt.Errorf("%s is larger than the largest text recorded", path)
	}
	content, err = io.ReadAll(io.LimitReader(f, seal.MaxText+1))
	return content, real, err
}

// open opens a file for reading, or that behind a link, with its name; none: it is
// neither.
func open(path string) (f *os.File, real string, err error) {
	r := reach.New()
	defer r.Close()
	info, err := os.Lstat(path)
	if err != nil {
		return nil, "", err
	}
	var at *reach.File
	switch {
	case info.Mode().IsRegular():
		at, err = r.Open(path)
	case info.Mode()&os.ModeSymlink != 0:
		var way []string
		if at, way, err = r.Follow(path); len(way) > 0 {
			real = way[len(way)-1]
		}
		if reach.Absent(err) {
			err = nil // it is the link that is there
		}
	}
	if at == nil {
		return nil, "", err
	}
	defer at.Close()
	f, err = at.Reader()
	return f, real, err
}
