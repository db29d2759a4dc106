// Package watcher is the host's side: it turns what capture sees into signed
// entries, keeps them in the spool until the log has proved that it holds them,
// and gives reasons their place.
//
// It never blocks or slows the agents it watches, never executes anything that
// was sent to it, and never sends a text that has not been redacted.
package watcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/packages"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/probe"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Server is the part of a server that a watcher needs, across a network or not.
type Server interface {
	// Submit hands in entries. After an error nothing is known of the outcome.
	Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error)
	// Receipt proves that the entries at those indexes stand in the log, under a
	// checkpoint consistent with the tree of believed leaves.
	Receipt(ctx context.Context, believed uint64, indexes []uint64) (*wire.Receipt, error)
	// Head is where the log sees the chain of a source, and the entry it ends with
	// as that source signed it, none before the first.
	Head(ctx context.Context, src entry.Source) (record.Head, []byte, error)
	// Entry is an entry by its index, not proved.
	Entry(ctx context.Context, i uint64) ([]byte, error)
	// Latest is the latest change of each of those paths of this host.
	Latest(ctx context.Context, host string, paths []string) ([]wire.Latest, error)
	// Beat says that the source lives. It is answered with a receipt for no entry.
	Beat(ctx context.Context, b wire.Beat) (*wire.Receipt, error)
}

// Config is what a watcher works with.
type Config struct {
	Key        entry.SecretKey
	LogKey     *entry.LogKey
	Server     Server
	Spool      *spool.Spool
	Catalogue  *catalogue.Catalogue
	Redactor   *redact.Redactor
	DigestKey  []byte                 // of the digests by which unchanged content is known again
	Paths      []string               // files, directories and patterns to watch
	Claims     func(path string) bool // paths given by the user, beside the catalogue's
	Host       string
	Socket     string      // for run and explain; empty: none
	SocketMode os.FileMode // of the socket; 0: the owner's alone
	Version    string
	ScanEvery  time.Duration
	BeatEvery  time.Duration         // 0: 20 s
	Alert      func(finding.Finding) // told what is wrong, and when it is over; it must not wait
	Probes     []catalogue.Probe     // that are asked; none: nothing is
	ProbeEvery time.Duration         // 0: as [probe.Every]
	OwnEvents  bool                  // record what this very process changes too
	Now        func() time.Time
	Clock      *patience.Clock // by which patience with the server is measured; nil: one of its own. Whoever gives it has it run
	Pace       Pace            // zero: as fits a host
	Diag       *slog.Logger

	// Capture sees the changes; nil: package capture.
	Capture func(capture.Config) (Capture, error)

	// Unended says that the run before did not end by itself.
	Unended bool
}

// Capture is what sees changes and hands them over, as [capture.Capture] does.
type Capture interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
	Status() capture.Status
	Add(paths []string) error
	Ran(kind func(by actor.Actor, exe string) bool, since time.Time) actor.Actor
}

// Watcher records changes on one host. New, Run, and that is all; what it knows
// between two runs is in its spool.
type Watcher struct {
	cfg     Config
	reasons *reasons

	explained budget
	callers   callers
	capture   Capture

	mu    sync.Mutex // of chain, seen, kept, held and stale: one entry is signed at a time
	chain *record.Chain
	seen  verify.Checkpoint // that the chain names
	kept  bool              // it is kept
	held  *held             // what waits for room in the spool; nil: nothing
	stale bool              // what the spool knew of paths is not to be relied on

	// Of the goroutine that records.
	refs      map[string]ref  // latest change of each path
	besides   besides         // of the goroutine that observes
	deafSince patience.Moment // the server could not be asked, and is not for a while; zero: it could

	intake chan change   // from capture to the change sets
	wake   chan struct{} // something was spooled
	retry  chan struct{} // the server answers again

	proof chan struct{} // full while a proof is asked for: one at a time; taken before mu
	met   bool          // the log's view of this source is known; of the goroutine that ships

	believedMu sync.Mutex
	believed   verify.Checkpoint

	found  time.Time                 // when the watcher was last known to run, as the spool said at the start
	signed atomic.Pointer[time.Time] // when the newest of our entries that the log has shown was

	waitMu  sync.Mutex
	waiting map[uint64]chan acknowledged // by seq

	dpkg   *packages.Dpkg
	probes *probes

	clock    *patience.Clock
	untoldMu sync.Mutex // taken before findMu
	untold   int        // troubles with the server that this process is too busy to judge

	faults   faults // taken before findMu
	findMu   sync.Mutex
	findings map[verify.Code]finding.Finding // by code
}

type ref struct {
	id   entry.ID
	what int
	old  bool // of an earlier run, as the spool tells
}

type acknowledged struct {
	index uint64
	err   error
}

