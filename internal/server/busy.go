package server

import (
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/presence"
)

// busy is whether this server can tell silence: it cannot while it took five times
// as long as a source is waited for to be able to hear it for that long. Nobody is
// missed meanwhile, which must not go unnoticed either.
type busy struct {
	since   patience.Moment // of the stretch that is judged
	alerted bool
}

// judge looks at the stretch up to now, and reports whether this server begins or
// ends to be too busy.
func (b *busy) judge(now patience.Moment) (begins, ends bool) {
	switch now.Waited(b.since, presence.SilentAfter) {
	case patience.Untold:
		begins, b.alerted = !b.alerted, true
	case patience.Late: // it could have heard whoever spoke
		ends, b.alerted = b.alerted, false
		b.since = now
	}
	return begins, ends
}

// tellBusy tells that this server is too busy to miss anybody, where there is
// somebody to be missed, and when that is over.
func (s *Server) tellBusy(now patience.Moment) {
	if len(s.peers.all()) == 0 {
		s.busy.since = now
		return
	}
	begins, ends := s.busy.judge(now)
	if !begins && !ends {
		return
	}
	f := finding.New(finding.CannotTell, "this server was too busy, or stopped, to say who is silent and what is missing")
	f.Time, f.Over = s.cfg.Now(), ends
	s.cfg.Alert(f)
	if ends {
		return
	}
	s.metrics.findings.WithLabelValues(string(f.Code)).Inc()
	s.recordSoon(oddity{code: f.Code, detail: f.Detail})
}
