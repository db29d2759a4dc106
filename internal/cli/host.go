package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// joined is what a host knows of the server it has joined, and under which names
// it keeps what belongs to that log: a key speaks in one log only.
type joined struct {
	URL  string `json:"url"`
	Pin  string `json:"pin"`
	VKey string `json:"vkey"`
	Name string `json:"name,omitempty"` // of key and spool; empty: those of the first log
}

func joinedFile(l layout.Store) string { return filepath.Join(l.Watch(), "server.json") }

// readJoined reads which server this machine has joined; ok is false if none.
func readJoined(l layout.Store) (j joined, ok bool, err error) {
	b, err := os.ReadFile(joinedFile(l))
	if errors.Is(err, fs.ErrNotExist) {
		return j, false, nil
	}
	if err != nil {
		return j, false, err
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return j, false, fmt.Errorf("%s: %w", joinedFile(l), err)
	}
	return j, true, nil
}

func (j joined) write(l layout.Store) error {
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, joinedFile(l), b, 0o600)
}

func (j joined) key(l layout.Store) string {
	if j.Name == "" {
		return l.Key(string(entry.Watcher))
	}
	return l.Key(string(entry.Watcher) + "-" + j.Name)
}

func (j joined) spool(l layout.Store) string { return filepath.Join(l.Watch(), j.Name) }

// of is what a token says of a server, where the host has been with another log:
// key and spool are then named for the log.
func (j joined) of(t wire.Token) joined {
	next := joined{t.URL, t.Pin, t.VKey, j.Name}
	if j.VKey != "" && j.VKey != t.VKey {
		sum := sha256.Sum256([]byte(j.Name + "\n" + t.VKey)) // another one at each change, and the same at each try
		next.Name = hex.EncodeToString(sum[:4])
	}
	return next
}

// host is the watcher's side of a machine: its key, its spool and its server.
type host struct {
	layout layout.Store
	limit  int64 // of the spool
	lock   *durable.Lock
	secret keyfile.Key
	key    entry.SecretKey
	log    *entry.LogKey
	client *client.Client
	spool  *spool.Spool
	name   string
}

func (h *host) close() error {
	var errs []error
	if h.client != nil {
		h.client.Close()
	}
	if h.spool != nil {
		errs = append(errs, h.spool.Close())
	}
	if h.lock != nil {
		errs = append(errs, h.lock.Release())
	}
	return errors.Join(errs...)
}

// openHost opens what the watcher keeps on this machine, and joins a server if a
// token is given.
func (a *app) openHost(ctx context.Context, l layout.Store, set settings.Watch, o watchOptions) (_ *host, err error) {
	h := &host{layout: l, name: hostName(), limit: int64(set.Spool.Limit)}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	for _, dir := range []string{l.Keys(), l.Watch()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, hintStore(err)
		}
	}
	if h.lock, err = durable.LockFile(filepath.Join(l.Watch(), "lock")); err != nil {
		return nil, hintStore(err)
	}
	j, known, err := readJoined(l)
	if err != nil {
		return nil, err
	}
	if o.join != "" {
		return h, a.join(ctx, h, j, o.join)
	}
	if !known {
		return nil, withHint(errors.New("this machine has joined no server"), "ask its operator for a token (`stele admin token`), then: stele watch --join - < TOKEN")
	}
	return h, a.openJoined(h, j)
}

// openJoined opens key and spool for the log a host has joined.
func (a *app) openJoined(h *host, j joined) (err error) {
	if err := h.connect(j); err != nil {
		if errors.Is(err, keyfile.ErrOtherMachine) {
			return withHint(err, "this disk was copied from another machine; enrol as a new source: stele watch --join - < TOKEN")
		}
		return err
	}
	h.spool, err = a.openSpool(j.spool(h.layout), h.key.Source(), h.limit)
	return err
}

func (a *app) openSpool(dir string, src entry.Source, limit int64) (*spool.Spool, error) {
	s, err := spool.Open(spool.Config{Dir: dir, FS: durable.OS, Source: src, Limit: limit, Diag: a.diag()})
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return s, nil
}

// connect opens the key for a log and prepares to call its server.
func (h *host) connect(j joined) (err error) {
	if h.secret, err = keyfile.OpenOrCreate(j.key(h.layout), string(entry.Watcher), ""); err != nil {
		return err
	}
	if h.key, err = entry.NewSecretKey(h.secret.Secret.Bytes()); err != nil {
		return err
	}
	if h.log, err = entry.ParseLogKey(j.VKey); err != nil {
		return fmt.Errorf("key of the log: %w", err)
	}
	cert, err := mtls.Source(h.secret.Secret.Bytes())
	if err != nil {
		return err
	}
	h.client, err = client.New(client.Config{URL: j.URL, Pin: j.Pin, Certificate: &cert})
	return err
}