// change is one observation on its way into an entry.
type change struct {
	path       string
	who        *body.Who
	confidence body.Confidence
	layer      string
	why        body.Why
	what       body.What
	text       []byte
	known      inode.Known
	beside     *beside
	pkg        *body.Package
	found      bool   // in a place that was added
	detail     string // how it came about: the mount that hid or uncovered it
	gone       bool
	gap        *capture.Gap // not a change but a hole
}

// New prepares a watcher whose chain goes on from what spool and log say.
func New(ctx context.Context, cfg Config) (*Watcher, error) {
	w := &Watcher{
		cfg: cfg, dpkg: packages.NewDpkg("/"), found: cfg.Spool.Latest(), reasons: newReasons(), callers: callers{of: make(map[uint32]int)}, refs: make(map[string]ref), besides: besides{},
		intake: make(chan change, 1024), wake: make(chan struct{}, 1), retry: make(chan struct{}, 1),
		proof: make(chan struct{}, 1), waiting: make(map[uint64]chan acknowledged), findings: make(map[verify.Code]finding.Finding),
	}
	if w.cfg.Alert == nil {
		w.cfg.Alert = func(finding.Finding) {}
	}
	w.probes = newProbes(cfg.Probes, cfg.ProbeEvery, cfg.Now)
	if w.cfg.BeatEvery == 0 {
		w.cfg.BeatEvery = beatEvery
	}
	if w.clock = cfg.Clock; w.clock == nil {
		w.clock = patience.New(nil)
	}
	w.clock.Through(func() { cfg.Spool.Len() }) // it waits while a slow disk holds up the spool
	if w.cfg.Capture == nil {
		w.cfg.Capture = func(c capture.Config) (Capture, error) { return capture.New(c) }
	}
	w.cfg.Pace = w.cfg.Pace.orDefault()
	if err := w.resume(ctx); err != nil {
		return nil, err
	}
	if err := w.mourn(); err != nil {
		return nil, err
	}
	if cfg.Unended {
		if err := w.gap(causeUnended, w.found); err != nil {
			return nil, err
		}
	}
	known := make(map[string]inode.Known)
	for path, st := range cfg.Spool.States() {
		cfg.Redactor.Remember(st.Secrets)
		if w.knows(st) {
			w.refs[path] = ref{st.Entry, st.What, true}
		}
		if st.Gone {
			continue
		}
		if probe.Is(path) {
			if err := w.probes.load(path, st.Known); err != nil {
				return nil, fmt.Errorf("spool: what is known of a probe: %w", err)
			}
			continue
		}
		k, err := w.besides.load(path, st.Known)
		if err != nil {
			return nil, fmt.Errorf("spool: what is known of a path: %w", err)
		}
		known[path] = k
	}
	var err error
	cc := capture.Config{
		Paths: cfg.Paths, Want: w.want, Reads: w.reads, Known: known, DigestKey: cfg.DigestKey,
		ScanEvery: cfg.ScanEvery, Since: w.found, Now: cfg.Now, Log: cfg.Diag, Handle: w.handle, Tell: w.trouble,
	}
	if len(cfg.Probes) > 0 {
		cc.Notable = w.probes.notable
	}
	if cfg.OwnEvents {
		cc = capture.WithOwn(cc)
	}
	w.capture, err = w.cfg.Capture(cc)
	return w, err
}

