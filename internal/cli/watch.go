package cli

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/alert"
	"github.com/stele-log/stele/internal/settings"
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
		Args: somePaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			return a.runWatch(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.join, "join", "", "join token, or - to read it from standard input")
	f.StringVar(&o.file, "settings", "", "file of settings; what other flags say counts before it")
	f.Var((*interval)(&o.scanEvery), "scan-every", "time between two scans of everything watched (default 5m)")
	f.BoolVar(&o.enrolOnly, "enrol-only", false, "join and end: for packages and images")
	return cmd
}

type watchOptions struct {
	join, file string
	paths      []string
	scanEvery  time.Duration
	enrolOnly  bool
}

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
