package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/alert"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/store"
)

func (a *app) serve() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Take in what the watchers of many hosts record, and keep the log",
		Long: `Serve keeps the log, the vault and the index, and takes in what watchers send
over TLS, each with a key of its own. It begins a store in an empty directory.
Without --listen it is reached from this machine only.`,
		Example: `  stele serve --listen 0.0.0.0:7835 --name log.example.org
  stele admin token              # on the same machine: lets one host join
  stele serve --follows OLD      # begin anew after the log in the store OLD lost its end
  stele serve --settings ` + settings.Path,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runServe(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "settings", "", "file of settings; what other flags say counts before it")
	f.StringVar(&o.listen, "listen", "", "address to listen on (default 127.0.0.1:7835)")
	f.StringSliceVar(&o.names, "name", nil, "host name by which clients call this server, beside its addresses")
	f.StringVar(&o.follows, "follows", "", "store of a log that cannot be continued, which the new one says that it follows")
	f.BoolVar(&o.moved, "moved", false, "this store was moved to this machine, and the other one writes to it no more")
	f.StringVar(&o.metrics, "metrics", "", "address of the listener for metrics, on loopback (default none)")
	return cmd
}

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
		if err := moveKeys(l); err != nil {
			return err
		}
	}
	follows, err := a.followed(ctx, l, o.follows)
	if err != nil {
		return err
	}
	alerts := alert.Start(alert.Config{Webhook: set.Alert.Webhook, Syslog: set.Alert.Syslog, Diag: a.diag()})
	defer alerts.Close()
	d, err := a.openDoor(ctx, l, set, doorOptions{follows, alerts.Send})
	if err != nil {
		return err
	}
	a.talk("serving      %s", d.url)
	a.talk("log          %s", d.endpoint.VKey)
	a.talk("next         `stele admin token` lets a host join")
	return d.run(ctx)
}

// moveKeys has the keys of a store that was moved be of this machine. Two
// machines that write with one key make a fork, which every watcher will name.
func moveKeys(l layout.Store) error {
	for _, role := range []string{"log", string(entry.Recorder)} {
		if err := keyfile.Move(l.Key(role), role); err != nil {
			return fmt.Errorf("move the store: %w", err)
		}
	}
	return nil
}

// followed says how long the log in another store was; nil if there is none to
// follow. Nothing of it is carried over: it stays, to be read and verified.
func (a *app) followed(ctx context.Context, l layout.Store, dir string) (*entry.Succession, error) {
	if dir == "" {
		return nil, nil
	}
	dirs, err := absolute([]string{l.Dir, dir})
	if err != nil {
		return nil, err
	}
	old := layout.Store{Dir: dirs[1]}
	if within(dirs[0], dirs[1]) || within(dirs[1], dirs[0]) {
		return nil, usagef("--follows names another store than the new one")
	}
	note, err := a.belief(old)
	if err != nil {
		return nil, err
	}
	cp, err := believed.Newest(ctx, old, note)
	if err != nil {
		err = fmt.Errorf("find out how long the log in %s was: %w", dir, err)
		return nil, withHint(err, "--follows names the directory of a store, as --data does")
	}
	a.talk("follows      %s, of %s", cp.Origin, entries(cp.Size))
	return &entry.Succession{Origin: cp.Origin, Size: cp.Size, Root: cp.Root}, nil
}

// door is a store that is served.
type door struct {
	*server.Server
	layout   layout.Store
	url      string
	endpoint server.Endpoint
	listener net.Listener
	metrics  net.Listener // nil: none
}

// doorOptions are what settings do not say.
type doorOptions struct {
	follows *entry.Succession     // the log that a new one follows; nil: none
	tell    func(finding.Finding) // told what is found about sources; nil: the diagnostics alone
}

