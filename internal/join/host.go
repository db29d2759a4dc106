// Package join lets a source of this machine into the log of a server: it opens
// or makes the key, spends a token, writes down which server was joined, and
// opens what the source keeps here. A watcher has a spool; an importer has what
// it believes of the log.
//
// A crash before the server is written down leaves a token that the same machine
// can spend again.
package join

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Host is the watcher's side of a machine: its key, its spool and its server.
type Host struct {
	Key    entry.SecretKey
	Log    *entry.LogKey
	Client *client.Client
	Spool  *spool.Spool
	Name   string          // of the machine
	Clock  *patience.Clock // of patience with the server; it runs until Close

	cfg  Config
	lock *durable.Lock
	stop context.CancelFunc // of the clock
	wg   sync.WaitGroup
}

// Config says which machine joins, and with what.
type Config struct {
	Layout  layout.Store
	Limit   int64      // bytes of the spool
	Token   wire.Token // without a secret: what was joined before is opened
	Name    string     // of the machine
	Version string     // of this program
	Say     func(format string, args ...any)
	Diag    *slog.Logger
}

// Close closes what was opened.
func (h *Host) Close() error {
	var errs []error
	h.stop()
	h.wg.Wait()
	if h.Client != nil {
		h.Client.Close()
	}
	if h.Spool != nil {
		errs = append(errs, h.Spool.Close())
	}
	if h.lock != nil {
		errs = append(errs, h.lock.Release())
	}
	return errors.Join(errs...)
}

// OpenHost opens what the watcher keeps on this machine, and joins a server if a
// token is given.
func OpenHost(ctx context.Context, cfg Config) (_ *Host, err error) {
	h := &Host{cfg: cfg, Name: cfg.Name, Clock: patience.New(nil)}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.stop = stop
	h.wg.Go(func() { h.Clock.Run(running) })
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	l := cfg.Layout
	for _, dir := range []string{l.Keys(), l.Watch()} {
		if err := durable.MkdirAll(durable.OS, dir, 0o700); err != nil {
			return nil, hint.Store(err)
		}
	}
	if h.lock, err = durable.LockFile(filepath.Join(l.Watch(), "lock")); err != nil {
		return nil, hint.Store(err)
	}
	s, known, err := Read(File(l))
	if err != nil {
		return nil, err
	}
	if cfg.Token.Secret != "" {
		return h, h.join(ctx, s, cfg.Token)
	}
	if !known {
		return nil, hint.With(errors.New("this machine has joined no server"), "ask its operator for a token (`stele admin token`), then: stele watch --join - < TOKEN")
	}
	return h, h.openJoined(s)
}

// openJoined opens key and spool for the log a host has joined.
func (h *Host) openJoined(s Server) (err error) {
	if err := h.connect(s); err != nil {
		if errors.Is(err, keyfile.ErrOtherMachine) {
			return hint.With(err, "this disk was copied from another machine; enrol as a new source: stele watch --join - < TOKEN")
		}
		return err
	}
	h.Spool, err = h.openSpool(s.Spool(h.cfg.Layout), h.Key.Source(), h.cfg.Limit)
	return err
}

func (h *Host) openSpool(dir string, src entry.Source, limit int64) (*spool.Spool, error) {
	s, err := spool.Open(spool.Config{Dir: dir, FS: durable.OS, Source: src, Limit: limit, Diag: h.cfg.Diag})
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return s, nil
}

// connect opens the key for a log and prepares to call its server.
func (h *Host) connect(s Server) (err error) {
	kf, err := keyfile.OpenOrCreate(s.key(h.cfg.Layout), string(entry.Watcher), "")
	if err != nil {
		return err
	}
	if h.Key, err = entry.NewSecretKey(kf.Secret.Bytes()); err != nil {
		return err
	}
	if h.Log, err = entry.ParseLogKey(s.VKey); err != nil {
		return fmt.Errorf("key of the log: %w", err)
	}
	cert, err := mtls.Source(kf.Secret.Bytes())
	if err != nil {
		return err
	}
	h.Client, err = client.New(client.Config{URL: s.URL, Pin: s.Pin, Certificate: &cert, Clock: h.Clock})
	return err
}

