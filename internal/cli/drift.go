package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/seal"
)

// sameAsDisk holds a file against the text of a version. The file is redacted
// as a watcher would redact it; a difference in nothing but a secret shows in
// the fingerprints, for which the key of this store's host is needed.
func (a *app) sameAsDisk(ctx context.Context, r *history.Reader, path string, v history.Version, view *history.View) (bool, error) {
	if digest := view.Changes[v.K].Digest; digest != "" {
		return sameDigest(path, digest)
	}
	recorded, err := r.Text(ctx, v.Index, v.K)
	gone := errors.Is(err, history.ErrNoText)
	if err != nil && !gone {
		return false, err
	}
	content, err := readSubject(path)
	if errors.Is(err, os.ErrNotExist) {
		return gone && view.Changes[v.K].Action == "delete", nil
	}
	if err != nil {
		return false, err
	}
	if gone {
		return false, nil
	}
	l, err := a.layout()
	if err != nil {
		return false, err
	}
	red, _, err := openRedactor(l)
	if err != nil {
		return false, err
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		return false, err
	}
	m, _ := cat.MatchSuffix(path)
	res := red.Text(content, redact.Source{Format: view.Changes[v.K].Format, SecretPaths: m.Secrets, Opaque: m.Opaque})
	secrets, err := r.Secrets(ctx, v.Index, v.K)
	if err != nil {
		return false, err
	}
	return bytes.Equal(res.Text, recorded) && slices.Equal(res.Fingerprints, secrets), nil
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
