package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/alert"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/terminal"
)

func (a *app) serve() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the log to the watchers of many hosts",
		Long: `Serve keeps the log, the vault and the index, and accepts entries of watchers over
TLS, each with a key of its own. In an empty directory it begins a store.
Without --listen it listens on loopback only.`,
		Example: `  stele serve --listen 0.0.0.0:7835 --name log.example.org
  stele admin token              # on the same machine: lets one host join
  stele serve --follows OLD      # start a new log after the one in OLD was truncated
  stele serve --settings ` + settings.Path,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runServe(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "settings", "", "settings file; flags override it")
	f.StringVar(&o.listen, "listen", "", "address to listen on (default 127.0.0.1:7835)")
	f.Var((*hostNames)(&o.names), "name", "host name of this server for clients, beside its addresses")
	f.StringVar(&o.follows, "follows", "", "store of the log that this one succeeds")
	f.BoolVar(&o.moved, "moved", false, "this store was moved to this machine for good")
	f.StringVar(&o.metrics, "metrics", "", "address of the listener for metrics, on loopback (default none)")
	return cmd
}

// hostNames are names of a server, as a flag: a certificate for anything else would
// be of no use to anybody.
type hostNames []string

func (h *hostNames) Set(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		if err := settings.HostName(name); err != nil {
			return err
		}
		*h = append(*h, name)
	}
	return nil
}

func (h *hostNames) String() string { return strings.Join(*h, ",") }

func (h *hostNames) Type() string { return "strings" }

type serveOptions struct {
	moved                          bool
	file, listen, metrics, follows string
	names                          []string
}

// settings puts flags before the file, and the file before the defaults.
func (o serveOptions) settings() (s settings.Serve, err error) {
	s = settings.Default().Serve
	s.Data, s.Metrics.Listen = "", ""
	if o.file != "" {
		all, err := settings.Load(o.file)
		if err != nil {
			return s, err
		}
		s = all.Serve
	}
	if o.listen != "" {
		s.Listen = o.listen
	}
	if o.metrics != "" {
		s.Metrics.Listen = o.metrics
	}
	s.Names = append(s.Names, o.names...)
	return s, nil
}

func (a *app) runServe(ctx context.Context, o serveOptions) (err error) {
	set, err := o.settings()
	if err != nil {
		return err
	}
	if a.data == "" {
		a.data = set.Data
	}
	l, err := a.layout()
	if err != nil {
		return err
	}
	if o.moved {
		if err := daemon.MoveKeys(l); err != nil {
			return err
		}
	}
	follows, err := a.followed(ctx, l, o.follows)
	if err != nil {
		return err
	}
	p, err := a.process(l)
	if err != nil {
		return err
	}
	alerts := alert.Start(alert.Config{Webhook: set.Alert.Webhook, Syslog: set.Alert.Syslog, Diag: a.diag()})
	defer alerts.Close()
	d, err := p.Listen(ctx, set, daemon.ServeOptions{Follows: follows, Alert: alerts.Send})
	if err != nil {
		return err
	}
	a.talk("serving      %s", d.URL)
	a.talk("log          %s", d.Endpoint.VKey)
	a.talk("next         `stele admin token` lets a host join")
	return d.Run(ctx)
}

// followed says how long the log in another store was; nil if there is none to
// follow. Nothing of it is carried over: it stays, to be read and verified.
func (a *app) followed(ctx context.Context, l layout.Store, dir string) (*entry.Succession, error) {
	if dir == "" {
		return nil, nil
	}
	dirs, err := daemon.Absolute([]string{l.Dir, dir})
	if err != nil {
		return nil, err
	}
	old := layout.Store{Dir: dirs[1]}
	if daemon.Within(dirs[0], dirs[1]) || daemon.Within(dirs[1], dirs[0]) {
		return nil, usagef("--follows names another store than the new one")
	}
	file, err := a.belief(old)
	if err != nil {
		return nil, err
	}
	cp, err := believed.Newest(ctx, old, file)
	if err != nil {
		err = fmt.Errorf("find the size of the log in %s: %w", dir, err)
		return nil, hint.With(err, "--follows names the directory of a store, as --data does")
	}
	a.talk("follows      %s, of %s", cp.Origin, terminal.Entries(cp.Size))
	return &entry.Succession{Origin: cp.Origin, Size: cp.Size, Root: cp.Root}, nil
}
