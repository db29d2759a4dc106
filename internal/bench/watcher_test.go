package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
)

// Watching is a watcher with its spool, in a process of its own.
type Watching struct {
	measuredFar
	dir     string
	cancel  context.CancelFunc
	ended   chan error
	spool   *spool.Spool
	watcher *watcher.Watcher
	server  *timed
}

func watcherFar(dir string) (any, func() error, error) {
	w := &Watching{dir: dir, ended: make(chan error, 1)}
	return w, w.stop, nil
}

func (w *Watching) stop() error {
	if w.cancel == nil {
		return nil
	}
	w.cancel()
	return errors.Join(<-w.ended, w.spool.Close())
}

// WatchOrder says what to watch, for which host, and whom to tell.
type WatchOrder struct {
	Where Where
	Host  int
	Path  string
}

// Begin starts the watcher and returns once all it found is acknowledged; it
// answers how many files it watches.
func (w *Watching) Begin(o WatchOrder, files *int) error {
	cfg, err := w.config(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if w.watcher, err = watcher.New(ctx, cfg); err != nil {
		cancel()
		return errors.Join(err, w.spool.Close())
	}
	w.cancel = cancel
	go func() { w.ended <- w.watcher.Run(ctx) }()
	<-w.watcher.Ready()
	*files = w.watcher.Status().Watched
	return w.until(func() bool { return w.spool.Len() == 0 && w.server.count() > 0 })
}

func (w *Watching) config(o WatchOrder) (cfg watcher.Config, err error) {
	cert, err := mtls.Source(hostSeed(o.Host))
	if err != nil {
		return cfg, err
	}
	c, err := client.New(client.Config{URL: o.Where.URL, Pin: o.Where.Pin, Certificate: &cert})
	if err != nil {
		return cfg, err
	}
	w.server = &timed{Client: c}
	if cfg.Key, err = entry.NewSecretKey(hostSeed(o.Host)); err != nil {
		return cfg, err
	}
	if cfg.LogKey, err = entry.ParseLogKey(o.Where.VKey); err != nil {
		return cfg, err
	}
	if cfg.Catalogue, err = catalogue.Builtin(); err != nil {
		return cfg, err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := redact.NewKey(secret)
	if err != nil {
		return cfg, err
	}
	if w.spool, err = spool.Open(spool.Config{Dir: w.dir, FS: durable.OS}); err != nil {
		return cfg, err
	}
	cfg.Server, cfg.Spool, cfg.Redactor, cfg.DigestKey = w.server, w.spool, redact.New(redact.Config{Key: key}), secret
	cfg.Paths, cfg.Claims = []string{o.Path}, func(p string) bool { return strings.HasPrefix(p, o.Path+"/") }
	cfg.Host, cfg.Version, cfg.Now, cfg.ScanEvery = hostName(o.Host), "1.0.0", time.Now, 5*time.Minute
	return cfg, nil
}

// Shipment is when an entry was accepted and when it was acknowledged.
type Shipment struct{ Accepted, Acknowledged time.Time }

// Shipped waits until more than n entries are acknowledged, and answers when the
// last was.
func (w *Watching) Shipped(n int, out *Shipment) error {
	err := w.until(func() bool { return w.server.count() > n && w.spool.Len() == 0 })
	*out = Shipment{w.server.last(), time.Now()}
	return err
}

// Count answers how many entries were accepted.
func (w *Watching) Count(_ None, n *int) error {
	*n = w.server.count()
	return nil
}

// until polls until something is so.
func (w *Watching) until(done func() bool) error {
	deadline := time.After(10 * time.Minute)
	poll := time.NewTicker(500 * time.Microsecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-poll.C:
		case err := <-w.ended:
			w.ended <- err
			return fmt.Errorf("the watcher has ended: %w", err)
		case <-deadline:
			return fmt.Errorf("%d entries accepted, %d in the spool after ten minutes", w.server.count(), w.spool.Len())
		}
	}
	return nil
}

// timed is a server as the watcher sees it; it notes when entries are accepted.
type timed struct {
	*client.Client
	mu       sync.Mutex
	accepted []time.Time
}

func (s *timed) Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	answers, err := s.Client.Submit(ctx, subs)
	s.mu.Lock()
	defer s.mu.Unlock()
	for range answers {
		s.accepted = append(s.accepted, time.Now())
	}
	return answers, err
}

func (s *timed) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.accepted)
}

func (s *timed) last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted[len(s.accepted)-1]
}

// watched measures a watcher: how long a write takes to become an acknowledged
// entry, and what watching costs while nothing happens.
func (f *fleet) watched(t *testing.T, tab *table, n sizes) {
	dir := t.TempDir()
	for i := range n.watched {
		f.write(t, dir, i, 0)
	}
	w := startFar(t, "watcher", t.TempDir())
	last := len(f.hosts) - 1
	files := ask[int](t, w, "Begin", WatchOrder{f.where, last, dir})
	if files < n.watched {
		t.Fatalf("the watcher watches %d files of %d", files, n.watched)
	}
	f.idle(t, tab, n, w, files)
	accepted, acknowledged := make([]time.Duration, n.writes), make([]time.Duration, n.writes)
	for i := range n.writes {
		before := ask[int](t, w, "Count", None{})
		start := time.Now()
		f.write(t, dir, i%n.watched, 1+i/n.watched)
		s := ask[Shipment](t, w, "Shipped", before)
		accepted[i], acknowledged[i] = s.Accepted.Sub(start), s.Acknowledged.Sub(start)
	}
	tab.add(latencies("write → accepted", accepted, aim{most: 2000}, "a change set closes when its actor has been quiet for 700 ms"))
	tab.add(latencies("write → acknowledged", acknowledged, aim{most: 2000}, "the same, then a checkpoint, 100 ms apart"))
}

func (f *fleet) write(t *testing.T, dir string, file, version int) {
	name := filepath.Join(dir, fmt.Sprintf("%02d", file/100), fmt.Sprintf("input-%04d.conf", file))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text("watched", file%filesPerHost, version), 0o644); err != nil {
		t.Fatal(err)
	}
}

func latencies(what string, took []time.Duration, a aim, limit string) row {
	slices.Sort(took)
	at := func(share float64) time.Duration { return took[min(int(float64(len(took))*share), len(took)-1)] }
	return row{
		what: what + ", p50", measured: quantity{float64(at(0.5)) / 1e6, "ms"}, aim: a, limit: limit,
		detail: fmt.Sprintf("p99 %s of %d writes, one after the other", millis(at(0.99)), len(took)),
	}
}

// idle measures a watcher while nothing happens.
func (f *fleet) idle(t *testing.T, tab *table, n sizes, w *far, files int) {
	before := ask[Usage](t, w, "Usage", None{})
	start := time.Now()
	<-time.After(n.idle) // nothing is waited for: this is what is measured
	u := ask[Usage](t, w, "Usage", None{})
	share := float64(u.CPU-before.CPU) / float64(time.Since(start)) * 100
	tab.add(row{
		what: fmt.Sprintf("idle watcher of %s files", thousands(int64(files))), measured: quantity{share, "% of a core"}, aim: aim{most: 1},
		limit: "a look ten times a second whether a change set closes; beats; no scan in it", detail: fmt.Sprintf("resident %s, at most %s", mebibytes(u.Resident), mebibytes(u.Peak)),
	})
}
