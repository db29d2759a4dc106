// Package patience measures for how long somebody else has been waited for, in
// time in which this process could have noticed an answer. Who is starved of the
// processor, stopped, or held up by a queue of its own hears nobody, and must not
// accuse others of silence.
//
// A [Clock] beats twice a second. What a beat comes late, and how long threads
// of this process were ready to run and did not (where the kernel tells), is time
// lost. So is time that passes for the wall clock alone: the machine was
// suspended. Patience that has not ended after five times its length ends as
// [Untold]: whoever loads a machine cannot hide silence behind it, only make it
// uncertain, and that is told too.
//
// It does not measure what the other side or the network could do.
package patience

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	every     = 500 * time.Millisecond // between two beats
	tolerance = 50 * time.Millisecond  // of a beat that may be lost: no machine is idle
	suspended = time.Second            // by which the wall clock must be ahead of the steady one
	kept      = 256                    // beats that are remembered
)

// Bound is how many times its length patience lasts at the most.
const Bound = 5

// Clock measures time in which this process could act. All methods may be called
// from any goroutine.
type Clock struct {
	now   func() time.Time
	wall  func(time.Time) time.Time // of what now says, without the steady clock
	ready func() time.Duration      // threads waited for a processor, in all

	mu     sync.Mutex
	queue  func()
	beat   Moment   // the last one
	beaten []Moment // the last ones, for Before
	alarms map[*alarm]struct{}
}

type alarm struct {
	since Moment
	after time.Duration
	do    func()
}

// New returns a clock that nobody has wound up: [Clock.Run] does. now nil is
// time.Now.
func New(now func() time.Time) *Clock {
	if now == nil {
		now = time.Now
	}
	c := &Clock{
		now: now, wall: func(t time.Time) time.Time { return t.Round(0) }, ready: ready,
		queue: func() {}, alarms: make(map[*alarm]struct{}),
	}
	c.beat = Moment{Time: now(), known: true}
	c.beat.wall = c.wall(c.beat.Time)
	return c
}

// Through has each beat pass through a queue of this process: pass returns once
// what waits there has been served. The time until then is lost.
func (c *Clock) Through(pass func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = pass
}

// Run has the clock beat until the context ends.
func (c *Clock) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	before := c.ready()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		c.mu.Lock()
		pass := c.queue
		c.mu.Unlock()
		pass()
		now := c.ready()
		c.beats(now - before)
		before = now
	}
}

// Beat is one beat of a clock that is moved by hand.
func (c *Clock) Beat() { c.beats(0) }

func (c *Clock) beats(lost time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beat = c.read(lost)
	c.beaten = append(c.beaten[max(0, len(c.beaten)+1-kept):], c.beat)
	for a := range maps.Clone(c.alarms) {
		if c.beat.Waited(a.since, a.after) != InTime {
			delete(c.alarms, a)
			go a.do()
		}
	}
}

// Now reads the clock.
func (c *Clock) Now() Moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read(0)
}

// Before is a time since which this process could act for so long, the zero time
// if it knows none: of the last two minutes it knows, if they were idle.
func (c *Clock) Before(able time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.read(0)
	for _, m := range slices.Backward(c.beaten) {
		if now.Able(m) >= able {
			return m.Time
		}
	}
	return time.Time{}
}

// read is the moment now, since the last beat has lost so much. The caller holds
// mu.
func (c *Clock) read(lost time.Duration) Moment {
	now, last := c.now(), c.beat
	steady := max(now.Sub(last.Time), 0)
	wall := c.wall(now)
	asleep := wall.Sub(last.wall) - steady
	if asleep < suspended {
		asleep = 0
	}
	if lost = max(lost, steady-every); lost <= tolerance {
		lost = 0
	}
	return Moment{now, wall, last.able + max(steady-lost, 0), last.passed + steady + asleep, true}
}

// AfterFunc calls do in a goroutine of its own once patience has ended, however it
// has, and returns what keeps it from that. A nil clock measures what passes.
func (c *Clock) AfterFunc(after time.Duration, do func()) (stop func()) {
	if c == nil {
		t := time.AfterFunc(after, do)
		return func() { t.Stop() }
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &alarm{c.read(0), after, do}
	c.alarms[a] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.alarms, a)
	}
}

// WithTimeout is context.WithTimeout by this clock.
func (c *Clock) WithTimeout(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	if c == nil {
		return context.WithTimeout(ctx, after)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := c.AfterFunc(after, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() { stop(); cancel(nil) }
}
