package actor

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/bpf"
)

// Tracer names processes from the records of the programs in the kernel, so
// that one that is gone long before its notification is read is still named in
// full. Where there are no programs, or a record was lost, /proc is asked.
//
// Before it answers the goroutine that reads notifications, it has every record
// that was written before the notification, and knows by the order which process,
// and which of its programs, is meant. Its methods may be called from any goroutine.
type Tracer struct {
	// Gap is told since when there were no programs. It is set before the first
	// notification.
	Gap func(since time.Time)

	cfg Config

	mu       sync.Mutex // a record is never taken between a read of the queue and Took
	proc     *procActors
	programs *bpf.Programs // nil: not attached
	touches  *bpf.Touches  // nil: not attached
	order    order
	kin      *lineage
	groups   *cgroups
	whole    bool          // kin has all processes
	lost     uint64        // records lost, as the programs counted last
	missed   uint64        // records lost in all
	wanted   bool          // they were attached once, and are to be again
	synced   time.Duration // when kin was last filled from /proc
	checked  time.Duration // when the programs were last found to be attached, and
	good     time.Time     // the same on the calendar
	greeting budget        // of looks at the connections of ssh sessions
	runs     []ran         // of notable programs, oldest first
}

const (
	checkEvery = 5 * time.Second // a detached program is noticed within it
	syncEvery  = 5 * time.Second // at most so often all processes are read anew
)

// Config is what a [Tracer] needs to know of the queue of notifications, and
// whom to tell.
type Config struct {
	// Queue is the descriptor of the fanotify group.
	Queue int
	// Waiting is how many events are in the queue now, or Unset.
	Waiting func() uint32
	// Report is told whenever the state is another one than Start returned.
	Report func(State)
	// Notable says of which programs it is remembered who ran them; nil: none. It is
	// called with the program's path, and must not wait.
	Notable func(exe string) bool
	// Untouched does without the kernel's record of who changed a file (tests).
	Untouched bool
	Now       func() time.Time
	Log       *slog.Logger
}

// State is how well the programs in the kernel tell of processes.
type State struct {
	Live   bool
	Reason string // why they are not live, or what they cannot do
	Lost   uint64 // records that the kernel found no room for
}

// NewTracer returns a tracer that is not attached yet.
func NewTracer(cfg Config) *Tracer {
	return &Tracer{Gap: func(time.Time) {}, cfg: cfg, proc: newProcActors(), groups: openCgroups()}
}

// Start attaches the programs, if that is possible, and says how it went.
func (t *Tracer) Start() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.attach(); err != nil {
		return t.state(false, err.Error())
	}
	if !t.programs.Ordered() {
		return t.state(true, "the queue of notifications was not found: actors are at most likely")
	}
	return t.state(true, "")
}

// state adds to the reason of one that is live what it has to do without.
func (t *Tracer) state(live bool, reason string) State {
	if live && t.touches == nil {
		reason = strings.TrimPrefix(reason+"; "+noTouches, "; ")
	}
	return State{live, reason, t.missed}
}

const noTouches = "this kernel keeps no record of who changed a file: of what only a listing or a scan finds the actor is at most likely"

func (t *Tracer) attach() error {
	programs, err := bpf.Open(t.cfg.Queue)
	if err != nil {
		return err
	}
	t.programs, t.lost, t.wanted = programs, 0, true
	if t.touches, err = bpf.OpenTouches(); err == nil && t.cfg.Untouched {
		err = errors.Join(errors.New("not wanted"), t.touches.Close())
	}
	if err != nil {
		t.touches = nil
		t.cfg.Log.Info("changes of files are not traced", "reason", err)
	}
	t.checked, t.good = SinceBoot(), t.cfg.Now()
	t.sync()
	return nil
}

// Close detaches the programs.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.detach()
	t.groups.close()
}

func (t *Tracer) detach() {
	if t.programs != nil {
		if err := t.programs.Close(); err != nil {
			t.cfg.Log.Warn("programs not closed", "error", err)
		}
		t.programs, t.whole = nil, false
	}
	if t.touches != nil {
		if err := t.touches.Close(); err != nil {
			t.cfg.Log.Warn("programs not closed", "error", err)
		}
		t.touches = nil
	}
}

