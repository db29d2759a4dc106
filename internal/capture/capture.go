// Package capture sees every change of the files it is told to watch: which
// file, what it says now, and which process did it.
//
// On Linux the kernel tells what happened (fanotify, inode marks, never a
// permission event: a writer is never made to wait), and package actor who did
// it. A scan at the start and every few minutes finds what nobody told; who did that
// the kernel may remember. Elsewhere, and
// where the kernel refuses, the scan is all there is; [Status] says so.
//
// P7: it promises that every close-after-write, rename, removal and change of
// attributes of a watched file becomes an [Observation] with its actor, that
// every text that stood for 50 ms is among them, and that a hole in what was
// seen is handed over as a [Gap]. Times alone, as touch sets them, are no change.
// Of the flags of chattr the kernel tells nobody: they are looked at again and again,
// within a minute, and who set them is known where the kernel remembers who changed
// a file last.
// An actor is what is known of the very process the kernel named, as it was then,
// or nothing.
//
// Where it is held up it says so: what it reads late has an interval in place of a
// time, and what may have come and gone unread is told as unread, so that a text
// that was written again as it was can look like an edit and its revert.
//
// A symbolic link that leads to a regular file is followed: its text is that of the file
// behind, whose changes are changes of the link, by whatever name they are made. Only
// links that are root's, where only root can put one, are followed with root's rights,
// others with those of their user. Behind one that leads to a directory elsewhere, of no
// more than a thousand files, these are watched under its name.
//
// It does not redact, does not
// see a write until the file is closed, and remembers nothing across a restart:
// the caller keeps the [inode.Known] of each path and gives them back. With /proc alone
// what a process does between its write and the reading (exec, most of all) can
// make it look like another program.
package capture

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/names"
	"github.com/stele-log/stele/internal/capture/reach"
	"github.com/stele-log/stele/internal/capture/scope"
)

// Defaults of [Config].
const (
	defaultMaxSize   = 4 << 20
	defaultScanEvery = 5 * time.Minute
	defaultScanOnly  = 2 * time.Second // ScanEvery where nothing but the scan is live
)

// Config says what to watch and whom to tell.
type Config struct {
	// Paths are absolute: files, directories (with all below) and glob patterns
	// (path/filepath.Match, one component at a time). They need not exist yet.
	Paths []string
	// Want decides whether a file found through a directory or a pattern is a
	// subject; nil wants all. Files named in Paths are always wanted.
	Want func(path string) bool
	// Reads tells the names that a program reads, beside those named in Paths and by
	// patterns there: what stands under one, however briefly, is a change of its own,
	// and under another a step if who made it moves or removes it. nil: none.
	Reads func(path string) bool
	// Ignore tells the names editors use for their own purposes; nil: none.
	Ignore func(base string) bool
	// Known is what was last recorded of each path.
	Known map[string]inode.Known
	// Since is when the last run ended, for the gap; zero at the first run.
	Since time.Time
	// DigestKey keys the digests in inode.Known, so that they tell nothing about
	// contents. It must stay the same from run to run.
	DigestKey []byte
	// MaxSize is the size from which a content is kept as digest only.
	MaxSize int64
	// ScanEvery is the time between two reconciling scans.
	ScanEvery time.Duration
	// ScanOnly does without the kernel's notifications.
	ScanOnly bool
	// Actors names processes; nil: programs in the kernel where they can be
	// had, else /proc.
	Actors actor.Source
	// Notable says of which programs it is remembered who ran them ([Capture.Ran]); it
	// must not wait. nil: of none.
	Notable func(exe string) bool
	// Handle takes over what was seen, in order, one batch at a time. When it
	// returns, the batch is the caller's. Its error ends Run; what was not
	// handed over is found by the scan of the next run. Its context ends ten
	// seconds after Run's, so that what is pending then is handed over too.
	Handle func(context.Context, Batch) error
	// Tell is told when something is wrong with the capture itself, and when that
	// is over; it must not wait. nil: nobody.
	Tell func(Trouble)
	Now  func() time.Time // nil: time.Now
	Log  *slog.Logger     // nil: discard

	// canaryEvery is the time between two canaries; 0: 30 s, less: none (tests).
	canaryEvery  time.Duration
	canaryLost   time.Duration // after which one is lost; 0: 60 s (tests)
	flagsSoonest time.Duration // between two looks at the flags, at least; 0: 800 ms (tests)
	began        func(*shares) // told what a capture is made of (tests)

	untouched bool // without the kernel's record of who changed a file (tests)

	// includeSelf keeps what this process does itself (tests).
	includeSelf bool
}

// WithOwn returns cfg for a capture that keeps what this very process does too:
// for a process that watches and edits at once, as the demo does.
func WithOwn(cfg Config) Config {
	cfg.includeSelf = true
	return cfg
}

