package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/verify"
)

// Foreign names the keys of a store that are not those of its log: with them
// nothing more can be recorded that anybody would believe, though what is recorded
// is as true as ever. recorder says who is enrolled as one. Keys of watchers and
// importers are not among them: on another machine they are made anew.
func Foreign(l layout.Store, log *entry.LogKey, recorder func(entry.Source) bool) (found []finding.Finding) {
	if f := foreignLog(l, log); f != nil {
		found = append(found, *f)
	}
	if f := foreignRecorder(l, recorder); f != nil {
		found = append(found, *f)
	}
	return found
}

func foreignLog(l layout.Store, log *entry.LogKey) *finding.Finding {
	path := l.Key("log")
	kf, err := keyfile.Open(path, "log")
	if f, read := unreadKey(path, err); !read {
		return f
	}
	if own, err := layout.LogKeyOf(kf); err != nil || own.VKey() != log.VKey() {
		return unsafe(path, "the key of log %s where that of %s belongs: put it back from a backup", kf.Name, log.Origin())
	}
	return nil
}

func foreignRecorder(l layout.Store, recorder func(entry.Source) bool) *finding.Finding {
	path := l.Key(string(entry.Recorder))
	kf, err := keyfile.Open(path, string(entry.Recorder))
	if f, read := unreadKey(path, err); !read {
		return f
	}
	key, err := entry.NewSecretKey(kf.Secret.Bytes())
	if err != nil || !recorder(key.Source()) {
		return unsafe(path, "the key of a recorder that this log has not enrolled: put the log's own back from a backup")
	}
	return nil
}

// unreadKey says what is to be said of a key that could not be read. A damaged one
// is [layout.Store.CheckKeys]'s to name.
func unreadKey(path string, err error) (f *finding.Finding, read bool) {
	switch {
	case err == nil, errors.Is(err, keyfile.ErrOtherMachine):
		return nil, true
	case errors.Is(err, fs.ErrNotExist):
		return unsafe(path, "missing: without it nothing more can be recorded; put it back from a backup"), false
	}
	return nil, false
}

func unsafe(path, format string, args ...any) *finding.Finding {
	f := finding.At(finding.UnsafeStore, path, format, args...)
	return &f
}

// refuse keeps a writer from going on, in the words by which verify names why.
func refuse(f *finding.Finding) error {
	return &verify.Finding{Code: f.Code, Accused: f.Accused, Detail: fmt.Sprintf("%s: %s", f.Where, f.Detail)}
}

// ownLog refuses to go on with a log whose key this is not. What its key is was
// believed before, or stands in its entry 0.
func (s *Store) ownLog(ctx context.Context) error {
	key, err := s.believedKey(ctx)
	if err != nil || key == nil {
		return err
	}
	f := foreignLog(s.cfg.Layout, key)
	if f == nil {
		return nil
	}
	if _, known, _ := s.cfg.Trust.Read(); known {
		f.Detail += fmt.Sprintf("; where that store was given up for a new one, remove what is believed of it, %s", s.cfg.Trust.Path())
	}
	return refuse(f)
}

// believedKey is nil where there is no log yet, or none that can be read: that is
// for the opening of the log to name.
func (s *Store) believedKey(ctx context.Context) (*entry.LogKey, error) {
	belief, known, err := s.cfg.Trust.Read()
	if err != nil {
		return nil, fmt.Errorf("read what was believed of this log: %w", err)
	}
	if known {
		return belief.Key()
	}
	e, err := s.readGenesis(ctx)
	if err != nil {
		s.cfg.Diag.Debug("the key of the log is not known before it is opened", "error", err)
		return nil, nil
	}
	return e.Open.Log, nil
}

// readGenesis reads entry 0 as the log's directory has it.
func (s *Store) readGenesis(ctx context.Context) (*entry.Entry, error) {
	dir, err := tlog.OpenDir(s.cfg.Layout.Log())
	if err != nil {
		return nil, err
	}
	signed, err := dir.ReadCheckpoint()
	if err != nil {
		return nil, err
	}
	cp, err := verify.ReadCheckpoint(signed)
	if err != nil {
		return nil, err
	}
	raw, err := tlog.NewTree(dir, cp).Entry(ctx, 0)
	if err != nil {
		return nil, err
	}
	return entry.Parse(raw)
}

// Loose names what else lies among the keys of a store and is of no use there.
func Loose(l layout.Store) (found []finding.Finding) {
	for _, check := range []func(layout.Store) *finding.Finding{looseCertificate, looseTokens, looseSpool, looseFingerprint} {
		if f := check(l); f != nil {
			found = append(found, *f)
		}
	}
	return found
}

const maxPEM = 1 << 20

func looseCertificate(l layout.Store) *finding.Finding {
	cert, key := filepath.Join(l.Keys(), "tls.crt"), filepath.Join(l.Keys(), "tls.key")
	c, cerr := durable.ReadSmall(durable.OS, cert, maxPEM)
	k, kerr := durable.ReadSmall(durable.OS, key, maxPEM)
	const anew = "remove tls.crt and tls.key: new ones are made, and tokens given out name the old one"
	switch {
	case errors.Is(kerr, fs.ErrNotExist): // a crash may leave the certificate alone, and it is made anew
		return nil
	case errors.Is(cerr, fs.ErrNotExist):
		return unsafe(cert, "missing beside tls.key; %s", anew)
	case cerr != nil || kerr != nil:
		return nil // the inventory names what is no file
	}
	if block, _ := pem.Decode(k); block == nil {
		return unsafe(key, "no key; %s", anew)
	} else if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		return unsafe(key, "no key: %v; %s", err, anew)
	}
	if _, err := tls.X509KeyPair(c, k); err != nil {
		return unsafe(cert, "no certificate for tls.key: %v; %s", err, anew)
	}
	return nil
}

// maxTokens bounds the files of tokens and of the endpoint.
const maxTokens = 64 << 20

func looseTokens(l layout.Store) *finding.Finding {
	paths := []string{filepath.Join(l.Keys(), "tokens.json"), l.Endpoint(), l.Roll(), filepath.Join(l.Watch(), "server.json")}
	for _, dir := range l.Importers() {
		paths = append(paths, filepath.Join(dir, "server.json"))
	}
	for _, path := range paths {
		b, err := durable.ReadSmall(durable.OS, path, maxTokens)
		if err == nil && !json.Valid(b) {
			return unsafe(path, "damaged: it is no JSON; put it back from a backup, or remove it")
		}
	}
	return nil
}

// looseSpool misses the key of a spool: without it what waits there cannot be
// followed by anything.
func looseSpool(l layout.Store) *finding.Finding {
	path := l.Key(string(entry.Watcher))
	if exists(filepath.Join(l.Watch(), "spool")) && !exists(path) {
		return unsafe(path, "missing beside the spool of its watcher: put it back from a backup, or the watcher is enrolled anew")
	}
	return nil
}

// looseFingerprint misses the key of fingerprints, which is made before the keys
// of watcher and importer.
func looseFingerprint(l layout.Store) *finding.Finding {
	path := l.Key("fingerprint")
	if !exists(path) && (exists(l.Key(string(entry.Watcher))) || exists(l.Key(string(entry.Importer)))) {
		return unsafe(path, "missing: put it back from a backup, or each secret seems to have changed once")
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
