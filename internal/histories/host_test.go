package histories

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// pace is that of a watcher whose days pass in milliseconds.
var pace = watcher.Pace{
	Quiet: 3 * time.Millisecond, Long: 10 * time.Millisecond,
	RetryFirst: 2 * time.Millisecond, RetryMost: 40 * time.Millisecond,
	LookUp: 5 * time.Second, Drain: 20 * time.Millisecond,
}

const beatEvery = 150 * time.Millisecond

// version is what a file said at one time.
type version struct {
	text string
	gone bool
	must bool // whoever was told of it must have it recorded
}

// host is a machine with files, a disk and a watcher that comes and goes.
type host struct {
	world  *world
	n      int
	name   string
	dir    string // of the spool
	limit  int64
	key    entry.SecretKey
	cert   tls.Certificate
	wires  *wires
	road   *road
	diag   tail
	paths  []string
	counts map[string]int // of versions made of each path

	mu      sync.Mutex
	truth   map[string][]version
	alerts  []finding.Finding
	unheard []verify.Code // that its server is rightly accused of
	clock   time.Duration // by which its clock is wrong
	passed  time.Duration // that its patience was made to think went by
	began   patience.Moment
	forgot  bool // its spool went back: it may not know any more of a file that is gone
	flipped bool // a bit of its spool was
	folds   bool // its spool was full: of what comes then the latest is enough

	patience *patience.Clock // of its watchers, one after the other

	run *run // nil: its watcher is down

	// What happened to it that a verdict or an alert may tell of.
	may map[verify.Code]bool
}

func (h *host) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.clock)
}

// steady is the time by which its patience is measured: what this process could do,
// for all hosts live in it, and what the history made pass.
func (h *host) steady() time.Time {
	able := machine.Now().Able(h.began)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.began.Time.Round(0).Add(able + h.passed)
}

// wait makes time pass in which it hears nothing.
func (h *host) wait(d time.Duration) {
	const beat = 100 * time.Millisecond
	for ; d > 0; d -= beat {
		h.mu.Lock()
		h.passed += min(d, beat)
		h.mu.Unlock()
		h.patience.Beat()
	}
}

// patient is for how long a watcher waits before it accuses its server of silence.
var patient = map[verify.Code]time.Duration{finding.NoReceipt: time.Minute, finding.NoAnswer: 90 * time.Second}

func (h *host) told(f finding.Finding) {
	if h.world.cheat.deaf {
		return
	}
	within, silence := patient[f.Code]
	unheard := h.patience.Now().Able(h.road.heardAt(f.Code))
	h.mu.Lock()
	defer h.mu.Unlock()
	if silence && unheard >= within { // it was cut off for so long, and the server does not answer
		h.unheard = append(h.unheard, f.Code)
	}
	h.alerts = append(h.alerts, f)
}

// edit gives a file another text, or removes it, and tells the watcher.
func (h *host) edit(path string, size int, gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[path]++
	v := version{gone: gone, must: h.run != nil && h.run.script.scanned && !h.folds}
	if !gone {
		v.text = fmt.Sprintf("host %d\npath %s\nedition %d\n%s", h.n, path, h.counts[path], filler(size))
	}
	first := len(h.truth[path]) == 0 || h.truth[path][len(h.truth[path])-1].gone
	if gone && first {
		return // it is not there
	}
	h.truth[path] = append(h.truth[path], v)
	if h.run != nil {
		h.run.script.tell(h.observation(path, v, first))
	}
}

func filler(n int) string {
	b := make([]byte, 0, n)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "line %d\n", i)
	}
	return string(b)
}

// observation is how capture words a change. The caller holds mu.
func (h *host) observation(path string, v version, first bool) capture.Observation {
	uid := uint32(1000)
	o := capture.Observation{
		Path: path, Time: time.Now().Add(h.clock), Layer: capture.LayerFanotify, Confidence: body.Certain,
		Who: &body.Who{UID: &uid, PID: 100 + h.n, Exe: "/usr/bin/vi"},
	}
	switch {
	case v.gone:
		o.Action = body.Delete
		return o
	case first:
		o.Action = body.Create
	default:
		o.Action = body.Modify
	}
	o.Content, o.HasContent, o.Size, o.Mode = []byte(v.text), true, int64(len(v.text)), 0o100644
	o.Known = inode.Known{Size: o.Size, Mode: o.Mode, Digest: sha256.Sum256(o.Content)}
	return o
}