// join spends a token on this machine and writes down which server it has
// joined. What was joined before counts until then: a crash leaves a token that
// the same machine can spend again.
func (a *app) join(ctx context.Context, h *host, before joined, text string) error {
	t, err := a.readToken(text)
	if err != nil {
		return err
	}
	if err := a.leaveCopied(h.layout, before); err != nil {
		return err
	}
	next := before.of(t)
	if err := h.connect(next); err != nil {
		return err
	}
	req := wire.Enrol{
		Secret: t.Secret, Role: entry.Watcher,
		Host: body.Host{Name: h.name, Machine: keyfile.Machine(), OS: runtime.GOOS},
	}
	old, err := h.former(before, next)
	if err != nil {
		return err
	}
	if old != nil {
		req.Follows = old.Source().String()
	}
	cp, id, err := h.client.Join(ctx, h.log, h.key.Public(), req)
	if err != nil {
		return hintAnswer(fmt.Errorf("join %s: %w", t.URL, err))
	}
	if err := a.beginSpool(h, before, next, old, cp, record.Head{Prev: id}); err != nil {
		return err
	}
	if err := next.write(h.layout); err != nil {
		return err
	}
	a.talk("joined       %s as %s", t.URL, h.key.Source())
	return nil
}

func (a *app) readToken(text string) (wire.Token, error) {
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(a.in, 64<<10))
		if err != nil {
			return wire.Token{}, err
		}
		text = string(b)
	}
	t, err := wire.ParseToken(wire.JoinToken, text)
	if err != nil {
		return t, withHint(err, "`stele admin token` on the server makes one")
	}
	return t, nil
}

// former is the key by which this machine spoke in the log it leaves; nil if it
// leaves none.
func (h *host) former(before, next joined) (*entry.SecretKey, error) {
	if before.VKey == "" || before.VKey == next.VKey {
		return nil, nil
	}
	kf, err := keyfile.Open(before.key(h.layout), string(entry.Watcher))
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
func (a *app) beginSpool(h *host, before, next joined, old *entry.SecretKey, cp verify.Checkpoint, head record.Head) (err error) {
	dir := next.spool(h.layout)
	if old != nil {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := a.carry(h, before.spool(h.layout), dir, *old, before.VKey, cp, head); err != nil {
			return fmt.Errorf("carry over what waits for the former log: %w", err)
		}
	}
	if h.spool, err = a.openSpool(dir, h.key.Source(), h.limit); err != nil {
		return err
	}
	if _, begun := h.spool.Head(); begun {
		return nil
	}
	return h.spool.Begin(head, cp, time.Time{})
}

// carry makes the spool for another log.
func (a *app) carry(h *host, from, to string, old entry.SecretKey, vkey string, cp verify.Checkpoint, head record.Head) (err error) {
	log, err := entry.ParseLogKey(vkey)
	if err != nil {
		return fmt.Errorf("key of the log: %w", err)
	}
	c := watcher.Carry{Log: log.Origin(), Key: h.key, Head: head, Believed: cp, Version: version(), Now: time.Now}
	if c.From, err = a.openSpool(from, old.Source(), h.limit); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.From.Close()) }()
	if c.To, err = a.openSpool(to, h.key.Source(), math.MaxInt64); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.To.Close()) }()
	carried, left, err := c.Run()
	if err != nil {
		return err
	}
	a.talk("follows      %s: what it had not proved is sent again, signed anew: %s", log.Origin(), entries(carried))
	if left > 0 {
		a.talk("left         %s about entries that only that log has, in %s", count(left, "reason", "reasons"), from)
	}
	return nil
}

// leaveCopied puts keys aside that came with the disk of another machine: that
// machine goes on with them, this one joins with its own.
func (a *app) leaveCopied(l layout.Store, j joined) error {
	for path, role := range map[string]string{j.key(l): string(entry.Watcher), l.Key("fingerprint"): "fingerprint"} {
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
		a.talk("put aside    %s: it was made on another machine", aside)
	}
	return nil
}

// openKey opens the key of a source on this machine, or makes it.
func openKey(l layout.Store, role entry.Role) (keyfile.Key, error) {
	kf, err := keyfile.OpenOrCreate(l.Key(string(role)), string(role), "")
	if errors.Is(err, keyfile.ErrOtherMachine) {
		return kf, withHint(err, "this disk was copied from another machine; remove %s to enrol as a new source", l.Key(string(role)))
	}
	return kf, err
}
