package server_test

import (
	"testing"
	"time"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/verify"
)

// TestBusyServer: a server that is starved misses nobody. After five times as long as
// a source is waited for it says, to a person and on the record, that it cannot tell;
// no longer once it could have heard whoever spoke, and then it misses who did not.
func TestBusyServer(t *testing.T) {
	for _, lives := range []bool{true, false} {
		d := open(t)
		s := d.join(t, 1)
		present(t, d, s)
		s.post(t, s.sign(t, "/etc/a", "/etc/b")[1]) // a hole
		starve := func(during time.Duration) {
			t.Helper()
			d.starve(during)
			d.tick(t, time.Millisecond)
		}
		starve(4 * server.SilentAfter)
		if told := d.told(); len(told) > 0 {
			t.Fatalf("a starved server tells %q", told)
		}
		starve(2 * server.SilentAfter)
		starve(time.Hour)
		if told := d.told(); len(told) != 1 || told[0] != finding.CannotTell {
			t.Fatalf("it tells %q, want %s", told, finding.CannotTell)
		}
		d.recorded(t, finding.CannotTell)
		for range 4 {
			if lives {
				must(t, s.beats(t, 0, 0))
			}
			d.tick(t, 20*time.Second)
		}
		d.mu.Lock()
		var over int
		codes := map[verify.Code]bool{}
		for _, f := range d.alerts {
			codes[f.Code] = true
			if f.Code == finding.CannotTell && f.Over {
				over++
			}
		}
		d.mu.Unlock()
		if over != 1 {
			t.Errorf("it ends %d times", over)
		}
		if codes[finding.SilentSource] == lives || !codes[verify.SequenceGap] {
			t.Errorf("a source that lives: %v; told %v", lives, codes)
		}
	}
}

// TestBusyForNobody: where nobody is to be missed nothing is told.
func TestBusyForNobody(t *testing.T) {
	d := open(t)
	d.starve(time.Hour)
	d.tick(t, time.Second)
	if told := d.told(); len(told) > 0 {
		t.Errorf("told %q", told)
	}
}
