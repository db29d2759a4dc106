package presence

import (
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/patience"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// moments is the clock of a server, moved by hand.
type moments struct {
	*patience.Clock
	now time.Time
}

func newMoments() *moments {
	m := &moments{now: start}
	m.Clock = patience.New(func() time.Time { return m.now })
	return m
}

// at is the moment so long after the start; the server is idle until then.
func (m *moments) at(d time.Duration) patience.Moment {
	for m.now.Before(start.Add(d)) {
		m.now = m.now.Add(min(100*time.Millisecond, start.Add(d).Sub(m.now)))
		m.Beat()
	}
	return m.Now()
}

// starved is the moment so long after the start; the server can do nothing until
// then.
func (m *moments) starved(d time.Duration) patience.Moment {
	m.now = start.Add(d)
	m.Beat()
	return m.Now()
}

// TestTurn: a source comes with its first beat, goes when nothing was heard of it
// for long enough, and is told of once each time.
func TestTurn(t *testing.T) {
	s, m := New(entry.Source{1}), newMoments()
	expect := func(at time.Duration, came, went bool) {
		t.Helper()
		if c, w := s.Turn(m.at(at)); c != came || w != went {
			t.Errorf("after %s: came %v, went %v", at, c, w)
		}
	}
	expect(0, false, false)
	s.Hear(m.Now())
	expect(0, false, false) // it has not sent a beat
	s.Say(&entry.Beat{Next: 1}, m.Now())
	expect(time.Second, true, false)
	s.Present(true)
	expect(SilentAfter-1, false, false)
	expect(SilentAfter, false, true)
	s.Present(false)
	expect(SilentAfter, false, false)
	s.Hear(m.at(2 * SilentAfter))
	expect(2*SilentAfter, true, false)
}

// TestProcess: a restart is no clone, and the late last request of the process
// before it is none either; one that comes back is.
func TestProcess(t *testing.T) {
	s, m := New(entry.Source{1}), newMoments()
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
		if cloned, skew := s.HearFrom(c.instance, time.Time{}, m.at(c.at)); cloned != c.cloned || skew != "" {
			t.Errorf("%d: cloned %v, skew %q", i, cloned, skew)
		}
	}
}

// TestMissing: what a beat says is proved is missed at once, what still waits
// after a while, and what is no longer announced too; each once.
func TestMissing(t *testing.T) {
	s, m := New(entry.Source{1}), newMoments()
	s.Say(&entry.Beat{Next: 10, Kept: 4}, m.Now())
	if s.Announced(m.at(SettleFor - 1)) {
		t.Error("the log is looked at before batches can have settled")
	}
	if !s.Announced(m.at(SettleFor)) {
		t.Error("the log is not looked at")
	}
	if first, last, is := s.Missing(2, m.at(SettleFor)); !is || first != 2 || last != 5 {
		t.Errorf("missing %d to %d, %v: want 2 to 5", first, last, is)
	}
	if _, _, is := s.Missing(2, m.at(SettleFor)); is {
		t.Error("it is said twice")
	}
	if first, last, is := s.Missing(6, m.at(SettleFor+ComeWithin)); !is || first != 6 || last != 9 {
		t.Errorf("missing %d to %d, %v: want 6 to 9", first, last, is)
	}
	s.Say(&entry.Beat{Next: 20, Kept: 10}, m.at(time.Hour))
	s.Say(&entry.Beat{Next: 12, Kept: 2}, m.at(time.Hour))
	if first, last, is := s.Missing(10, m.at(time.Hour+SettleFor)); !is || first != 10 || last != 19 {
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
		s, m := New(entry.Source{1}), newMoments()
		var skew string
		for i := range c.sent {
			_, skew = s.HearFrom("a", start.Add(c.sent[i]), m.at(c.at[i]))
		}
		if (skew != "") != c.wrong {
			t.Errorf("%s: %q", name, skew)
		}
	}
}

// TestStarved: a server that was starved takes no source for silent, for two, or for
// one whose clock is wrong, and nothing for lost.
func TestStarved(t *testing.T) {
	s, m := New(entry.Source{1}), newMoments()
	s.Present(true)
	s.HearFrom("a", start, m.Now())
	s.Say(&entry.Beat{Next: 9, Kept: 9}, m.Now())
	s.HearFrom("b", start.Add(time.Second), m.at(time.Second))
	heard := func(instance string, sent time.Duration, now patience.Moment) {
		t.Helper()
		if cloned, skew := s.HearFrom(instance, start.Add(sent), now); cloned || skew != "" {
			t.Errorf("cloned %v, %s", cloned, skew)
		}
	}
	now := m.starved(4 * time.Minute)
	if came, went := s.Turn(now); came || went || !s.Here(now) {
		t.Error("it is missed, and nobody could have heard it")
	}
	heard("a", 2*time.Second, now) // the last of the former process
	if _, _, is := s.Missing(0, m.starved(ComeWithin+5*time.Minute)); is {
		t.Error("what it announced is missed, and nobody could have taken it")
	}
	heard("b", ComeWithin+2*time.Minute, m.Now())
	heard("b", ComeWithin+8*time.Minute, m.starved(ComeWithin+8*time.Minute))
	s.Present(true)
	if _, went := s.Turn(m.at(30 * time.Minute)); !went {
		t.Error("it is not missed on an idle server")
	}
	if first, last, is := s.Missing(0, m.Now()); !is || first != 0 || last != 8 {
		t.Errorf("missing %d to %d, %v", first, last, is)
	}
}