// join spends a token on this machine and writes down which server it has
// joined. What was joined before counts until then: a crash leaves a token that
// the same machine can spend again.
func (h *Host) join(ctx context.Context, before Server, t wire.Token) error {
	if err := h.leaveCopied(before); err != nil {
		return err
	}
	next := before.of(t)
	if err := h.connect(next); err != nil {
		return err
	}
	req := wire.Enrol{
		Secret: t.Secret, Role: entry.Watcher,
		Host: body.Host{Name: h.Name, Machine: keyfile.Machine(), OS: runtime.GOOS},
	}
	old, err := h.former(before, next)
	if err != nil {
		return err
	}
	if old != nil {
		req.Follows = old.Source().String()
	}
	cp, id, err := h.Client.Join(ctx, h.Log, h.Key.Public(), req)
	if err != nil {
		return hint.Answer(fmt.Errorf("join %s: %w", t.URL, err))
	}
	if err := h.beginSpool(before, next, old, cp, record.Head{Prev: id}); err != nil {
		return err
	}
	if err := next.write(File(h.cfg.Layout)); err != nil {
		return err
	}
	h.cfg.Say("joined       %s as %s", t.URL, h.Key.Source())
	return nil
}

// former is the key by which this machine spoke in the log it leaves; nil if it
// leaves none.
func (h *Host) former(before, next Server) (*entry.SecretKey, error) {
	if before.VKey == "" || before.VKey == next.VKey {
		return nil, nil
	}
	kf, err := keyfile.Open(before.key(h.cfg.Layout), string(entry.Watcher))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k, err := entry.NewSecretKey(kf.Secret.Bytes())
	return &k, err
}

// beginSpool opens the spool for the log that was joined. For another log than
// before it is made anew, with what the former one still holds; that one stays
// as it is. A crash in between leaves files that count for nothing until the
// joining is written down.
func (h *Host) beginSpool(before, next Server, old *entry.SecretKey, cp verify.Checkpoint, head record.Head) (err error) {
	dir := next.Spool(h.cfg.Layout)
	if old != nil {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := h.carry(before.Spool(h.cfg.Layout), dir, *old, before.VKey, cp, head); err != nil {
			return fmt.Errorf("carry over the spool of the former log: %w", err)
		}
	}
	if h.Spool, err = h.openSpool(dir, h.Key.Source(), h.cfg.Limit); err != nil {
		return err
	}
	if _, begun := h.Spool.Head(); begun {
		return nil
	}
	return h.Spool.Begin(head, cp, time.Time{})
}

// carry makes the spool for another log.
func (h *Host) carry(from, to string, old entry.SecretKey, vkey string, cp verify.Checkpoint, head record.Head) (err error) {
	log, err := entry.ParseLogKey(vkey)
	if err != nil {
		return fmt.Errorf("key of the log: %w", err)
	}
	c := watcher.Carry{Log: log.Origin(), Key: h.Key, Head: head, Believed: cp, Version: h.cfg.Version, Now: time.Now}
	if c.From, err = h.openSpool(from, old.Source(), h.cfg.Limit); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.From.Close()) }()
	if c.To, err = h.openSpool(to, h.Key.Source(), math.MaxInt64); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.To.Close()) }()
	carried, left, err := c.Run()
	if err != nil {
		return err
	}
	h.cfg.Say("follows      %s: unacknowledged entries are re-signed and resent: %s", log.Origin(), terminal.Entries(carried))
	if left > 0 {
		h.cfg.Say("left         %s about entries that only that log has, in %s", terminal.Count(left, "reason", "reasons"), from)
	}
	return nil
}

// leaveCopied puts keys aside that came with the disk of another machine: that
// machine goes on with them, this one joins with its own.
func (h *Host) leaveCopied(s Server) error {
	l := h.cfg.Layout
	for path, role := range map[string]string{s.key(l): string(entry.Watcher), l.Key("fingerprint"): "fingerprint"} {
		if _, err := keyfile.Open(path, role); !errors.Is(err, keyfile.ErrOtherMachine) {
			continue
		}
		aside := path + ".copied"
		for n := 1; ; n++ {
			if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
				break
			} else if err != nil {
				return err
			}
			aside = fmt.Sprintf("%s.copied.%d", path, n)
		}
		if err := os.Rename(path, aside); err != nil {
			return err
		}
		h.cfg.Say("put aside    %s: it was made on another machine", aside)
	}
	return nil
}