// resume finds out where the chain stands: as the spool says, which nobody else
// writes. If the log is ahead of it, this host was rolled back: the chain goes
// on from the log's head, and a gap says so. A server that cannot be reached is
// asked before the first entry is sent.
func (w *Watcher) resume(ctx context.Context) (err error) {
	if w.believed, err = w.cfg.Spool.Believed(w.cfg.LogKey); err != nil {
		return fmt.Errorf("checkpoint in the spool: %w", err)
	}
	ours, ok := w.cfg.Spool.Head()
	theirs, err := w.head(ctx)
	if err != nil && !ok {
		return err
	}
	if err != nil {
		w.cfg.Diag.Warn("started without the server: what is recorded waits in the spool", "error", err)
		w.failed(err, &trouble{})
		w.chain = record.NewChain(w.cfg.Key, ours)
		w.see(w.believed)
		return nil
	}
	if !ok {
		ours = theirs
	}
	w.chain = record.NewChain(w.cfg.Key, ours)
	if err := w.recall(ctx, theirs); err != nil {
		return err
	}
	w.see(w.believed)
	if err := w.behind(theirs); err != nil {
		w.failed(err, &trouble{})
		return nil // it is met again before the first entry is sent
	}
	if theirs.Next > ours.Next || !ok && theirs.Next > 0 {
		if err := w.learn(ctx); err != nil {
			w.failed(err, &trouble{})
			return nil // likewise
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if err := w.adopt(theirs); err != nil {
			return err
		}
	}
	w.met = true
	return nil
}

// knows reports whether what the spool tells of a path is its latest change, as
// far as this source knows. A damaged spool may have lost a later one, but none
// that is later than what still waits.
func (w *Watcher) knows(st spool.State) bool {
	return len(w.cfg.Spool.Damage()) == 0 || w.cfg.Spool.Waits(st.Entry)
}

// mourn says, on the record and by way of an alert, that the spool was not what
// it should have been: what it had to tell may be missing.
func (w *Watcher) mourn() error {
	damage := w.cfg.Spool.Damage()
	if len(damage) == 0 {
		return nil
	}
	d := damage[0]
	detail := fmt.Sprintf("the spool is not what was written, at %d places, first at offset %d (%s): what could not be used may be missing here; the file is kept", len(damage), d.Offset, d.Why)
	w.raise(finding.SpoolDamaged, detail)
	return w.gap(detail, w.alive())
}

// recall finds the checkpoint to believe. A watcher that has lost its spool has
// nothing but the log's word for it.
func (w *Watcher) recall(ctx context.Context, theirs record.Head) error {
	if w.believed.Size > 0 || theirs.Next == 0 {
		return nil
	}
	r, err := w.cfg.Server.Receipt(ctx, 0, nil)
	if err != nil {
		return fmt.Errorf("ask for a checkpoint: %w", err)
	}
	w.believed, err = w.check(r, w.believed, nil, nil)
	return err
}

// want decides by the whole path, and never by its last name alone: what is an
// editor's temporary in one directory is a file that cron runs in another.
func (w *Watcher) want(path string) bool {
	_, claimed := w.cfg.Catalogue.Match(path)
	if !claimed && w.cfg.Claims != nil {
		claimed = w.cfg.Claims(path)
	}
	return claimed && !w.cfg.Catalogue.Ignored(path)
}

func (w *Watcher) reads(path string) bool {
	m, ok := w.cfg.Catalogue.Match(path)
	return ok && m.Reads
}

// Add watches more paths from now on, see [capture.Capture.Add].
func (w *Watcher) Add(paths []string) error { return w.capture.Add(paths) }

// Status says what capture sees, layer by layer.
func (w *Watcher) Status() capture.Status { return w.capture.Status() }

// Source is who signs.
func (w *Watcher) Source() entry.Source { return w.cfg.Key.Source() }

// Ready is closed once capture is attached and what it found at the start, and what
// probes showed, has been handed over.
func (w *Watcher) Ready() <-chan struct{} {
	if len(w.cfg.Probes) > 0 {
		return w.probes.ready
	}
	return w.capture.Ready()
}

// Run watches until the context ends, then records what is open and ships what
// it can.
func (w *Watcher) Run(ctx context.Context) error {
	var more []func(context.Context) error
	if len(w.cfg.Probes) > 0 {
		more = append(more, w.ask)
	}
	if w.cfg.Socket != "" {
		if err := durable.MkdirAll(durable.OS, filepath.Dir(w.cfg.Socket), 0o700); err != nil {
			return err
		}
		l, err := listen(w.cfg.Socket, w.cfg.SocketMode)
		if err != nil {
			return err
		}
		defer os.Remove(w.cfg.Socket)
		more = append(more, func(ctx context.Context) error { return w.serve(ctx, l) })
	}
	return w.all(ctx, more...)
}

// all runs the parts until the first one fails or the context ends. They stop
// from the front to the back, so that nothing handed over is left.
func (w *Watcher) all(ctx context.Context, more ...func(context.Context) error) error {
	end := watchEnd(ctx)
	front, stopFront := context.WithCancel(ctx)
	defer stopFront()
	back, stopBack := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBack()

	errs := make([]error, 4+len(more))
	var fronts, sets, ship sync.WaitGroup
	fronts.Go(func() { errs[0] = w.capture.Run(front); stopFront() })
	for i, part := range more {
		fronts.Go(func() { errs[4+i] = part(front); stopFront() })
	}
	sets.Go(func() {
		errs[1] = w.collect()
		stopFront()
		for range w.intake { // after an error nothing can be recorded; capture must not be held up
		}
	})
	ended := make(chan struct{})
	ship.Go(func() { errs[2] = w.ship(back); close(ended); stopFront() })
	ship.Go(func() { errs[3] = w.beat(back); stopFront() })
	if w.cfg.Clock == nil {
		ship.Go(func() { w.clock.Run(back) })
	}
	fronts.Wait()
	close(w.intake)
	sets.Wait()
	if ctx.Err() != nil {
		errs = append(errs, w.signEnd(<-end))
	}
	w.drain(back, ended)
	stopBack()
	ship.Wait()
	return errors.Join(errs...)
}

// drain waits for acknowledgements while there is somebody to ship; what has
// none stays in the spool.
func (w *Watcher) drain(ctx context.Context, ended <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Pace.Drain)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for w.cfg.Spool.Len() > 0 && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ended:
			return
		case <-ctx.Done():
		}
	}
}