// scan is what the scan at a start finds: how things stand, compared with what
// was recorded of them. The caller holds mu.
func (h *host) scan(known map[string]inode.Known) (found []capture.Observation) {
	for _, path := range h.paths {
		vs := h.truth[path]
		k, recorded := known[path]
		if len(vs) == 0 {
			continue
		}
		v := vs[len(vs)-1]
		o := h.observation(path, v, false)
		if v.gone && !recorded || !v.gone && recorded && k.Digest == o.Known.Digest {
			continue
		}
		o.Who, o.Confidence, o.Layer = nil, body.Unknown, capture.LayerScan
		if !recorded {
			o.Action = body.Baseline
		}
		found = append(found, o)
	}
	return found
}

// run is one life of a host's watcher.
type run struct {
	disk   *disk
	spool  *spool.Spool
	client *client.Client
	script *script
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done
	w      atomic.Pointer[watcher.Watcher]
	before map[string]int // versions of each path when it began
}

// start begins a life. A host without a spool waits for the server, as the
// command does.
func (h *host) start() error {
	r := &run{disk: newDisk(), done: make(chan struct{})}
	var err error
	if r.spool, err = spool.Open(spool.Config{Dir: h.dir, FS: r.disk, Limit: h.limit}); err != nil {
		return fmt.Errorf("%s: open spool: %w", h.name, err)
	}
	if r.client, err = client.New(client.Config{
		URL: "https://127.0.0.1:1", Pin: h.world.pin, Certificate: &h.cert, Now: h.now, Dial: h.wires.dial,
	}); err != nil {
		return err
	}
	h.road.Server = r.client
	r.script = newScript(h)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	h.mu.Lock()
	h.run = r
	r.before = make(map[string]int)
	for p, vs := range h.truth {
		r.before[p] = len(vs)
	}
	h.mu.Unlock()
	go func() {
		defer close(r.done)
		r.err = h.live(ctx, r)
	}()
	return nil
}

func (h *host) live(ctx context.Context, r *run) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		w, err := watcher.New(ctx, h.config(r))
		if err == nil {
			r.w.Store(w)
			return w.Run(ctx)
		}
		if !errors.Is(err, wire.ErrUnreachable) {
			return fmt.Errorf("%s: begin: %w", h.name, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (h *host) config(r *run) watcher.Config {
	return watcher.Config{
		Key: h.key, LogKey: h.world.logKey, Server: h.road, Spool: r.spool, Host: h.name, Version: "test",
		Catalogue: h.world.catalogue, Redactor: h.world.redactor, DigestKey: make([]byte, 32),
		BeatEvery: beatEvery, Alert: h.told, Now: h.now, Clock: h.patience, Pace: pace,
		Diag:    slog.New(slog.NewTextHandler(&h.diag, nil)),
		Capture: r.script.attach,
	}
}

// watcher is the watcher that runs, nil while there is none.
func (h *host) watcher() *watcher.Watcher {
	if h.run == nil {
		return nil
	}
	return h.run.w.Load()
}

// settled reports whether the host's files are on record as they stand, and
// everything the watcher has signed is acknowledged.
func (h *host) settled() bool {
	return h.watcher() != nil && h.run.spool.Len() == 0 && h.recorded()
}

// recorded reports whether what the spool knows of each path is how it stands.
func (h *host) recorded() bool {
	states := h.run.spool.States()
	h.mu.Lock()
	defer h.mu.Unlock()
	for path, v := range h.latest() {
		st, ok := states[path]
		var k inode.Known
		if ok && json.Unmarshal(st.Known, &k) != nil {
			return false
		}
		there := ok && !st.Gone
		if there == v.gone || there && k.Digest != sha256.Sum256([]byte(v.text)) {
			return false
		}
	}
	return true
}

func (h *host) found(code verify.Code) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.alerts, func(f finding.Finding) bool { return f.Code == code && !f.Over })
}

