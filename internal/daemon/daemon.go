// Package daemon runs the processes that stay: a store that is served, a watcher
// of this machine, and both in one. It opens, wires and closes their parts; flags
// are the command line's business.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/trust"
)

// Process is what every one of them works with.
type Process struct {
	Layout  layout.Store
	Trust   trust.File                       // what is believed of the store; for a watcher alone: none
	Version string                           // of this program
	Say     func(format string, args ...any) // tells people
	Diag    *slog.Logger
}

// OpenStore opens the store for writing, with words for what can go wrong.
func (p Process) OpenStore(ctx context.Context) (*store.Store, error) {
	syscall.Umask(0o077) // whatever the parts write is the owner's alone
	srv, err := store.Open(ctx, store.Config{Layout: p.Layout, Trust: p.Trust, Version: p.Version, Diag: p.Diag})
	if err != nil {
		return nil, hintStore(err)
	}
	return srv, err
}

// Source opens the key of a source on this machine, or makes it.
func Source(l layout.Store, role entry.Role) (entry.SecretKey, error) {
	if _, _, err := Redactor(l); err != nil { // before any key that needs it: so one that is missing is told from one not made yet
		return entry.SecretKey{}, err
	}
	kf, err := openKey(l, role)
	if err != nil {
		return entry.SecretKey{}, err
	}
	return entry.NewSecretKey(kf.Secret.Bytes())
}

// Redactor opens the key of fingerprints, which never leaves the host.
func Redactor(l layout.Store) (*redact.Redactor, keyfile.Secret, error) {
	kf, err := keyfile.OpenOrCreate(l.Key("fingerprint"), "fingerprint", "")
	if err != nil {
		return nil, keyfile.Secret{}, err
	}
	key, err := redact.NewKey(kf.Secret.Bytes())
	if err != nil {
		return nil, keyfile.Secret{}, err
	}
	return redact.New(redact.Config{Key: key}), kf.Secret, nil
}

// openKey opens the key of a source on this machine, or makes it.
func openKey(l layout.Store, role entry.Role) (keyfile.Key, error) {
	kf, err := keyfile.OpenOrCreate(l.Key(string(role)), string(role), "")
	if errors.Is(err, keyfile.ErrOtherMachine) {
		return kf, hint.With(err, "this disk was copied from another machine; remove %s to enrol as a new source", l.Key(string(role)))
	}
	return kf, err
}

// HostName is the name of this machine.
func HostName() string {
	h, err := os.Hostname()
	if err != nil || h == "" {
		return "localhost"
	}
	return h
}

// MoveKeys has the keys of a store that was moved be of this machine. Two
// machines that write with one key make a fork, which every watcher will name.
func MoveKeys(l layout.Store) error {
	for _, role := range []string{"log", string(entry.Recorder)} {
		if err := keyfile.Move(l.Key(role), role); err != nil {
			return fmt.Errorf("move the store: %w", err)
		}
	}
	return nil
}