// Batch is what is handed over at once: the gap, if any, lies before the
// observations.
type Batch struct {
	Gap          *Gap
	Observations []Observation
}

// Observation is one change of one path.
type Observation struct {
	Path       string
	From       string // rename: the path before, whose history ends here
	Action     body.Action
	Time       time.Time
	Since      time.Time // seen late: it happened after this; zero: when Time says
	Content    []byte    // of a symbolic link: its target
	HasContent bool
	Digest     string // hexadecimal SHA-256 of a content too large to keep
	Size       int64
	Mode       uint32 // type and permission bits, as in st_mode
	Owner      body.Owner
	Attributes []inode.Attribute
	Names      []string    // others of the same file
	Target     string      // of a link that was followed: all else is of the file behind
	Real       string      // the name of that file
	Before     inode.Known // what was recorded before; zero: nothing
	Marks      []string    // ascending
	Who        *body.Who
	Line       []actor.Ident // the process of Who and those it descends from
	Confidence body.Confidence
	Layer      string      // LayerFanotify or LayerScan
	Mount      string      // the mount that hid it or let it be seen again, and its source
	Found      bool        // the first of a file in a place that was added ([Capture.Add])
	Known      inode.Known // to be kept under Path; to be dropped after a delete
	Events     int         // notifications folded into this observation
}

// Gap is a time in which changes may have gone by unseen.
type Gap struct {
	Since  time.Time
	Cause  string
	Detail string // which part of what is watched it is about; empty: all of it
}

// Words say why there is a gap, and about which part of what is watched.
func (g *Gap) Words() string {
	text := g.Detail
	if text == "" {
		text = causes[g.Cause]
	}
	if text == "" {
		return g.Cause
	}
	return g.Cause + ": " + text
}

// The causes of a gap.
const (
	CauseDown       = "down"
	causeChurn      = "churn"
	causeCanary     = "canary"
	causeMarks      = "marks"
	causeOverflow   = "overflow"
	causeMounts     = "mounts"
	causeUnreported = "unreported"
	CauseActors     = "actors"
)

// causes in words, for where there is no detail.
var causes = map[string]string{
	CauseDown:       "no watcher was running, and changes were made meanwhile",
	causeChurn:      "a user changed more than could be looked at",
	causeCanary:     "changes that the watcher made itself did not come through",
	causeMarks:      "marks of watched directories were taken away",
	causeOverflow:   "the kernel's queue of notifications was full",
	causeMounts:     "a mount hid or uncovered watched files",
	causeUnreported: "a scan found changes that no notification told of",
	CauseActors:     "the kernel did not tell who changed files: the programs were detached",
}

// The layers of capture.
const (
	LayerFanotify = fanotify.Layer
	LayerScan     = "scan"
	LayerCanary   = "canary" // whether the others work
	LayerBPF      = actor.LayerBPF
	LayerProc     = actor.LayerProc
)

// Layer is one means of capture.
type Layer struct {
	Name   string
	Live   bool
	Reason string // why it is not live, or what it cannot do
}

// Status is how well capture sees.
type Status struct {
	Layers     []Layer
	Watched    int               // subjects that exist
	Marks      int               // files and directories that the kernel was asked to tell of
	Pending    int               // subjects that are being changed and not yet told of
	Unreadable map[string]string // watched paths that could not be read or marked, and why
	Counters   Counters
}

// layer says how a layer is doing now.
func (s *Status) layer(y Layer) {
	for i := range s.Layers {
		if s.Layers[i].Name == y.Name {
			s.Layers = slices.Clone(s.Layers) // the one before may have been handed out
			s.Layers[i] = y
		}
	}
}

// Counters count since New.
type Counters struct {
	Seen       uint64 // notifications read from the kernel
	Matched    uint64 // of them, about a subject
	Unchanged  uint64 // settled without any difference
	Changed    uint64 // observations
	Unread     uint64 // observations whose text was gone too soon
	Unknown    uint64 // observations without actor
	Lost       uint64 // records of processes that the kernel found no room for
	Overflows  uint64
	Churned    uint64 // notifications that one user made too many
	Unreported uint64 // changes found by a scan while notifications were live
	Scans      uint64
}

// Capture watches one set of files.
type Capture struct {
	cfg    Config
	set    *scope.Set
	reach  *reach.Reach
	cages  *cages
	behind names.Behind // links that are followed
	ready  chan struct{}

	mu     sync.Mutex // guards status and shares
	status Status
	shares *shares // nil before Run
}