// sync fills kin from /proc. Records are taken meanwhile: what they tell of a
// process is newer.
func (t *Tracer) sync() {
	t.synced, t.whole, t.kin = SinceBoot(), true, newLineage(t.groups.of)
	read := readProcesses()
	t.drain()
	now := t.moment()
	for _, p := range read {
		p.since(moment{0, now.hi})
		t.kin.adopt(p)
	}
	t.kin.link()
}

// moment is now.
func (t *Tracer) moment() moment {
	from, waiting := SinceBoot(), t.cfg.Waiting()
	return t.order.moment(from, SinceBoot(), waiting)
}

// Reading has the queue of notifications read: no record is taken meanwhile, so
// that each is counted on the right side of the read.
func (t *Tracer) Reading(read func() Read) {
	if t == nil {
		read()
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.order.took(read())
}

// Listen empties the ring and checks what is to be checked.
func (t *Tracer) Listen() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listen()
}

func (t *Tracer) listen() {
	t.drain()
	if now := SinceBoot(); t.wanted && now-t.checked > checkEvery {
		t.check(now)
	}
}

// Tend listens, forgets, and makes kin whole again.
func (t *Tracer) Tend() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listen()
	if t.programs == nil {
		return
	}
	now := SinceBoot()
	t.sweep(now)
	if !t.whole && now-t.synced > syncEvery {
		t.sync()
	}
}

// sweep forgets who ended a while ago, unless notifications wait that may be as
// old.
func (t *Tracer) sweep(now time.Duration) {
	before := now - keepFor
	if t.cfg.Waiting() > 0 {
		before = 0
	}
	t.kin.sweep(before)
}

// Live: actors are told from records, and need not be looked at beforehand.
func (t *Tracer) Live() bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.programs != nil && t.whole
}

// drain takes all records there are. False: kin cannot be relied upon.
func (t *Tracer) drain() bool {
	if t.programs == nil {
		return false
	}
	err := t.programs.Drain(func(r *bpf.Record) {
		t.kin.take(r, t.order.moment(r.Time, r.Until, r.Queued))
		if r.Kind == bpf.Exec {
			t.greet(r)
			t.noteRun(r)
		}
	})
	if err != nil {
		t.down(err)
		return false
	}
	if lost := t.programs.Lost(); lost > t.lost {
		t.lose(lost - t.lost)
		t.lost = lost
	}
	return t.whole
}

// lose: what the missing records told is not known; until all processes are read
// anew /proc is asked.
func (t *Tracer) lose(n uint64) {
	t.whole = false
	t.missed += n
	t.cfg.Report(t.state(true, fmt.Sprintf("%d records of processes were lost, the last at %s", t.missed, body.FormatTime(t.cfg.Now()))))
	t.cfg.Log.Warn("records of processes lost", "records", n)
}

// check finds out whether the programs are still attached, and attaches others
// if they are not.
func (t *Tracer) check(now time.Duration) {
	t.checked = now
	if t.programs == nil {
		t.again()
		return
	}
	err := t.programs.Check()
	if err == nil && t.touches != nil {
		err = t.touches.Check()
	}
	if err != nil {
		t.down(err)
		t.again()
		return
	}
	t.good = t.cfg.Now()
}

// down: the programs tell nothing any more. That is a gap: since they were last
// found to be attached actors may have been missed, or worse.
func (t *Tracer) down(err error) {
	t.detach()
	t.cfg.Report(t.state(false, err.Error()))
	t.cfg.Log.Error("layer lost", "layer", LayerBPF, "error", err)
	t.Gap(t.good)
}

func (t *Tracer) again() {
	since := t.good
	if err := t.attach(); err != nil {
		return // as it was
	}
	t.cfg.Report(t.state(true, fmt.Sprintf("attached anew at %s, was lost after %s", body.FormatTime(t.cfg.Now()), body.FormatTime(since))))
	t.cfg.Log.Info("layer opened", "layer", LayerBPF, "live", true)
}
