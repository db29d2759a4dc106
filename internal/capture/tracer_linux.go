package capture

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/bpf"
)

// tracer names processes from the records of the programs in the kernel, so
// that one that is gone long before its notification is read is still named in
// full. Where there are no programs, or a record was lost, /proc is asked.
//
// It belongs to the goroutine that reads notifications: before it answers, it
// has every record that was written before the notification, and knows by the
// order which process, and which of its programs, is meant.
type tracer struct {
	group *group
	proc  *procActors
	count func(func(*Status))
	now   func() time.Time
	log   *slog.Logger
	tell  func(*Gap) // of a time without programs; set before the first notification

	programs *bpf.Programs // nil: not attached
	order    order
	kin      *lineage
	groups   *cgroups
	whole    bool          // kin has all processes
	lost     uint64        // records lost, as the programs counted last
	wanted   bool          // they were attached once, and are to be again
	synced   time.Duration // when kin was last filled from /proc
	checked  time.Duration // when the programs were last found to be attached, and
	good     time.Time     // the same on the calendar
}

const (
	checkEvery = 5 * time.Second // a detached program is noticed within it
	syncEvery  = 5 * time.Second // at most so often all processes are read anew
)

func newTracer(c *Capture, g *group) *tracer {
	return &tracer{
		group: g, proc: newProcActors(), count: c.count, now: c.cfg.Now, log: c.cfg.Log,
		tell: func(*Gap) {}, groups: openCgroups(),
	}
}

// start attaches the programs, if that is possible, and says how it went.
func (t *tracer) start() Layer {
	if err := t.attach(); err != nil {
		return Layer{LayerBPF, false, err.Error()}
	}
	if !t.programs.Ordered() {
		return Layer{LayerBPF, true, "the queue of notifications was not found: actors are at most likely"}
	}
	return Layer{LayerBPF, true, ""}
}

func (t *tracer) attach() error {
	programs, err := bpf.Open(t.group.fd)
	if err != nil {
		return err
	}
	t.programs, t.lost, t.wanted = programs, 0, true
	t.checked, t.good = sinceBoot(), t.now()
	t.sync()
	return nil
}

func (t *tracer) close() {
	if t == nil {
		return
	}
	t.detach()
	t.groups.close()
}

func (t *tracer) detach() {
	if t.programs != nil {
		if err := t.programs.Close(); err != nil {
			t.log.Warn("programs not closed", "error", err)
		}
		t.programs, t.whole = nil, false
	}
}

// sync fills kin from /proc. Records are taken meanwhile: what they tell of a
// process is newer.
func (t *tracer) sync() {
	t.synced, t.whole, t.kin = sinceBoot(), true, newLineage(t.groups.of)
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
func (t *tracer) moment() moment {
	from, waiting := sinceBoot(), t.group.waiting()
	return t.order.moment(from, sinceBoot(), waiting)
}

// took takes note of a read of the queue; tracer is in step with it.
func (t *tracer) took(b batch) {
	if t != nil {
		t.order.took(b)
	}
}

// listen empties the ring and checks what is to be checked.
func (t *tracer) listen() {
	if t == nil {
		return
	}
	t.drain()
	if now := sinceBoot(); t.wanted && now-t.checked > checkEvery {
		t.check(now)
	}
}

// tend listens, forgets, and makes kin whole again.
func (t *tracer) tend() {
	t.listen()
	if t == nil || t.programs == nil {
		return
	}
	now := sinceBoot()
	t.sweep(now)
	if !t.whole && now-t.synced > syncEvery {
		t.sync()
	}
}

// sweep forgets who ended a while ago, unless notifications wait that may be as
// old.
func (t *tracer) sweep(now time.Duration) {
	before := now - keepFor
	if t.group.waiting() > 0 {
		before = 0
	}
	t.kin.sweep(before)
}

// live: actors are told from records, and need not be looked at beforehand.
func (t *tracer) live() bool { return t != nil && t.programs != nil && t.whole }

// drain takes all records there are. False: kin cannot be relied upon.
func (t *tracer) drain() bool {
	if t.programs == nil {
		return false
	}
	err := t.programs.Drain(func(r *bpf.Record) { t.kin.take(r, t.order.moment(r.Time, r.Until, r.Queued)) })
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
func (t *tracer) lose(n uint64) {
	t.whole = false
	t.count(func(s *Status) {
		s.Counters.Lost += n
		s.layer(Layer{LayerBPF, true, fmt.Sprintf("%d records of processes were lost, the last at %s", s.Counters.Lost, body.FormatTime(t.now()))})
	})
	t.log.Warn("records of processes lost", "records", n)
}

// check finds out whether the programs are still attached, and attaches others
// if they are not.
func (t *tracer) check(now time.Duration) {
	t.checked = now
	if t.programs == nil {
		t.again()
		return
	}
	if err := t.programs.Check(); err != nil {
		t.down(err)
		t.again()
		return
	}
	t.good = t.now()
}

// down: the programs tell nothing any more. That is a gap: since they were last
// found to be attached actors may have been missed, or worse.
func (t *tracer) down(err error) {
	t.detach()
	t.count(func(s *Status) { s.layer(Layer{LayerBPF, false, err.Error()}) })
	t.log.Error("layer lost", "layer", LayerBPF, "error", err)
	t.tell(&Gap{Since: t.good, Cause: CauseActors})
}

func (t *tracer) again() {
	since := t.good
	if err := t.attach(); err != nil {
		return // as it was
	}
	t.count(func(s *Status) {
		s.layer(Layer{LayerBPF, true, fmt.Sprintf("attached anew at %s, was lost after %s", body.FormatTime(t.now()), body.FormatTime(since))})
	})
	t.log.Info("layer opened", "layer", LayerBPF, "live", true)
}
