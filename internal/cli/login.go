package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/service"
	"github.com/stele-log/stele/internal/wire"
)

// loginFile is where the token for a server is kept.
func loginFile(url string) (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find a place for tokens: %w", err)
	}
	sum := sha256.Sum256([]byte(trimURL(url)))
	return filepath.Join(dir, "stele", "servers", hex.EncodeToString(sum[:8])+".json"), nil
}

func writeLogin(path string, t wire.Token) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, b, 0o600)
}

// loginFor finds how to read from a server: by a token that was kept, or as the
// operator of a service of this very machine.
func (a *app) loginFor(url string) (wire.Token, error) {
	url = trimURL(url)
	path, err := loginFile(url)
	if err != nil {
		return wire.Token{}, err
	}
	b, err := os.ReadFile(path)
	if err == nil {
		var t wire.Token
		if err := json.Unmarshal(b, &t); err != nil {
			return t, fmt.Errorf("%s: %w", path, err)
		}
		return t, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return wire.Token{}, err
	}
	l, err := a.layout()
	if err != nil {
		return wire.Token{}, err
	}
	if e, err := service.ReadEndpoint(l); err == nil && e.URL == url {
		return wire.Token{URL: e.URL, Pin: e.Pin, VKey: e.VKey, Secret: e.Secret}, nil
	}
	return wire.Token{}, withHint(fmt.Errorf("no token for %s", url), "ask its operator for one (`stele admin token --read`) and keep it with `stele login`")
}