// stop ends the watcher in good order: what it was told of is in the spool.
func (h *host) stop() error {
	r := h.down()
	r.cancel()
	<-r.done
	r.client.Close()
	if err := errors.Join(r.err, r.spool.Close()); err != nil {
		return fmt.Errorf("%s: watcher ends: %w", h.name, err)
	}
	return nil
}

// crash ends everything on the host at once. What the watcher was told of and
// had not recorded yet is nobody's promise.
func (h *host) crash() {
	r := h.down()
	r.disk.dead.Store(true)
	r.script.drop()
	h.wires.set(true)
	r.cancel()
	<-r.done
	h.road.drop()
	r.client.Close()
	r.spool.Close() // the disk answers nothing
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, vs := range h.truth {
		for i := r.before[p]; i < len(vs); i++ {
			vs[i].must = false
		}
	}
}

func (h *host) down() *run {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.run
	h.run = nil
	return r
}

// forget says that nothing this host had not handed in has to be recorded: its
// disk is no longer what it was.
func (h *host) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, vs := range h.truth {
		for i := range vs {
			vs[i].must = false
		}
	}
}

// script is a capture that follows what a host tells it.
type script struct {
	h     *host
	ready chan struct{}
	news  chan struct{}

	cfg capture.Config

	scanned bool // the scan has been made; guarded by the host's mu

	mu      sync.Mutex
	queue   []capture.Observation
	dropped bool
}

func newScript(h *host) *script {
	return &script{h: h, ready: make(chan struct{}), news: make(chan struct{}, 1)}
}

func (s *script) attach(cfg capture.Config) (watcher.Capture, error) {
	s.cfg = cfg
	return s, nil
}

func (s *script) Ready() <-chan struct{} { return s.ready }

func (s *script) Add([]string) error { return nil }

func (s *script) Ran(func(actor.Actor, string) bool, time.Time) actor.Actor { return actor.Actor{} }

func (s *script) Status() capture.Status { return capture.Status{} }

func (s *script) tell(o capture.Observation) {
	s.mu.Lock()
	s.queue = append(s.queue, o)
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *script) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = true
}

// take takes what was told since.
func (s *script) take() []capture.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue
	s.queue = nil
	if s.dropped {
		return nil
	}
	return q
}

// Run hands over what the scan finds and then whatever is told, to the last of
// it when ctx ends.
func (s *script) Run(ctx context.Context) error {
	s.h.mu.Lock()
	s.take() // the scan sees what it told of
	found := s.h.scan(s.cfg.Known)
	s.scanned = true
	s.h.mu.Unlock()
	b := capture.Batch{Observations: found}
	if !s.cfg.Since.IsZero() && len(found) > 0 {
		b.Gap = &capture.Gap{Since: s.cfg.Since, Cause: capture.CauseDown}
	}
	if err := s.hand(ctx, b); err != nil {
		return err
	}
	close(s.ready)
	for {
		if err := s.hand(ctx, capture.Batch{Observations: s.take()}); err != nil {
			return err
		}
		select {
		case <-s.news:
		case <-ctx.Done():
			return s.hand(ctx, capture.Batch{Observations: s.take()})
		}
	}
}

func (s *script) hand(ctx context.Context, b capture.Batch) error {
	if b.Gap == nil && len(b.Observations) == 0 {
		return nil
	}
	if lose := s.h.world.cheat.lose; lose != nil {
		b.Observations = slices.DeleteFunc(b.Observations, lose)
	}
	if s.h.world.cheat.echo {
		b.Observations = slices.Concat(b.Observations, b.Observations)
	}
	return s.cfg.Handle(ctx, b)
}

// latest is how the files of a host stand. The caller holds mu.
func (h *host) latest() map[string]version {
	all := make(map[string]version)
	for _, p := range slices.Sorted(maps.Keys(h.truth)) {
		vs := h.truth[p]
		all[p] = vs[len(vs)-1]
	}
	return all
}
