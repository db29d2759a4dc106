package server

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
)

// metrics are what an operator watches. They name no host, path or person.
type metrics struct {
	registry *prometheus.Registry
	answers  *prometheus.CounterVec // by outcome
	refused  *prometheus.CounterVec // requests, by status
	findings *prometheus.CounterVec // by code
	queued   prometheus.Gauge       // bytes
	took     prometheus.Histogram   // seconds to accept
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stele_entries_total", Help: "Entries handed in, by outcome: accepted, duplicate or refused.",
		}, []string{"outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stele_requests_refused_total", Help: "Requests that were not answered with success, by status.",
		}, []string{"status"}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stele_findings_total", Help: "Findings of this server about sources, by code.",
		}, []string{"code"}),
		queued: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "stele_queue_bytes", Help: "Bytes of submissions held in memory.",
		}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "stele_accept_seconds", Help: "Time from a batch that was read to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
	}
	gauge := func(name, help string, f func(context.Context, *store.Store) float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() (v float64) {
			s.keeper.use(context.Background(), func(ctx context.Context, srv *store.Store) error {
				v = f(ctx, srv)
				return nil
			})
			return v
		})
	}
	m.registry.MustRegister(
		m.answers, m.refused, m.findings, m.queued, m.took,
		gauge("stele_log_entries", "Entries in the log.", func(_ context.Context, srv *store.Store) float64 { return float64(srv.Size()) }),
		gauge("stele_log_checkpoint_entries", "Entries under the newest checkpoint.", func(_ context.Context, srv *store.Store) float64 { return float64(srv.Published()) }),
		gauge("stele_index_entries", "Entries the index has taken in.", func(ctx context.Context, srv *store.Store) float64 {
			n, err := srv.Index().Next(ctx)
			if err != nil {
				return 0
			}
			return float64(n)
		}),
		gauge("stele_accepting", "1 while entries are taken.", func(_ context.Context, srv *store.Store) float64 {
			if srv.Err() != nil {
				return 0
			}
			return 1
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "stele_sources_present", Help: "Sources heard from of late."}, s.countPresent),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func (s *Server) countPresent() float64 {
	n, now := 0, s.clock.Now()
	for _, p := range s.peers.all() {
		if p.Here(now) {
			n++
		}
	}
	return float64(n)
}

func (m *metrics) submitted(answers []wire.Answer, took time.Duration) {
	m.took.Observe(took.Seconds())
	var accepted, duplicate, refused float64
	for i := range answers {
		switch {
		case answers[i].Refused != nil:
			refused++
		case answers[i].Duplicate:
			duplicate++
		default:
			accepted++
		}
	}
	m.answers.WithLabelValues("accepted").Add(accepted)
	m.answers.WithLabelValues("duplicate").Add(duplicate)
	m.answers.WithLabelValues("refused").Add(refused)
}

// Metrics answers what the listener for machines that watch this one is asked:
// /metrics, /healthz and /readyz. It is for loopback.
func (s *Server) Metrics() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("GET "+wire.PathHealthy, s.plain(s.healthy))
	mux.Handle("GET "+wire.PathReady, s.plain(s.ready))
	return s.guard(mux)
}
