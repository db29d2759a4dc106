package server_test

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// threat is one row of the matrix.
type threat struct {
	act     string
	finding verify.Code // told at once, by this name and no other, and signed into the log
	do      func(*testing.T, *door)
	twin    string
	benign  func(*testing.T, *door)
}

// threats is the server's part of the tamper matrix: each way to cheat, done
// for real to a running server over TLS, the finding that must name it, and a
// benign twin that looks alike and must raise nothing. An act without a finding
// is refused, or does nothing; do checks that.
var threats = []threat{
	{
		"19-21, 52 stop the watcher, or cut it off", "silent-source", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			present(t, d, s)
			d.tick(t, server.SilentAfter+time.Second)
		}, "a restart of the watcher, and of the server", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			present(t, d, s)
			d.tick(t, server.SilentAfter/2)
			s = s.again(t, d)
			must(t, s.beats(t, 0, 0))
			d = d.reopen(t, d.store)
			must(t, s.at(t, d).beats(t, 0, 0))
			d.tick(t, server.SilentAfter/2+time.Second)
		},
	},
	{
		"19-21 stop the watcher while the server is away", "silent-source", func(t *testing.T, d *door) {
			present(t, d, d.join(t, 1))
			d = d.reopen(t, d.store)
			d.tick(t, server.SilentAfter+time.Second)
		}, "an importer that ends when it has done its work", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.sign(t, "/etc/a")...)
			d.tick(t, time.Second)
			d.tick(t, server.SilentAfter+time.Second)
		},
	},
	{
		"19-21 stop the watcher, which came when the store was about to stop", "silent-source", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			must(t, s.beats(t, 0, 0))
			d.tick(t, time.Second) // it came, and no roll call has said so
			d.stumble(t, s)
			must(t, s.beats(t, 0, 0))
			must(t, s.beats(t, 0, 0))
			d.tick(t, time.Second)
			d.tick(t, server.SilentAfter+time.Second)
		}, "a store that stops while the watcher lives", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			present(t, d, s)
			d.stumble(t, s)
			d.tick(t, server.SilentAfter/2)
		},
	},
	{
		"27 delete the spool with what waits in it", verify.SequenceGap, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			subs := s.sign(t, "/etc/a", "/etc/b", "/etc/c")
			s.post(t, subs[:2]...)
			must(t, s.beats(t, 3, 1))
			must(t, s.again(t, d).beats(t, 2, 0)) // goes on from the log's head
			d.settle(t)
		}, "a restart with the spool as it was", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			subs := s.sign(t, "/etc/a", "/etc/b", "/etc/c")
			s.post(t, subs[:2]...)
			must(t, s.beats(t, 3, 1))
			d.settle(t)
			s = s.again(t, d)
			s.post(t, subs[2])
			must(t, s.beats(t, 3, 0))
			d.settle(t)
		},
	},
	{
		"28 alter the spool, and sign again", verify.BadChain, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			subs := s.sign(t, "/etc/a", "/etc/b")
			s.post(t, subs[0], s.resign(t, subs[1], func(e *entry.Entry) { e.Prev[0] ^= 1 }))
		}, "a flipped bit that nobody signed is refused, and the rest goes on", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			good := s.sign(t, "/etc/a")[0]
			bad := good
			bad.Who = bytes.Replace(good.Who, []byte("jane"), []byte("jade"), 1)
			answers, err := s.Post(t.Context(), []wire.Submission{bad})
			if err != nil || code(answers[0].Refused) != verify.SealMismatch {
				t.Errorf("%+v, %v", answers, err)
			}
			s.post(t, good)
		},
	},
	{
		"29 drop a middle entry", verify.SequenceGap, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			subs := s.sign(t, "/etc/a", "/etc/b", "/etc/c")
			s.post(t, subs[0], subs[2])
			d.settle(t)
		}, "batches that overtake each other", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			subs := s.sign(t, "/etc/a", "/etc/b", "/etc/c")
			s.post(t, subs[2])
			s.post(t, subs[0], subs[1])
			d.settle(t)
		},
	},
	{
		"29 drop the last entry, which a beat has said is proved", verify.SequenceGap, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.sign(t, "/etc/a")...)
			must(t, s.beats(t, 2, 0))
			d.settle(t)
		}, "a beat that overtakes what it says", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			must(t, s.beats(t, 1, 0))
			s.post(t, s.sign(t, "/etc/a")...)
			d.settle(t)
		},
	},
	{
		"29 hold back what a beat has announced", verify.SequenceGap, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.lives(t, d, server.ComeWithin+time.Minute, 1, 1)
			d.settle(t)
		}, "a spool that empties late", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			subs := s.sign(t, "/etc/a", "/etc/b")
			s.lives(t, d, server.ComeWithin-time.Minute, 2, 2)
			s.post(t, subs[0])
			s.lives(t, d, server.ComeWithin-time.Minute, 2, 1)
			s.post(t, subs[1])
			s.lives(t, d, server.ComeWithin, 2, 0)
			d.settle(t)
		},
	},
	{
		"30 roll the host back to a snapshot", verify.ForkedSource, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			before := s.chain.Head()
			s.post(t, s.sign(t, "/etc/a")...)
			s.back(before)
			s.post(t, s.sign(t, "/etc/b")...)
		}, "a rolled-back host that asks for its head first", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.sign(t, "/etc/a")...)
			head, _, err := s.Head(t.Context(), s.key.Source())
			must(t, err)
			s.back(head)
			s.post(t, steletest.Sign(t, s.chain, record.Draft{Kind: entry.Gap, Time: time.Now(), Open: entry.Open{Since: body.FormatTime(time.Now())}})...)
		},
	},
	{
		"31 copy the key to a second host", "cloned-key", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			clone := s.again(t, d)
			for range 2 { // in turns
				must(t, s.beats(t, 0, 0))
				must(t, clone.beats(t, 0, 0))
				d.pass(20 * time.Second)
			}
			must(t, s.beats(t, 0, 0))
		}, "a watcher that restarts, again and again, and a request that is late", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			for range 5 {
				must(t, s.beats(t, 0, 0))
				former := s
				s = s.again(t, d)
				must(t, s.beats(t, 0, 0))
				must(t, former.beats(t, 0, 0))
			}
		},
	},
	{
		"32 make a new key", verify.UnknownKey, func(t *testing.T, d *door) {
			_, _, err := d.stranger(t, 7).Head(t.Context(), entry.Source{})
			if status(t, err) != http.StatusForbidden || !asksToEnrol(err) {
				t.Errorf("%v, hint %q", err, hint(err))
			}
		}, "a golden image that asks to enrol", func(t *testing.T, d *door) {
			s := d.join(t, 7)
			s.post(t, s.sign(t, "/etc/a")...)
		},
	},
	{
		"34 set the clock back an hour", verify.ClockSkew, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.clock.pass(-time.Hour)
			must(t, s.beats(t, 0, 0))
		}, "an entry that was spooled for a day", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.clock.pass(-24 * time.Hour)
			subs := s.sign(t, "/etc/a")
			s.clock.pass(24 * time.Hour)
			s.post(t, subs...)
		},
	},
	{
		"35 set the clock forward a year", verify.ClockSkew, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.clock.pass(365 * 24 * time.Hour)
			subs := s.sign(t, "/etc/a")
			s.clock.pass(-365 * 24 * time.Hour) // and hides it when sending
			s.post(t, subs...)
		}, "a clock a minute ahead", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.clock.pass(time.Minute)
			s.post(t, s.sign(t, "/etc/a")...)
		},
	},
	{
		"36 freeze the clock", verify.ClockSkew, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s = s.frozen(t, d)
			for range 5 {
				must(t, s.beats(t, 0, 0))
				d.pass(20 * time.Second)
			}
		}, "a request that the network repeats", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s = s.frozen(t, d)
			must(t, s.beats(t, 0, 0))
			d.pass(20 * time.Second)
			must(t, s.beats(t, 0, 0))
		},
	},
	{
		"37 step the clock to and fro", verify.ClockSkew, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			for _, step := range []time.Duration{time.Minute, -2 * time.Minute} {
				s.clock.pass(step)
				must(t, s.beats(t, 0, 0))
				d.pass(20 * time.Second)
			}
		}, "a clock that NTP slews, and slow requests", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			for i := range 20 {
				s.clock.pass(-10 * time.Millisecond) // 500 ppm
				must(t, s.beats(t, 0, 0))
				d.pass(20*time.Second + time.Duration(i%2)*40*time.Second)
				s.clock.pass(time.Duration(i%3-1) * 10 * time.Second)
			}
		},
	},
	{
		"41 restore the whole server from a snapshot", verify.SawFuture, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.proves(t)
			old := d.copied(t)
			now := d.reopen(t, d.store)
			s = s.at(t, now)
			s.proves(t)
			now.shut(t)
			opensNot(t, old, d.store, verify.Shrunk) // what is believed lies apart
			d = d.reopen(t, old)
			if err := s.at(t, d).beats(t, 1, 0); code(err) != verify.Shrunk {
				t.Errorf("the watcher says %v", err)
			}
		}, "a restart of the server", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.proves(t)
			s.at(t, d.reopen(t, d.store)).proves(t)
		},
	},
	{
		"42 run two servers with one key", verify.SawMismatch, func(t *testing.T, d *door) {
			s, other := d.join(t, 1), d.join(t, 2)
			start := s.chain.Head()
			copied := d.copied(t)
			one := d.reopen(t, d.store)
			s.at(t, one).proves(t)
			other = other.at(t, one)
			other.proves(t)
			two := d.reopen(t, copied)
			s = s.at(t, two)
			s.back(start)
			for range 5 {
				s.proves(t)
			}
			if err := other.at(t, two).beats(t, 1, 0); code(err) != verify.Fork {
				t.Errorf("the watcher that meets both says %v", err)
			}
		}, "a server that moves", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.proves(t)
			s.at(t, d.reopen(t, d.copied(t))).proves(t)
		},
	},
}

