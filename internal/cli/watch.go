package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/alert"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) watch() *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch [PATH…]",
		Short: "Record changes on this machine in the log of a server",
		Long: `Watch finds the agents on this machine by the catalogue, watches their
configuration and every PATH, and hands each change to the server it has joined.
What the server has not proved to hold waits here. A token is needed once.`,
		Example: `  stele watch --join - < token      # the first time
  stele watch                       # from then on
  stele watch --settings ` + settings.Path,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			return a.runWatch(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.join, "join", "", "join token, or - to read it from standard input")
	f.StringVar(&o.file, "settings", "", "file of settings; what other flags say counts before it")
	f.DurationVar(&o.scanEvery, "scan-every", 0, "time between two scans of everything watched")
	f.BoolVar(&o.enrolOnly, "enrol-only", false, "join and end: for packages and images")
	return cmd
}

type watchOptions struct {
	join, file string
	paths      []string
	scanEvery  time.Duration
	enrolOnly  bool
}

// joined is what a host knows of the server it has joined.
type joined struct {
	URL  string `json:"url"`
	Pin  string `json:"pin"`
	VKey string `json:"vkey"`
}

func joinedFile(l server.Layout) string { return filepath.Join(l.Watch(), "server.json") }

func (a *app) runWatch(ctx context.Context, o watchOptions) (err error) {
	set := settings.Default().Watch
	set.Data, set.Socket = "", ""
	if o.file != "" {
		all, err := settings.Load(o.file)
		if err != nil {
			return err
		}
		set = all.Watch
	}
	if a.data == "" {
		a.data = set.Data
	}
	l, err := a.layout()
	if err != nil {
		return err
	}
	syscall.Umask(0o077)
	h, err := a.openHost(ctx, l, set, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if o.enrolOnly {
		return nil
	}
	return a.runHost(ctx, h, set, o)
}

// host is the watcher's side of a machine: its key, its spool and its server.
type host struct {
	layout server.Layout
	lock   *durable.Lock
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
func (a *app) openHost(ctx context.Context, l server.Layout, set settings.Watch, o watchOptions) (_ *host, err error) {
	h := &host{layout: l, name: hostName()}
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
	kf, err := openKey(l, entry.Watcher)
	if err != nil {
		return nil, err
	}
	if h.key, err = entry.NewSecretKey(kf.Secret.Bytes()); err != nil {
		return nil, err
	}
	if h.spool, err = spool.Open(spool.Config{Dir: l.Watch(), FS: durable.OS, Limit: int64(set.Spool.Limit), Diag: a.diag()}); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if o.join != "" {
		return h, a.join(ctx, h, kf, o.join)
	}
	return h, h.rejoin(kf)
}

// join spends a token on this machine and writes down which server it has joined.
// A crash in between leaves a token that the same machine can spend again.
func (a *app) join(ctx context.Context, h *host, kf keyfile.Key, text string) error {
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(a.in, 64<<10))
		if err != nil {
			return err
		}
		text = string(b)
	}
	t, err := wire.ParseToken(wire.JoinToken, text)
	if err != nil {
		return withHint(err, "`stele admin token` on the server makes one")
	}
	if err := h.connect(kf, joined{t.URL, t.Pin, t.VKey}); err != nil {
		return err
	}
	machine := body.Host{Name: h.name, Machine: keyfile.Machine(), OS: runtime.GOOS}
	if _, _, err := h.client.Enrol(ctx, h.log, h.key.Public(), t.Secret, entry.Watcher, machine); err != nil {
		return hintAnswer(fmt.Errorf("join %s: %w", t.URL, err))
	}
	b, err := json.Marshal(joined{t.URL, t.Pin, t.VKey})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS, joinedFile(h.layout), b, 0o600); err != nil {
		return err
	}
	a.talk("joined       %s as %s", t.URL, h.key.Source())
	return nil
}

// rejoin connects to the server this machine has joined before.
func (h *host) rejoin(kf keyfile.Key) error {
	b, err := os.ReadFile(joinedFile(h.layout))
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(errors.New("this machine has joined no server"), "ask its operator for a token (`stele admin token`), then: stele watch --join TOKEN")
	}
	if err != nil {
		return err
	}
	var j joined
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("%s: %w", joinedFile(h.layout), err)
	}
	return h.connect(kf, j)
}

func (h *host) connect(kf keyfile.Key, j joined) (err error) {
	if h.log, err = entry.ParseLogKey(j.VKey); err != nil {
		return fmt.Errorf("key of the log: %w", err)
	}
	cert, err := mtls.Source(kf.Secret.Bytes())
	if err != nil {
		return err
	}
	h.client, err = client.New(client.Config{URL: j.URL, Pin: j.Pin, Certificate: &cert})
	return err
}

// runHost watches until the context ends.
func (a *app) runHost(ctx context.Context, h *host, set settings.Watch, o watchOptions) error {
	alerts := alert.Start(alert.Config{Webhook: set.Alert.Webhook, Syslog: set.Alert.Syslog, Diag: a.diag()})
	defer alerts.Close()
	scan := set.ScanEvery
	if o.scanEvery > 0 {
		scan = o.scanEvery
	}
	cfg, err := a.watcherConfig(h.layout, upOptions{paths: append(set.Paths, o.paths...), scanEvery: scan, discover: set.Discover})
	if err != nil {
		return err
	}
	if set.Socket != "" {
		cfg.Socket, cfg.SocketMode = set.Socket, 0o666 // the kernel says who asks
	}
	cfg.Key, cfg.LogKey, cfg.Server, cfg.Spool, cfg.Host, cfg.Alert = h.key, h.log, h.client, h.spool, h.name, alerts.Send
	cfg.Entry = h.client.Entry
	w, err := a.newWatcher(ctx, cfg)
	if err != nil || w == nil {
		return err
	}
	stop, err := serveMetrics(set.Metrics.Listen, w, h.spool)
	if err != nil {
		return withHint(err, "name another address in `metrics` of the settings")
	}
	defer stop()
	go func() {
		select {
		case <-w.Ready():
			a.printWatching(w.Status())
		case <-ctx.Done():
		}
	}()
	return w.Run(ctx)
}

// newWatcher waits for a server that cannot be reached: a host without a spool
// has to ask it where its chain stands.
func (a *app) newWatcher(ctx context.Context, cfg watcher.Config) (*watcher.Watcher, error) {
	told := false
	for {
		w, err := watcher.New(ctx, cfg)
		if !errors.Is(err, wire.ErrUnreachable) {
			return w, hintAnswer(err)
		}
		if !told {
			a.talk("waiting for the server: %v", err)
			told = true
		}
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// openKey opens the key of a source on this machine, or makes it.
func openKey(l server.Layout, role entry.Role) (keyfile.Key, error) {
	kf, err := keyfile.OpenOrCreate(l.Key(string(role)), string(role), "")
	if errors.Is(err, keyfile.ErrOtherMachine) {
		return kf, withHint(err, "this disk was copied from another machine; remove %s to enrol as a new source", l.Key(string(role)))
	}
	return kf, err
}

// socket is where the watcher on this machine listens.
func (a *app) socket() (string, error) {
	if s := os.Getenv("STELE_SOCKET"); s != "" {
		return s, nil
	}
	l, err := a.layout()
	if err != nil {
		return "", err
	}
	packaged := settings.Default().Watch.Socket
	if _, err := os.Stat(l.Socket()); err != nil {
		if _, err := os.Stat(packaged); err == nil {
			return packaged, nil
		}
	}
	return l.Socket(), nil
}
