package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/watcher"
)

// Machine is a store that is served and a watcher, in one process.
type Machine struct {
	Listener *Listener
	Watcher  *watcher.Watcher
	Spool    *spool.Spool

	lock      *durable.Lock // of the watcher's directory
	ended     func()        // the watcher did, by itself
	newcomers *newcomers    // nil: nobody looks for them
}

// Run watches and serves until the context ends; ready is called once everything
// is attached. The watcher ends first: what it still holds goes into the store.
func (m *Machine) Run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	var parts sync.WaitGroup
	var servedErr error
	parts.Go(func() {
		servedErr = m.Listener.Run(serving)
		cancel()
	})
	parts.Go(func() {
		select {
		case <-m.Watcher.Ready():
			ready()
		case <-ctx.Done():
		}
	})
	if m.newcomers != nil {
		parts.Go(func() { m.newcomers.run(ctx) })
	}
	err := m.Watcher.Run(ctx)
	if err == nil {
		m.ended()
	}
	cancel()
	stopServing()
	parts.Wait()
	return errors.Join(err, servedErr, m.Spool.Close(), m.lock.Release())
}

// UpOptions say where one process with everything in it serves.
type UpOptions struct {
	Listen string // empty: the usual port of loopback, or any that is free
	Names  []string
	WatchOptions
}

// OpenMachine opens the store, its listeners and a watcher of this machine.
func (p Process) OpenMachine(ctx context.Context, o UpOptions) (_ *Machine, err error) {
	syscall.Umask(0o077) // whatever the parts write is the owner's alone
	m, l := &Machine{}, p.Layout
	if m.Listener, err = p.listenHere(ctx, o); err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			return
		}
		if m.Spool != nil {
			err = errors.Join(err, m.Spool.Close())
		}
		if m.lock != nil {
			err = errors.Join(err, m.lock.Release())
		}
		err = errors.Join(err, m.Listener.shut(), m.Listener.closeListeners())
	}()
	key, err := Source(l, entry.Watcher)
	if err != nil {
		return nil, err
	}
	host := &body.Host{Name: HostName(), Machine: keyfile.Machine(), OS: runtime.GOOS}
	err = m.Listener.Store(ctx, func(ctx context.Context, srv *store.Store) error {
		_, err := srv.Enrol(ctx, key.Public(), entry.Watcher, host)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("enrol the watcher: %w", err)
	}
	if m.lock, err = durable.LockFile(filepath.Join(l.Watch(), "lock")); err != nil {
		return nil, hint.Store(err)
	}
	if m.Spool, err = spool.Open(spool.Config{Dir: l.Watch(), FS: durable.OS, Source: key.Source(), Diag: p.Diag}); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	cfg, err := p.watcherConfig(o.WatchOptions)
	if err != nil {
		return nil, err
	}
	if cfg.LogKey, err = entry.ParseLogKey(m.Listener.Endpoint.VKey); err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	cfg.Key, cfg.Server, cfg.Spool, cfg.Host = key, m.Listener.Inside(key.Source(), host.Name), m.Spool, host.Name
	cfg.Unended, m.ended = p.begin(), p.ended
	if m.Watcher, err = watcher.New(ctx, cfg); err != nil {
		p.neverBegan(cfg.Unended)
		return m, err
	}
	if o.Discover {
		m.newcomers = p.newcomers(&cfg, m.Watcher.Add)
	}
	return m, nil
}

// listenHere serves this machine: at the usual port, or at any that is free
// where nobody asked for one.
func (p Process) listenHere(ctx context.Context, o UpOptions) (*Listener, error) {
	set := settings.Default().Serve
	set.Erasers, set.Metrics.Listen, set.Names = 1, "", o.Names
	if o.Listen != "" {
		set.Listen = o.Listen
	}
	d, err := p.Listen(ctx, set, ServeOptions{})
	if o.Listen == "" && errors.Is(err, syscall.EADDRINUSE) {
		set.Listen = "127.0.0.1:0"
		d, err = p.Listen(ctx, set, ServeOptions{})
	}
	return d, err
}
