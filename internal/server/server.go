// Package server is the server's door to the network: it says who may come in,
// how much each may bring, and answers over HTTPS what the store says.
//
// The log is open to everyone, and so are the checkpoints of it that sources handed
// on: both are opaque, and whoever wants to check the log needs no leave. Everything else needs authority, on loopback too: a source shows the
// key it was enrolled with, a reader or an operator a secret. What is accepted is
// judged by intake, never here.
//
// What is odd about a source is found here or by the intake, and told in three
// ways: counted, alerted, and recorded as a signed finding, folded so that nobody
// can fill the log with it. Who is present is told by roll calls that show the
// signed beats they rely on.
//
// A full queue is answered 429 and a full disk 507; the sender keeps what it
// has. A store that has stopped is opened again while the server goes on.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/tokens"
	"github.com/stele-log/stele/internal/wire"
)

// Config says what is served, and to whom.
type Config struct {
	Open        func(context.Context) (*store.Store, error) // opens the store, or opens it again
	Layout      layout.Store
	Certificate tls.Certificate // shown to clients
	Names       []string        // host names by which clients may call this server, beside its addresses
	Queue       int64           // bytes of submissions held at once; 0: 256 MiB
	Request     int64           // bytes of one request; 0: as much as wire allows
	Now         func() time.Time
	Clock       *patience.Clock       // by which patience with sources is measured; nil: one of its own. Whoever gives it has it run
	Alert       func(finding.Finding) // told what is found; it must not wait
	Diag        *slog.Logger

	allowed allowance // tests have less
}

// allowance is how long a client may take: for the head of a request, and for the
// body of one that brings entries or for a frame.
type allowance struct{ head, body time.Duration }

// Times that bound what a client can hold on to.
const (
	headerTimeout = 10 * time.Second // for a handshake and the head of a request
	bodyTimeout   = 60 * time.Second // for the body of a request, or one frame of a stream
	waitTimeout   = 30 * time.Second // for a checkpoint that covers an entry
	replyTimeout  = 60 * time.Second // for taking an answer; a file of the log may take longer
	fileTimeout   = 5 * time.Minute
	idleTimeout   = 3 * time.Minute
	pingEvery     = 30 * time.Second
)

// Server answers requests. New, Serve, Close.
type Server struct {
	cfg      Config
	clock    *patience.Clock
	busy     busy // of the goroutine that calls the roll
	keeper   *keeper
	tokens   *tokens.Tokens
	admin    string // the operator's secret of this run
	pin      string
	vkey     string
	queue    *semaphore.Weighted
	zipping  *semaphore.Weighted // of bundles
	handing  *semaphore.Weighted // of the checkpoints of sources
	seen     *checkpoints.Kept
	peers    *peers
	findings *findings
	metrics  *metrics
	reads    *Answerer
	access   *access
	http     *http.Server
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

// New opens the store and prepares the server. Close ends both.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Diag == nil {
		cfg.Diag = slog.New(slog.DiscardHandler)
	}
	if cfg.Alert == nil { // the diagnostics have it in any case
		cfg.Alert = func(f finding.Finding) { f.Log(cfg.Diag) }
	}
	if cfg.allowed == (allowance{}) {
		cfg.allowed = allowance{headerTimeout, bodyTimeout}
	}
	if cfg.Queue == 0 {
		cfg.Queue = 256 << 20
	}
	if cfg.Request == 0 || cfg.Request > wire.MaxBatch {
		cfg.Request = wire.MaxBatch
	}
	clock := cfg.Clock
	if clock == nil {
		clock = patience.New(cfg.Now)
	}
	s := &Server{
		cfg: cfg, clock: clock, busy: busy{since: clock.Now()}, queue: semaphore.NewWeighted(cfg.Queue), peers: newPeers(cfg.Queue / 4),
		zipping: semaphore.NewWeighted(zippedAtOnce), handing: semaphore.NewWeighted(handedAtOnce), findings: newFindings(),
		reads: NewAnswerer(cfg.Layout, cfg.Diag), access: newAccess(),
	}
	s.keeper = &keeper{open: cfg.Open, opened: s.opened, diag: cfg.Diag}
	var err error
	if s.pin, err = mtls.PinOf(cfg.Certificate); err != nil {
		return nil, fmt.Errorf("certificate of the server: %w", err)
	}
	s.metrics = newMetrics(s)
	if err := s.keeper.start(ctx); err != nil {
		return nil, err
	}
	s.vkey = s.keeper.srv.LogKey().VKey()
	if s.tokens, s.admin, err = tokens.Open(cfg.Layout.Keys(), cfg.Now); err != nil {
		return nil, errors.Join(err, s.keeper.stop(ctx))
	}
	if s.seen, err = checkpoints.Open(durable.OS, cfg.Layout.Dir); err != nil { // the store is ours alone
		return nil, errors.Join(err, s.keeper.stop(ctx))
	}
	s.http = s.newHTTP()
	run, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.wg.Go(func() { s.keeper.run(run) })
	s.clock.Through(s.keeper.pass)
	if cfg.Clock == nil {
		s.wg.Go(func() { s.clock.Run(run) })
	}
	s.wg.Go(func() { s.roll(run) })
	s.wg.Go(func() { s.record(run) })
	s.wg.Go(func() { s.tellAccess(run) })
	return s, nil
}

