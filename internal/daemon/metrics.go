package daemon

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/watcher"
)

// serveMetrics shows at an address on loopback how a watcher is doing; nowhere
// if there is none.
func serveMetrics(addr string, w *watcher.Watcher, s *spool.Spool) (stop func() error, err error) {
	if addr == "" {
		return func() error { return nil }, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(watchMetrics(w, s), promhttp.HandlerOpts{}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	return func() error {
		err := srv.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

// watchMetrics names no host, path or person.
func watchMetrics(w *watcher.Watcher, s *spool.Spool) *prometheus.Registry {
	r := prometheus.NewRegistry()
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
	}
	gauge("stele_watch_pending_entries", "Entries that wait to be acknowledged.", func() float64 { return float64(s.Len()) })
	gauge("stele_watch_room_bytes", "Bytes of entries there is room for.", func() float64 { return float64(s.Room()) })
	gauge("stele_watch_believed_entries", "Entries under the newest checkpoint that was verified.", func() float64 { return float64(w.Believed().Size) })
	gauge("stele_watch_files", "Files watched.", func() float64 { return float64(w.Status().Watched) })
	gauge("stele_watch_findings", "Findings of this watcher now.", func() float64 { return float64(len(w.Findings())) })
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}
