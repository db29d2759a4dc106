package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/settings"
)

// certificate reads the server's certificate, or makes one whose key is pinned by
// join tokens.
func certificate(l layout.Store, set settings.Serve) (tls.Certificate, error) {
	cert, key := set.TLS.Certificate, set.TLS.Key
	if cert == "" {
		cert, key = filepath.Join(l.Keys(), "tls.crt"), filepath.Join(l.Keys(), "tls.key")
		if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) {
			if err := makeCertificate(cert, key, set.Names); err != nil {
				return tls.Certificate{}, err
			}
		}
	}
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return c, fmt.Errorf("certificate of the server: %w", err)
	}
	return c, nil
}

// makeCertificate writes the key last: a crash before that leaves no key, and
// both are made anew.
func makeCertificate(cert, key string, names []string) error {
	names = append([]string{"localhost", "127.0.0.1", "::1", HostName()}, names...)
	c, k, err := mtls.NewServer(names)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS, cert, c, 0o600); err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, key, k, 0o600)
}
