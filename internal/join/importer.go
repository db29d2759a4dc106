package join

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/wire"
)

// Importer is an importer of this machine in the log of a server: a source with a
// key of its own, one for each server.
type Importer struct {
	*client.Client
	Key entry.SecretKey
	Log *entry.LogKey

	lock *durable.Lock // one process signs with the key
}

// OpenImporter opens the importer for the server at u, and joins that if a token
// is given.
func OpenImporter(ctx context.Context, cfg Config, u *url.URL) (_ *Importer, err error) {
	dir := filepath.Join(cfg.Layout.Dir, "importer", strings.ReplaceAll(u.Hostname(), ":", ".")+"_"+u.Port())
	if err := durable.MkdirAll(durable.OS, dir, 0o700); err != nil {
		return nil, hint.Store(err)
	}
	im := &Importer{}
	defer func() {
		if err != nil {
			err = errors.Join(err, im.Close())
		}
	}()
	if im.lock, err = durable.LockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, hint.Store(err)
	}
	if err := durable.Sweep(durable.OS, dir); err != nil {
		return nil, err
	}
	kf, err := keyfile.OpenOrCreate(filepath.Join(dir, "importer.key"), string(entry.Importer), "")
	if errors.Is(err, keyfile.ErrOtherMachine) {
		return nil, hint.With(err, "this disk was copied from another machine; remove %s and join anew", dir)
	}
	if err != nil {
		return nil, err
	}
	s, err := importsTo(filepath.Join(dir, "server.json"), u, cfg.Token)
	if err != nil {
		return nil, err
	}
	if err := im.connect(kf, u, s); err != nil {
		return nil, err
	}
	if cfg.Token.Secret == "" {
		return im, nil
	}
	return im, im.join(ctx, filepath.Join(dir, "server.json"), s, cfg)
}

// importsTo is what is known of the server: as the token says, or as was written
// down when it was joined.
func importsTo(path string, u *url.URL, t wire.Token) (Server, error) {
	if t.Secret != "" {
		return Server{URL: u.String(), Pin: t.Pin, VKey: t.VKey}, nil
	}
	s, known, err := Read(path)
	if err == nil && !known {
		err = hint.With(fmt.Errorf("the importer on this machine has joined no server at %s", u),
			"ask its operator for a token (`stele admin token --role importer`), then: stele import ndjson FILE --join - < TOKEN")
	}
	return s, err
}

func (im *Importer) connect(kf keyfile.Key, u *url.URL, s Server) (err error) {
	if im.Key, err = entry.NewSecretKey(kf.Secret.Bytes()); err != nil {
		return err
	}
	if im.Log, err = entry.ParseLogKey(s.VKey); err != nil {
		return fmt.Errorf("key of the log: %w", err)
	}
	cert, err := mtls.Source(kf.Secret.Bytes())
	if err != nil {
		return err
	}
	im.Client, err = client.New(client.Config{URL: u.String(), Pin: s.Pin, Certificate: &cert})
	return err
}

// join spends a token.
func (im *Importer) join(ctx context.Context, path string, s Server, cfg Config) error {
	machine := body.Host{Name: cfg.Name, Machine: keyfile.Machine(), OS: runtime.GOOS}
	if _, _, err := im.Enrol(ctx, im.Log, im.Key.Public(), cfg.Token.Secret, entry.Importer, machine); err != nil {
		return fmt.Errorf("join %s: %w", s.URL, err)
	}
	return s.write(path)
}

// Close closes what was opened.
func (im *Importer) Close() error {
	if im.Client != nil {
		im.Client.Close()
	}
	if im.lock == nil {
		return nil
	}
	return im.lock.Release()
}
