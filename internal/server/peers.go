package server

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// peers are the sources heard since the start, and those the record says are
// present.
type peers struct {
	share int64 // bytes one source may have in the queue
	mu    sync.Mutex
	m     map[entry.Source]*peer
}

// peer is what is known of one source while this process runs.
type peer struct {
	source entry.Source
	share  *semaphore.Weighted

	mu        sync.Mutex
	heard     time.Time
	present   bool        // as the last roll call told
	beat      *entry.Beat // the newest; nil: none yet
	announced announced
	clock     clock
	instance  string          // that speaks
	since     time.Time       // that it does
	former    map[string]bool // instances that another one took over from
	host      string          // of its enrolment, once looked up
	streams   int
}

func newPeers(share int64) *peers { return &peers{share: share, m: make(map[entry.Source]*peer)} }

func (ps *peers) of(src entry.Source) *peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.m[src]
	if p == nil {
		p = &peer{source: src, share: semaphore.NewWeighted(ps.share), former: make(map[string]bool)}
		ps.m[src] = p
	}
	return p
}

func (ps *peers) all() []*peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	list := make([]*peer, 0, len(ps.m))
	for _, p := range ps.m {
		list = append(list, p)
	}
	return list
}

// lastHeard is when a source was heard last, zero if not since the start.
func (ps *peers) lastHeard(src entry.Source) time.Time {
	ps.mu.Lock()
	p := ps.m[src]
	ps.mu.Unlock()
	if p == nil {
		return time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard
}

// hears notes that the source spoke.
func (p *peer) hears(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = now
}

// heard notes that a source spoke, and what its request says about it.
func (s *Server) heard(c *call) {
	now := s.cfg.Now()
	p := c.peer
	sent, timeErr := time.Parse(body.TimeFormat, c.Header.Get(wire.HeaderTime))
	p.mu.Lock()
	p.heard = now
	cloned := p.speaks(c.Header.Get(wire.HeaderInstance), now)
	var skew string
	if timeErr == nil {
		skew = p.clock.tells(sent, now)
	}
	p.mu.Unlock()
	if cloned {
		s.found(oddity{code: finding.ClonedKey, source: p.source, detail: "two processes speak as this source in turns: its key was copied"})
	}
	if skew != "" {
		s.found(oddity{code: verify.ClockSkew, source: p.source, detail: skew})
	}
}

// maxFormer bounds how many processes of a source are remembered.
const maxFormer = 64

// takeover is for how long after a restart a last request of the former process
// may still be on its way.
const takeover = 30 * time.Second

// speaks notes which process of the source speaks, and reports whether one that
// another had taken over from is back. A restart is a new process and never
// comes back as the old one. The caller holds mu.
func (p *peer) speaks(instance string, now time.Time) (cloned bool) {
	if instance == "" || len(instance) > 64 {
		instance = "-" // all that do not say who they are are one
	}
	late := p.former[instance] && now.Sub(p.since) < takeover
	if instance == p.instance || late {
		return false
	}
	cloned = p.former[instance]
	if p.instance != "" && len(p.former) < maxFormer {
		p.former[p.instance] = true
	}
	delete(p.former, instance)
	p.instance, p.since = instance, now
	return cloned
}

// Bounds of what is a clock that runs. A request may be under way for a minute.
const (
	maxSkew   = 5 * time.Minute
	maxStep   = 90 * time.Second
	maxFrozen = time.Minute
)

// clock is what the requests of a source say about its clock. They say when they
// were sent: how old the entries in them are does not matter.
type clock struct {
	sent time.Time // as the last request says
	at   time.Time // when the first request came that said so
}

// tells notes when a request was sent and came, and says what is wrong with the
// clock it was sent by.
func (c *clock) tells(sent, now time.Time) (wrong string) {
	last := *c
	if sent.Equal(last.sent) {
		if still := now.Sub(last.at); still >= maxFrozen {
			return fmt.Sprintf("the clock of this source has stood still for %s", still.Round(time.Second))
		}
		return ""
	}
	*c = clock{sent, now}
	if skew := sent.Sub(now); skew.Abs() > maxSkew {
		return fmt.Sprintf("the clock of this source is %s off that of the server", skew.Round(time.Second))
	}
	if last.sent.IsZero() {
		return ""
	}
	if step := sent.Sub(last.sent) - now.Sub(last.at); step.Abs() > maxStep {
		return fmt.Sprintf("the clock of this source has stepped by %s", step.Round(time.Second))
	}
	return ""
}
