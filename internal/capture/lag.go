package capture

import (
	"time"

	"github.com/stele-log/stele/internal/capture/fanotify"
)

const (
	// lagAtMost is how far behind the kernel a look may be without anything being
	// missed: an idle reader looks at an empty queue every 100 ms.
	lagAtMost = 100*time.Millisecond + quiet
	// lagTold is the lag of the reader behind the kernel beyond which the time of a
	// change is told as an interval.
	lagTold = time.Second
)

// lagged: by now a text may have stood for long enough to be recorded, and been
// replaced.
func (l *loop) lagged(h fanotify.Happening) bool {
	return !h.Since.IsZero() && l.c.cfg.Now().Sub(h.Since) > lagAtMost
}

// steps: who wrote it has given it another name. What it was under this one is a
// step on the way.
func (p *pending) steps(h fanotify.Happening) {
	for i := range p.sights {
		if p.sights[i].by.SameAs(h.By) {
			p.sights[i].kept = false
		}
	}
}

// interval is when a change happened at the earliest, where it was read too late
// for its time to be that of the reading.
func (s *sight) interval() (since time.Time) {
	if !s.since.IsZero() && s.at.Sub(s.since) > lagTold {
		return s.since
	}
	return time.Time{}
}
