package watcher

import (
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

// runGrace is how long after `stele run` has ended its reason still counts: the
// last writes of the command are settling.
const runGrace = 3 * time.Second

// reasons are the reasons given ahead, by `stele run`: they hold for what that very
// process and its descendants change while it runs.
type reasons struct {
	mu   sync.Mutex
	runs map[actor.Ident]*run
}

type run struct {
	why   body.Why
	giver body.Giver
	ended time.Time // zero: not yet
}

func newReasons() *reasons { return &reasons{runs: make(map[actor.Ident]*run)} }

// begin keeps a reason, unless its giver has too many here: those that have ended
// count for as long as they are kept.
func (r *reasons) begin(id actor.Ident, x *run, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(now)
	if by, n := account(x.giver.User, x.giver.UID), 0; by != 0 {
		for _, o := range r.runs {
			if account(o.giver.User, o.giver.UID) == by {
				n++
			}
		}
		if n >= mostOfOne {
			return false
		}
	}
	r.runs[id] = x
	return true
}

// sweep forgets those that ended a while ago. The caller holds mu.
func (r *reasons) sweep(now time.Time) {
	for id, x := range r.runs {
		if !x.ended.IsZero() && now.Sub(x.ended) > runGrace {
			delete(r.runs, id)
		}
	}
}

func (r *reasons) end(x *run, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.ended = now
}

// of finds the reason for what a process did: its own or that of its nearest
// ancestor. An actor nobody saw has none.
func (r *reasons) of(w *body.Who, line []actor.Ident, now time.Time) body.Why {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(now)
	for _, id := range line {
		if x := r.runs[id]; x != nil {
			return x.to(w)
		}
	}
	return body.Why{}
}

// to is the reason as it is recorded of an actor: who gave it stands there if that
// was somebody else.
func (x *run) to(w *body.Who) body.Why {
	why := x.why
	if !w.IsPerson(x.giver.UID) {
		why.GivenBy = &x.giver
	}
	return why
}