// TestThreats does what the table says: silence (P5) and all.
func TestThreats(t *testing.T) {
	for _, row := range slices.Concat(threats, crowds, forgeries) {
		t.Run(row.act, func(t *testing.T) {
			t.Parallel()
			t.Run("act", row.isNamed)
			t.Run("twin "+row.twin, row.isSilent)
		})
	}
}

func (row threat) isNamed(t *testing.T) {
	d := open(t, small)
	row.do(t, d)
	d = d.last()
	var want []verify.Code
	if row.finding != "" {
		want = append(want, row.finding)
	}
	if told := d.told(); !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	switch row.finding {
	case "":
	case "silent-source":
		d.await(t, "a roll call", func(e *entry.Entry) bool { return len(e.Open.Absent) == 1 })
	default:
		d.recorded(t, row.finding)
	}
	examined(t, d)
}

func (row threat) isSilent(t *testing.T) {
	d := open(t, small)
	row.benign(t, d)
	d = d.last()
	if told := d.told(); len(told) > 0 {
		t.Errorf("told %q: %+v", told, d.alerts)
	}
	d.published(t)
	if rep := examined(t, d); len(rep.Findings) > 0 {
		t.Errorf("found %+v", rep.Findings)
	}
}

// small has a queue that a few requests fill.
func small(c *server.Config) { c.Queue = 256 << 10 }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// present has a source listed present.
func present(t *testing.T, d *door, s *source) {
	t.Helper()
	must(t, s.beats(t, 0, 0))
	d.tick(t, time.Second)
}

// opensNot tries to put an older store in the place of another.
func opensNot(t *testing.T, old, st steletest.Store, want verify.Code) {
	t.Helper()
	srv, err := store.Open(t.Context(), store.Config{Layout: old.Layout, Trust: st.Trust, Version: "test"})
	if err == nil {
		steletest.Stop(t, srv)
	}
	if code(err) != want {
		t.Errorf("opening it says %v, want %s", err, want)
	}
}
