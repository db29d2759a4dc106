package patience

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// hand is a clock that is moved by hand.
type hand struct {
	*Clock
	now time.Time
}

func newHand() *hand {
	h := &hand{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	h.Clock = New(func() time.Time { return h.now })
	return h
}

// idle lets time pass in which every beat comes in time.
func (h *hand) idle(d time.Duration) { h.loaded(d, every, 0) }

// loaded lets time pass with beats that are so far apart, each of which has lost
// so much for want of a processor.
func (h *hand) loaded(d, apart, lost time.Duration) {
	for ; d > 0; d -= apart {
		h.now = h.now.Add(min(d, apart))
		h.beats(lost)
	}
}

// TestIdle: on an idle machine patience ends in the stated time, not before.
func TestIdle(t *testing.T) {
	h := newHand()
	since := h.Now()
	h.idle(time.Minute - time.Nanosecond)
	if v := h.Now().Waited(since, time.Minute); v != InTime {
		t.Errorf("just before the end: %d", v)
	}
	h.idle(time.Nanosecond)
	if v := h.Now().Waited(since, time.Minute); v != Late {
		t.Errorf("at the end: %d", v)
	}
}

// TestBusy: a process that is starved accuses nobody, says after five times as long
// that it cannot tell, and can tell again once it has waited on an idle machine.
func TestBusy(t *testing.T) {
	for name, c := range map[string]struct{ apart, lost time.Duration }{
		"beats come late":         {10 * every, 0},
		"threads wait":            {every, every},
		"threads wait and beats":  {2 * every, 2 * every},
		"more is lost than there": {every, 10 * every},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand()
			since := h.Now()
			expect := func(want Verdict) {
				t.Helper()
				if v := h.Now().Waited(since, time.Minute); v != want {
					t.Errorf("after %s, able for %s: %d, want %d", h.now.Sub(since.Time), h.Now().Able(since), v, want)
				}
			}
			h.loaded(Bound*time.Minute-10*time.Second, c.apart, c.lost)
			expect(InTime)
			h.loaded(10*time.Second, c.apart, c.lost)
			expect(Untold)
			h.idle(time.Minute)
			expect(Late)
			if lost := h.Now().Lost(since); lost < 4*time.Minute {
				t.Errorf("lost %s", lost)
			}
		})
	}
}

// TestLittle: what every machine loses does not count.
func TestLittle(t *testing.T) {
	h := newHand()
	since := h.Now()
	h.loaded(time.Minute, every+tolerance, tolerance)
	if v := h.Now().Waited(since, time.Minute); v != Late {
		t.Errorf("able for %s of a minute", h.Now().Able(since))
	}
}

// TestUnwound: a clock that does not beat counts nothing beyond one beat.
func TestUnwound(t *testing.T) {
	h := newHand()
	since := h.Now()
	h.now = h.now.Add(time.Hour)
	if able := h.Now().Able(since); able > every {
		t.Errorf("able for %s", able)
	}
}

// TestSuspended: time that only the wall clock counts passes and nobody can act in
// it; a wall clock that is put back counts for nothing.
func TestSuspended(t *testing.T) {
	h := newHand()
	var ahead time.Duration
	h.wall = func(t time.Time) time.Time { return t.Add(ahead) }
	since := h.Now()
	h.idle(30 * time.Second)
	ahead = time.Hour
	h.idle(10 * time.Second)
	if m := h.Now(); m.Able(since) != 40*time.Second || m.Lost(since) != time.Hour || m.Waited(since, time.Minute) != Untold {
		t.Errorf("able for %s, lost %s", m.Able(since), m.Lost(since))
	}
	ahead = -time.Hour
	h.idle(20 * time.Second)
	if m := h.Now(); m.Able(since) != time.Minute || m.Lost(since) != time.Hour || m.Waited(since, time.Minute) != Late {
		t.Errorf("able for %s, lost %s", m.Able(since), m.Lost(since))
	}
}

// TestBefore: what happened before that time, this process has had so long to see
// the end of; a starved one knows of no such time.
func TestBefore(t *testing.T) {
	h := newHand()
	h.idle(time.Minute)
	if at := h.Before(5 * time.Second); h.now.Sub(at) != 5*time.Second {
		t.Errorf("idle: %s ago", h.now.Sub(at))
	}
	h.loaded(10*time.Second, every, every)
	if at := h.Before(5 * time.Second); h.now.Sub(at) != 15*time.Second {
		t.Errorf("after 10 s lost: %s ago", h.now.Sub(at))
	}
	h.loaded(time.Hour, every, every)
	if at := h.Before(5 * time.Second); !at.IsZero() {
		t.Errorf("starved: %s ago", h.now.Sub(at))
	}
}

// TestRun: what a beat waits in the queue of its process is lost, and so is what its
// threads wait for a processor.
func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		queue time.Duration // of one beat
		ready time.Duration // of one beat
		able  bool
	}{
		"served at once": {0, 0, true},
		"served late":    {20 * time.Second, 0, false},
		"starved":        {0, every, false},
	} {
		synctest.Test(t, func(t *testing.T) { // in a bubble, where a pause takes no time
			clock := New(nil)
			var waited time.Duration
			clock.ready = func() time.Duration { waited += c.ready; return waited }
			ctx, cancel := context.WithCancel(t.Context())
			clock.Through(func() {
				select {
				case <-time.After(c.queue):
				case <-ctx.Done():
				}
			})
			go clock.Run(ctx)
			since := clock.Now()
			<-time.After(time.Minute)
			if able := clock.Now().Able(since); (able > 50*time.Second) != c.able || !c.able && able > 5*time.Second {
				t.Errorf("%s: able for %s of a minute", name, able)
			}
			cancel()
			synctest.Wait()
		})
	}
}

// TestAfterFunc: what is to be done when patience ends is done then, once, and not
// if it was called off.
func TestAfterFunc(t *testing.T) {
	h := newHand()
	done := make(chan string, 3)
	h.AfterFunc(time.Minute, func() { done <- "done" })
	h.AfterFunc(time.Minute, func() { done <- "stopped" })()
	h.loaded(Bound*time.Minute-every, every, every)
	select {
	case <-done:
		t.Error("done while this process could not have heard an answer")
	default:
	}
	h.idle(time.Minute)
	if what := <-done; what != "done" || len(done) > 0 {
		t.Errorf("%s, and %d more", what, len(done))
	}
}

// TestWithTimeout: a context ends by the clock, and says why; without a clock by
// what passes.
func TestWithTimeout(t *testing.T) {
	h := newHand()
	ctx, cancel := h.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if ctx.Err() != nil {
		t.Error("ended at once")
	}
	h.idle(time.Minute)
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		t.Error(context.Cause(ctx))
	}
	var none *Clock
	ctx, cancel = none.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	defer none.AfterFunc(time.Hour, func() {})()
}
