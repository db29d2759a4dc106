package login

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/wire"
)

const tokenSuffix = ".token"

func tokenDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find a place for tokens: %w", err)
	}
	return filepath.Join(dir, "stele", "servers"), nil
}

// tokenPath is where the reading token for a server is kept.
func tokenPath(u *url.URL) (string, error) {
	dir, err := tokenDir()
	if err != nil {
		return "", err
	}
	host := strings.NewReplacer(":", ".", "%", ".").Replace(strings.ToLower(u.Hostname()))
	return filepath.Join(dir, host+"_"+u.Port()+tokenSuffix), nil
}

// Kept are the addresses of servers for which this user keeps a token.
func Kept() []string {
	dir, err := tokenDir()
	if err != nil {
		return nil
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*"+tokenSuffix)) // the pattern is valid
	for i, name := range found {
		name = strings.TrimSuffix(filepath.Base(name), tokenSuffix)
		at := strings.LastIndexByte(name, '_')
		found[i] = "https://" + name[:max(at, 0)] + ":" + name[at+1:]
	}
	return found
}

// maxToken bounds the file of a token.
const maxToken = 64 << 10

// read reads a token that nobody else can read.
func read(path string) (wire.Token, error) {
	info, err := os.Stat(path)
	if err != nil {
		return wire.Token{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return wire.Token{}, hint.With(fmt.Errorf("%s is readable by others than its owner", path), "chmod 600 %s", path)
	}
	b, err := durable.ReadLinked(path, maxToken)
	if err != nil {
		return wire.Token{}, err
	}
	t, err := wire.ParseToken(wire.ReadToken, string(b))
	if err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Keep keeps the token for a server in a file that only this user can read. A
// crash leaves the one before.
func Keep(u *url.URL, t wire.Token) error {
	path, err := tokenPath(u)
	if err != nil {
		return err
	}
	text, err := t.Reveal()
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(durable.OS, filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, []byte(text+"\n"), 0o600)
}

// Forget removes the token for a server.
func Forget(u *url.URL) error {
	path, err := tokenPath(u)
	if err != nil {
		return err
	}
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no token for %s is stored here", u)
	} else if err != nil {
		return err
	}
	return nil
}