// opened is told of a store that was opened, before anything is done with it.
func (s *Server) opened(srv *store.Store) {
	srv.Tell(s.tellOdd)
	s.expect(srv)
}

func (s *Server) newHTTP() *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		TLSConfig:         mtls.ServerConfig(s.cfg.Certificate),
		ReadHeaderTimeout: s.cfg.allowed.head,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.cfg.Diag.Handler(), slog.LevelDebug), // strangers cause these
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 64, SendPingTimeout: pingEvery,
			MaxReceiveBufferPerStream: 1 << 20, MaxReceiveBufferPerConnection: 2 << 20,
			MaxReadFrameSize: 16 << 10, // each connection keeps as much for good
		},
	}
}

// Serve answers what comes in at l until Close.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve at %s: %w", l.Addr(), err)
	}
	return nil
}

// Close lets requests end, ends streams, and closes the store.
func (s *Server) Close(ctx context.Context) error {
	s.cancel()
	quick, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := s.http.Shutdown(quick)
	if errors.Is(err, context.DeadlineExceeded) { // streams have no end of their own
		err = s.http.Close()
	}
	s.wg.Wait()
	return errors.Join(err, s.reads.Close(), s.seen.Close(), s.keeper.stop(ctx))
}

// Endpoint is how a process on this machine reaches the server as its operator.
func (s *Server) Endpoint(url string) Endpoint {
	return Endpoint{URL: url, Pin: s.pin, VKey: s.vkey, Secret: s.admin}
}

// Store lends the store to a part of this very process.
func (s *Server) Store(ctx context.Context, do func(context.Context, *store.Store) error) error {
	return s.keeper.use(ctx, do)
}

// Handler answers every request.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, h handler) { mux.Handle(pattern, s.plain(h)) }
	on("GET "+wire.PathLog+"{path...}", s.tiles)
	on("GET "+wire.PathCheckpoints, s.handCheckpoints)
	on("GET "+wire.PathHealthy, s.healthy)
	on("GET "+wire.PathReady, s.ready)
	on("POST "+wire.PathEnrol, s.enrol)
	on("POST "+wire.PathEntries, s.source(s.entries))
	on("POST "+wire.PathStream, s.source(s.stream))
	on("POST "+wire.PathReceipt, s.source(s.receipt))
	on("POST "+wire.PathBeat, s.source(s.beat))
	on("GET "+wire.PathHead, s.source(s.head))
	on("POST "+wire.PathLatest, s.source(s.latest))
	on("GET "+wire.PathImported, s.source(s.imported))
	on("GET "+wire.PathEntry, s.source(s.entry))
	on("POST "+wire.PathRead, s.reader(s.read))
	on("GET "+wire.PathReadIdentity, s.reader(s.identity))
	on("GET "+wire.PathReadSources, s.reader(s.readSources))
	on("POST "+wire.PathTokens, s.operator(s.giveToken))
	on("GET "+wire.PathTokens, s.operator(s.listTokens))
	on("DELETE "+wire.PathTokens+"/{id}", s.operator(s.withdrawToken))
	on("GET "+wire.PathSources, s.operator(s.listSources))
	on("POST "+wire.PathRevoke, s.operator(s.revoke))
	return s.guard(mux)
}