// openDoor opens the store and the listeners.
func (a *app) openDoor(ctx context.Context, l layout.Store, set settings.Serve, o doorOptions) (_ *door, err error) {
	note, err := a.belief(l)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(l.Keys(), 0o700); err != nil {
		return nil, hintStore(err)
	}
	cert, err := certificate(l, set)
	if err != nil {
		return nil, hintStore(err)
	}
	d := &door{layout: l}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.closeListeners())
		}
	}()
	if d.listener, err = net.Listen("tcp", set.Listen); err != nil {
		if l.Writing() {
			return nil, withHint(err, "this store is served already; stop that process first, or name another store with --data")
		}
		return nil, withHint(err, "name another address with --listen")
	}
	if set.Metrics.Listen != "" {
		if d.metrics, err = net.Listen("tcp", set.Metrics.Listen); err != nil {
			return nil, withHint(err, "name another address with --metrics")
		}
	}
	d.Server, err = server.New(ctx, server.Config{
		Layout: l, Certificate: cert, Names: set.Names, Queue: int64(set.Limits.Queue), Request: int64(set.Limits.Request), Alert: o.tell, Diag: a.diag(),
		Open: func(ctx context.Context) (*store.Store, error) {
			return store.Open(ctx, store.Config{Layout: l, Trust: note, Version: version(), Erasers: set.Erasers, Follows: o.follows, Diag: a.diag()})
		},
	})
	if err != nil {
		return nil, hintStore(err)
	}
	d.listener = netutil.LimitListener(d.listener, set.Limits.Streams)
	d.url = "https://" + reachable(d.listener.Addr().(*net.TCPAddr), set.Names)
	d.endpoint = d.Endpoint(d.url)
	d.endpoint.Local = "https://" + d.listener.Addr().String() // the address of no host is dialled as this one
	if err := d.endpoint.Write(l); err != nil {
		return nil, errors.Join(err, d.Close(ctx))
	}
	return d, nil
}

// hintStore puts into words what can go wrong with opening a store.
func hintStore(err error) error {
	switch {
	case errors.Is(err, store.ErrBegun):
		return withHint(err, "what a log follows is said when it begins; name an empty directory with --data")
	case errors.Is(err, keyfile.ErrOtherMachine):
		return withHint(err, "if the store was moved here and the other machine writes to it no more: stele serve --moved")
	case errors.Is(err, durable.ErrLocked):
		return withHint(err, "another process writes to this store; stop it first, or name another store with --data")
	case errors.Is(err, fs.ErrPermission):
		return withHint(err, "name a store of your own with --data DIR, or run as the user who owns this one")
	}
	return err
}

// certificate reads the server's certificate, or makes one whose key is pinned by
// join tokens.
func certificate(l layout.Store, set settings.Serve) (tls.Certificate, error) {
	cert, key := set.TLS.Certificate, set.TLS.Key
	if cert == "" {
		cert, key = filepath.Join(l.Keys(), "tls.crt"), filepath.Join(l.Keys(), "tls.key")
		if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) {
			if err := makeCertificate(cert, key, set.Names); err != nil {
				return tls.Certificate{}, err
			}
		}
	}
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return c, fmt.Errorf("certificate of the server: %w", err)
	}
	return c, nil
}

// makeCertificate writes the key last: a crash before that leaves no key, and
// both are made anew.
func makeCertificate(cert, key string, names []string) error {
	names = append([]string{"localhost", "127.0.0.1", "::1", hostName()}, names...)
	c, k, err := mtls.NewServer(names)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS, cert, c, 0o600); err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, key, k, 0o600)
}

// reachable is the address by which other hosts reach a listener, as far as this
// one can tell.
func reachable(addr *net.TCPAddr, names []string) string {
	host := addr.IP.String()
	switch {
	case len(names) > 0:
		host = names[0]
	case addr.IP.IsUnspecified():
		host = ownAddress()
	}
	return net.JoinHostPort(host, fmt.Sprint(addr.Port))
}

// ownAddress is the first address of this machine that others could use.
func ownAddress() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// run serves until the context ends or a listener fails.
func (d *door) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.Serve(d.listener); err != nil {
			cancel(err)
		}
	})
	var metrics *http.Server
	if d.metrics != nil {
		metrics = &http.Server{Handler: d.Metrics(), ReadHeaderTimeout: 10 * time.Second}
		wg.Go(func() {
			if err := metrics.Serve(d.metrics); !errors.Is(err, http.ErrServerClosed) {
				cancel(err)
			}
		})
	}
	<-ctx.Done()
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if metrics != nil {
		err = errors.Join(err, metrics.Close())
	}
	err = errors.Join(err, d.shut())
	wg.Wait()
	return err
}

// shut ends the server and takes its endpoint away.
func (d *door) shut() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := d.Close(ctx)
	if rm := os.Remove(d.layout.Endpoint()); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}

func (d *door) closeListeners() error {
	var errs []error
	for _, l := range []net.Listener{d.listener, d.metrics} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// trimURL is an address as people type it.
func trimURL(s string) string { return strings.TrimSuffix(s, "/") }
