package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyfile"
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
		err := keyfile.Creating(l.Keys(), func() error {
			if _, err := os.Lstat(key); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return makeCertificate(cert, key, set.Names)
		})
		if err != nil {
			return tls.Certificate{}, err
		}
	}
	c, err := loadCertificate(cert, key)
	if err != nil {
		return c, fmt.Errorf("certificate of the server: %w", err)
	}
	return c, nil
}

// maxPEM bounds the files of certificate and key.
const maxPEM = 1 << 20

// loadCertificate reads what is ours, or what settings name: a link, perhaps.
func loadCertificate(cert, key string) (tls.Certificate, error) {
	c, err := durable.ReadLinked(cert, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	k, err := durable.ReadLinked(key, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(c, k)
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
