package presence

import (
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestTurn: a source comes with its first beat, goes when nothing was heard of it
// for long enough, and is told of once each time.
func TestTurn(t *testing.T) {
	s := New(entry.Source{1})
	expect := func(at time.Duration, came, went bool) {
		t.Helper()
		if c, w := s.Turn(start.Add(at)); c != came || w != went {
			t.Errorf("after %s: came %v, went %v", at, c, w)
		}
	}
	expect(0, false, false)
	s.Hear(start)
	expect(0, false, false) // it has not sent a beat
	s.Say(&entry.Beat{Next: 1}, start)
	expect(time.Second, true, false)
	s.Present(true)
	expect(SilentAfter-1, false, false)
	expect(SilentAfter, false, true)
	s.Present(false)
	expect(SilentAfter, false, false)
	s.Hear(start.Add(2 * SilentAfter))
	expect(2*SilentAfter, true, false)
}

// TestProcess: a restart is no clone, and the late last request of the process
// before it is none either; one that comes back is.
func TestProcess(t *testing.T) {
	s := New(entry.Source{1})
	for i, c := range []struct {
		instance string
		at       time.Duration
		cloned   bool
	}{
		{"a", 0, false},
		{"b", time.Minute, false},
		{"a", time.Minute + takeover - 1, false},
		{"b", time.Minute + takeover, false},
		{"a", 2 * time.Minute, true},
	} {
		if cloned, skew := s.HearFrom(c.instance, time.Time{}, start.Add(c.at)); cloned != c.cloned || skew != "" {
			t.Errorf("%d: cloned %v, skew %q", i, cloned, skew)
		}
	}
}

// TestMissing: what a beat says is proved is missed at once, what still waits
// after a while, and what is no longer announced too; each once.
func TestMissing(t *testing.T) {
	s := New(entry.Source{1})
	s.Say(&entry.Beat{Next: 10, Kept: 4}, start)
	if s.Announced(start.Add(SettleFor - 1)) {
		t.Error("the log is looked at before batches can have settled")
	}
	if !s.Announced(start.Add(SettleFor)) {
		t.Error("the log is not looked at")
	}
	if first, last, is := s.Missing(2, start.Add(SettleFor)); !is || first != 2 || last != 5 {
		t.Errorf("missing %d to %d, %v: want 2 to 5", first, last, is)
	}
	if _, _, is := s.Missing(2, start.Add(SettleFor)); is {
		t.Error("it is said twice")
	}
	if first, last, is := s.Missing(6, start.Add(SettleFor+ComeWithin)); !is || first != 6 || last != 9 {
		t.Errorf("missing %d to %d, %v: want 6 to 9", first, last, is)
	}
	s.Say(&entry.Beat{Next: 20, Kept: 10}, start.Add(time.Hour))
	s.Say(&entry.Beat{Next: 12, Kept: 2}, start.Add(time.Hour))
	if first, last, is := s.Missing(10, start.Add(time.Hour+SettleFor)); !is || first != 10 || last != 19 {
		t.Errorf("missing %d to %d, %v: want 10 to 19", first, last, is)
	}
}

// TestClock: it may run, however late its requests come; it may not stand still,
// step, or be far off.
func TestClock(t *testing.T) {
	for name, c := range map[string]struct {
		sent, at []time.Duration // since the start, pair by pair
		wrong    bool            // with the last one
	}{
		"runs":        {[]time.Duration{0, time.Minute, 2 * time.Minute}, []time.Duration{0, time.Minute, 2 * time.Minute}, false},
		"late":        {[]time.Duration{0, time.Minute}, []time.Duration{0, 2 * time.Minute}, false},
		"stands":      {[]time.Duration{0, 0}, []time.Duration{0, maxFrozen}, true},
		"steps back":  {[]time.Duration{0, time.Minute, time.Minute - maxStep}, []time.Duration{0, time.Minute, time.Minute + time.Second}, true},
		"a year off":  {[]time.Duration{365 * 24 * time.Hour}, []time.Duration{0}, true},
		"just not so": {[]time.Duration{maxSkew}, []time.Duration{0}, false},
	} {
		s := New(entry.Source{1})
		var skew string
		for i := range c.sent {
			_, skew = s.HearFrom("a", start.Add(c.sent[i]), start.Add(c.at[i]))
		}
		if (skew != "") != c.wrong {
			t.Errorf("%s: %q", name, skew)
		}
	}
}
