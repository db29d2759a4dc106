package actor

import (
	"os"
	"slices"
	"time"

	"github.com/stele-log/stele/internal/capture/bpf"
)

// mostRuns bounds the runs of notable programs that are remembered.
const mostRuns = 256

// ran is that somebody ran a notable program.
type ran struct {
	exe string
	at  time.Time
	by  Actor
}

// noteRun remembers who ran a notable program, if not this very process. A user's own,
// of the same name say, has no such effect, and must not push others out or be blamed.
// Called with mu held.
func (t *Tracer) noteRun(r *bpf.Record) {
	if t.cfg.Notable == nil || r.IDs.EUID != 0 {
		return
	}
	p := t.kin.current(r.PID)
	if p == nil || p.makerPID == os.Getpid() || !t.cfg.Notable(r.Exe) {
		return
	}
	t.runs = append(t.runs, ran{r.Exe, t.cfg.Now(), t.described(p, p.latest(), r.IDs, false)})
	if len(t.runs) > mostRuns {
		t.runs = slices.Delete(t.runs, 0, len(t.runs)-mostRuns)
	}
}

// Ran is who ran a program of a kind since a time: the last, where those who did came
// by one way, and else nobody. It is likely at most: others can have the same effect.
func (t *Tracer) Ran(kind func(Actor, string) bool, since time.Time) (last Actor) {
	if t == nil {
		return Actor{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drain()
	for _, r := range t.runs {
		if r.at.Before(since) || !kind(r.by, r.exe) {
			continue
		}
		if last.Who != nil && !last.kin(r.by) {
			return Actor{}
		}
		last = r.by
	}
	return last
}

// kin: both descend from one process that is no more than what started both.
func (a Actor) kin(b Actor) bool {
	return len(a.Line) > 1 && len(b.Line) > 1 && a.Line[1] == b.Line[1]
}
