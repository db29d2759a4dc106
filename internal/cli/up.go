package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/settings"
)

func (a *app) up() *cobra.Command {
	o := daemon.UpOptions{WatchOptions: daemon.WatchOptions{Discover: true}}
	cmd := &cobra.Command{
		Use:   "up [PATH…]",
		Short: "Record changes on this machine, with everything in one process",
		Long: `Up finds the agents on this machine by the catalogue, watches their
configuration and every PATH (a file, a directory or a pattern), and records each
change in the store. It serves the store too, as serve does, to this machine only
unless --listen says otherwise. It ends with Ctrl-C; what was recorded stays.`,
		Example: `  sudo stele up
  stele up ~/.config/otelcol /etc/myagent.yaml
  sudo stele up --listen 0.0.0.0:7835 --name log.example.org   # other hosts may join`,
		Args: somePaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.layout()
			if err != nil {
				return err
			}
			o.Paths, o.Own = args, daemon.Own("")
			return a.runUp(cmd.Context(), l, o)
		},
	}
	f := cmd.Flags()
	f.Var((*interval)(&o.ScanEvery), "scan-every", "time between two scans of everything watched (default 5m, or 2s where only the scan is active)")
	f.BoolVar(&o.Probes, "probes", true, "as root, record the settings in force every minute: mounts, packet filter, audit rules, sshd")
	f.StringVar(&o.Listen, "listen", "", "address to serve at (default "+settings.Default().Serve.Listen+", or any free port of loopback)")
	f.Var((*hostNames)(&o.Names), "name", "host name of this server for clients, beside its addresses")
	return cmd
}

// interval is the time between two scans, as a flag.
type interval time.Duration

func (i *interval) Set(s string) error {
	t, err := settings.Interval(s)
	*i = interval(t)
	return err
}

func (i *interval) String() string {
	if *i == 0 {
		return "" // the default, which the usage says in words
	}
	return time.Duration(*i).String()
}

func (i *interval) Type() string { return "duration" }

// somePaths takes any number of paths, none of which may be empty: that would be
// the working directory, and more likely a variable that was not set.
func somePaths(_ *cobra.Command, args []string) error {
	if slices.Contains(args, "") {
		return usagef("a PATH is empty")
	}
	return nil
}

// process is what a daemon of this store works with.
func (a *app) process(l layout.Store) (daemon.Process, error) {
	file, err := a.belief(l)
	return daemon.Process{Layout: l, Trust: file, Version: version(), Say: a.talk, Diag: a.diag()}, err
}

func (a *app) runUp(ctx context.Context, l layout.Store, o daemon.UpOptions) error {
	p, err := a.process(l)
	if err != nil {
		return err
	}
	m, err := p.OpenMachine(ctx, o)
	if err != nil {
		return err
	}
	return m.Run(ctx, func() {
		a.talk("serving      %s", m.Listener.URL)
		p.SayWatching(m.Watcher.Status())
	})
}
