package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/stele-log/stele/internal/alert"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/join"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
)

// Watch watches this machine, which has joined a server, until the context ends.
func (p Process) Watch(ctx context.Context, h *join.Host, set settings.Watch, o WatchOptions) error {
	alerts := alert.Start(alert.Config{Webhook: set.Alert.Webhook, Syslog: set.Alert.Syslog, Diag: p.Diag})
	defer alerts.Close()
	if o.ScanEvery == 0 {
		o.ScanEvery = set.ScanEvery
	}
	o.Paths, o.Discover, o.Probes = append(set.Paths, o.Paths...), set.Discover, set.Probes
	cfg, err := p.watcherConfig(o)
	if err != nil {
		return err
	}
	if set.Socket != "" {
		cfg.Socket, cfg.SocketMode = set.Socket, 0o666 // the kernel says who asks
	}
	cfg.Key, cfg.LogKey, cfg.Server, cfg.Spool, cfg.Host, cfg.Alert = h.Key, h.Log, h.Client, h.Spool, h.Name, alerts.Send
	cfg.Clock = h.Clock
	cfg.Unended = p.begin()
	w, err := p.newWatcher(ctx, cfg)
	if err != nil || w == nil {
		p.neverBegan(cfg.Unended)
		return err
	}
	stop, err := serveMetrics(set.Metrics.Listen, w, h.Spool)
	if err != nil {
		p.ended()
		return hint.With(err, "name another address in `metrics` of the settings")
	}
	defer stop()
	if o.Discover {
		following, stopFollowing := context.WithCancel(ctx)
		defer stopFollowing()
		go p.newcomers(&cfg, w.Add).run(following)
	}
	go func() {
		select {
		case <-w.Ready():
			p.SayWatching(w.Status())
		case <-ctx.Done():
		}
	}()
	if err := w.Run(ctx); err != nil {
		return err
	}
	p.ended()
	return nil
}

// newWatcher waits for a server that cannot be reached: a host without a spool
// has to ask it where its chain stands.
func (p Process) newWatcher(ctx context.Context, cfg watcher.Config) (*watcher.Watcher, error) {
	told := false
	for {
		w, err := watcher.New(ctx, cfg)
		if !errors.Is(err, wire.ErrUnreachable) {
			return w, hint.Answer(err)
		}
		if !told {
			p.Say("waiting for the server: %v", err)
			told = true
		}
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return nil, nil
		}
	}
}
