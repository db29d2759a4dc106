package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/monitor"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/store"
)

// Listener is a store that is served.
type Listener struct {
	*server.Server
	URL      string
	Endpoint server.Endpoint

	process  Process
	layout   layout.Store
	listener net.Listener
	metrics  net.Listener // nil: none
}

// ServeOptions are what settings do not say.
type ServeOptions struct {
	Follows *entry.Succession     // the log that a new one follows; nil: none
	Alert   func(finding.Finding) // told what is found about sources; nil: the diagnostics alone
}

// Listen opens the store and the listeners.
func (p Process) Listen(ctx context.Context, set settings.Serve, o ServeOptions) (_ *Listener, err error) {
	l := p.Layout
	if err := durable.MkdirAll(durable.OS, l.Keys(), 0o700); err != nil {
		return nil, hintStore(err)
	}
	cert, err := certificate(l, set)
	if err != nil {
		return nil, hintStore(err)
	}
	d := &Listener{process: p, layout: l}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.closeListeners())
		}
	}()
	if d.listener, err = net.Listen("tcp", set.Listen); err != nil {
		if l.Writing() {
			return nil, hint.With(err, "this store is served already; stop that process first, or name another store with --data")
		}
		return nil, hint.With(err, "name another address with --listen")
	}
	if set.Metrics.Listen != "" {
		if d.metrics, err = net.Listen("tcp", set.Metrics.Listen); err != nil {
			return nil, hint.With(err, "name another address with --metrics")
		}
	}
	d.Server, err = server.New(ctx, server.Config{
		Layout: l, Certificate: cert, Names: set.Names, Queue: int64(set.Limits.Queue), Request: int64(set.Limits.Request), Alert: o.Alert, Diag: p.Diag,
		Open: func(ctx context.Context) (*store.Store, error) {
			return store.Open(ctx, store.Config{Layout: l, Trust: p.Trust, Version: p.Version, Erasers: set.Erasers, Follows: o.Follows, Diag: p.Diag})
		},
	})
	if err != nil {
		return nil, hintStore(err)
	}
	d.listener = netutil.LimitListener(d.listener, set.Limits.Streams)
	d.URL = "https://" + reachable(d.listener.Addr().(*net.TCPAddr), set.Names)
	d.Endpoint = d.Server.Endpoint(d.URL)
	d.Endpoint.Local = "https://" + d.listener.Addr().String() // the address of no host is dialled as this one
	if err := d.Endpoint.Write(l); err != nil {
		return nil, errors.Join(err, d.Close(ctx))
	}
	return d, nil
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

// Run serves until the context ends or a listener fails.
func (d *Listener) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.Serve(d.listener); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() { d.rescans(ctx) })
	wg.Go(func() {
		monitor.Run(ctx, monitor.Config{Layout: d.layout, Trust: d.process.Trust, Tell: d.Tell, Diag: d.process.Diag})
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
func (d *Listener) shut() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := d.Close(ctx)
	if rm := os.Remove(d.layout.Endpoint()); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}

func (d *Listener) closeListeners() error {
	var errs []error
	for _, l := range []net.Listener{d.listener, d.metrics} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// hintStore puts into words what can go wrong with opening a store.
func hintStore(err error) error {
	if errors.Is(err, store.ErrBegun) {
		return hint.With(err, "--follows is for a new log; name an empty directory with --data")
	}
	return hint.Store(err)
}