// New checks the settings; nothing is opened before Run.
func New(cfg Config) (*Capture, error) {
	if cfg.Handle == nil {
		return nil, errors.New("capture: no handler")
	}
	if len(cfg.DigestKey) == 0 {
		return nil, errors.New("capture: no digest key")
	}
	cages := &cages{}
	set, err := scope.New(cfg.Paths, scope.Config{Want: cfg.Want, Ignore: cfg.Ignore, Reads: cfg.Reads, Always: cages.holds})
	if err != nil {
		return nil, err
	}
	setDefaults(&cfg)
	return &Capture{
		cfg: cfg, set: set, reach: reach.New(), cages: cages, ready: make(chan struct{}),
		status: Status{Unreadable: map[string]string{}},
	}, nil
}

func setDefaults(cfg *Config) {
	if cfg.MaxSize == 0 {
		cfg.MaxSize = defaultMaxSize
	}
	if cfg.flagsSoonest == 0 {
		cfg.flagsSoonest = flagsSoonest
	}
	if cfg.Tell == nil {
		cfg.Tell = func(Trouble) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
}

// Ready is closed once everything is attached and the first scan has been
// handed over.
func (c *Capture) Ready() <-chan struct{} { return c.ready }

// Status reports on the capture; it may be called at any time.
func (c *Capture) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	s.Layers = append([]Layer(nil), s.Layers...)
	s.Unreadable = make(map[string]string, len(c.status.Unreadable))
	for p, why := range c.status.Unreadable {
		s.Unreadable[p] = why
	}
	return s
}

func (c *Capture) count(f func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.status)
}

// Ran is who ran a notable program of a kind since a time: nobody where that is not
// known, or where several did who have nothing to do with each other.
func (c *Capture) Ran(kind func(by actor.Actor, exe string) bool, since time.Time) actor.Actor {
	c.mu.Lock()
	s := c.shares
	c.mu.Unlock()
	if s == nil {
		return actor.Actor{}
	}
	return s.sensor.Ran(kind, since)
}

// Run watches until ctx ends, then hands over what is pending and returns nil.
// It returns an error if Handle does, or if the notifications break off. A
// Capture runs once.
func (c *Capture) Run(ctx context.Context) error {
	defer c.reach.Close()
	s := c.open()
	defer s.sensor.Close()
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.mu.Lock() // whoever adds paths does so before, or to the shares
	s.begin(run)
	c.shares = s
	c.mu.Unlock()
	s.canary.announce()
	var wg sync.WaitGroup
	wg.Go(func() { cancelOn(cancel, s.sensor.Run(run, s.dispatch, s.full)) })
	mounts := watchMounts(s) // from before the first scan, so that none is missed
	wg.Go(func() { mounts(run) })
	wg.Go(func() { cancelOn(cancel, s.out.deliver(ctx, c.cfg.Handle)) })
	wg.Go(s.ready)
	wg.Go(func() { s.canary.run(run) })
	if c.cfg.began != nil {
		c.cfg.began(s)
	}
	s.wait()
	s.out.close() // the deliverer goes on until the box is empty
	wg.Wait()
	err := s.out.failed()
	if ctx.Err() == nil {
		err = context.Cause(run)
	}
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

func cancelOn(cancel context.CancelCauseFunc, err error) {
	if err != nil {
		cancel(err)
	}
}

func (c *Capture) open() *shares {
	s, layers := c.openSensor()
	every := c.cfg.ScanEvery
	if every == 0 {
		every = defaultScanEvery
		if !s.Live() {
			every = defaultScanOnly
		}
	}
	c.count(func(st *Status) { st.Layers = layers })
	for _, y := range layers {
		c.cfg.Log.Info("layer opened", "layer", y.Name, "live", y.Live, "reason", y.Reason)
	}
	return newShares(c, s, every)
}

func (c *Capture) openSensor() (sensor, []Layer) {
	scan := Layer{Name: LayerScan, Live: true}
	if c.cfg.ScanOnly {
		scan.Reason = "only layer: actors are unknown, texts between two scans are missed"
		return noSensor{}, []Layer{{LayerFanotify, false, "switched off"}, scan}
	}
	s, layers := newSensor(c)
	if !s.Live() {
		scan.Reason = "only layer: actors are unknown, texts between two scans are missed"
	}
	return s, append(layers, scan)
}

// Trouble is something wrong with the capture itself, or no longer wrong.
type Trouble struct {
	Kind   TroubleKind
	Layer  string // Lost: which one, of the kernel's means or of ours
	Detail string
	Over   bool
}

// TroubleKind is what can be wrong.
type TroubleKind int

// The kinds of trouble.
const (
	Churn TroubleKind = iota // a user changes more than can be followed
	Late                     // notifications are read late; nothing is lost by that
	Lost                     // a layer of capture is missing
)
