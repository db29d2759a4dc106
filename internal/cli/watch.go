package cli

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/join"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) watch() *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch [PATH…]",
		Short: "Record changes on this machine in the log of a server",
		Long: `Watch finds the agents on this machine by the catalogue, watches their
configuration and every PATH, and sends each change to the server it has joined.
Entries stay here until the server has proved that its log holds them. A join
token is needed once.`,
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
	f.StringVar(&o.join, "join", "", "join token, or - for standard input")
	f.StringVar(&o.file, "settings", "", "settings file; flags override it")
	f.Var((*interval)(&o.scanEvery), "scan-every", "time between two scans of everything watched (default 5m)")
	f.BoolVar(&o.enrolOnly, "enrol-only", false, "enrol and exit: for packages and images")
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
	cfg := join.Config{Layout: l, Limit: int64(set.Spool.Limit), Name: daemon.HostName(), Version: version(), Say: a.talk, Diag: a.diag()}
	if o.join != "" {
		if cfg.Token, err = join.Token(wire.JoinToken, a.in, o.join); err != nil {
			return err
		}
	}
	h, err := join.OpenHost(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if o.enrolOnly {
		return nil
	}
	p := daemon.Process{Layout: l, Version: version(), Say: a.talk, Diag: a.diag()}
	return p.Watch(ctx, h, set, daemon.WatchOptions{Paths: o.paths, ScanEvery: o.scanEvery, Own: daemon.Own(o.file)})
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
