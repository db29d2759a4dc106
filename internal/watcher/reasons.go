package watcher

import (
	"sync"
	"time"

	"github.com/stele-log/stele/body"
)

// runGrace is how long after `stele run` has ended its reason still counts: the
// last writes of the command are settling.
const runGrace = 3 * time.Second

// reasons are the reasons given ahead, by `stele run`: they hold for what that
// process and its descendants change while it runs.
type reasons struct {
	mu   sync.Mutex
	runs map[int]*run // by process id of `stele run`
}

type run struct {
	why   body.Why
	ended time.Time // zero: not yet
}

func newReasons() *reasons { return &reasons{runs: make(map[int]*run)} }

func (r *reasons) begin(pid int, why body.Why) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs[pid] = &run{why: why}
}

func (r *reasons) end(pid int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.runs[pid]; x != nil {
		x.ended = now
	}
}

// of finds the reason for what a process did: its own or that of its nearest
// ancestor. An actor nobody saw has none.
func (r *reasons) of(w *body.Who, now time.Time) body.Why {
	r.mu.Lock()
	defer r.mu.Unlock()
	for pid, x := range r.runs {
		if !x.ended.IsZero() && now.Sub(x.ended) > runGrace {
			delete(r.runs, pid)
		}
	}
	if w == nil {
		return body.Why{}
	}
	if x := r.runs[w.PID]; x != nil && w.PID != 0 {
		return x.why
	}
	for _, a := range w.Ancestors {
		if x := r.runs[a.PID]; x != nil {
			return x.why
		}
	}
	return body.Why{}
}
