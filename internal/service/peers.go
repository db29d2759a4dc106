package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Codes of what only a server can find.
const (
	clonedKey verify.Code = "cloned-key" // two processes speak as one source
	flood     verify.Code = "flood"      // a source brings more than its share
)

// Bounds of what is normal.
const (
	silentAfter = 65 * time.Second // three beats of 20 s and some
	callEvery   = 5 * time.Second
	maxSkew     = 5 * time.Minute
	tellEvery   = time.Hour // the same finding about the same source
)

// errBusy says that the queue, or a source's share of it, is full.
var errBusy = errors.New("the server holds as much as it can")

// peers are the sources heard since the start.
type peers struct {
	share int64 // bytes one source may have in the queue
	mu    sync.Mutex
	m     map[entry.Source]*peer
}

// peer is what is known of one source while this process runs.
type peer struct {
	source entry.Source
	share  *semaphore.Weighted

	mu       sync.Mutex
	heard    time.Time
	present  bool // as the last roll was told
	instance string
	former   map[string]bool // instances that another one took over from
	told     map[verify.Code]time.Time
	host     string // of its enrolment, once looked up
	streams  int
}

func newPeers(share int64) *peers { return &peers{share: share, m: make(map[entry.Source]*peer)} }

func (ps *peers) of(src entry.Source) *peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.m[src]
	if p == nil {
		p = &peer{
			source: src, share: semaphore.NewWeighted(ps.share),
			former: make(map[string]bool), told: make(map[verify.Code]time.Time),
		}
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

// heard notes that a source spoke, and what its request says about it.
func (s *Service) heard(c *call) {
	now := s.cfg.Now()
	p := c.peer
	p.mu.Lock()
	p.heard = now
	cloned := p.speaks(c.Header.Get(wire.HeaderInstance))
	p.mu.Unlock()
	if cloned {
		s.finding(p, clonedKey, "two processes speak as this source in turns: its key was copied")
	}
	if sent, err := time.Parse(body.TimeFormat, c.Header.Get(wire.HeaderTime)); err == nil {
		if skew := sent.Sub(now); skew.Abs() > maxSkew {
			s.finding(p, verify.ClockSkew, fmt.Sprintf("the clock of this source is %s off that of the server", skew.Round(time.Second)))
		}
	}
}

// maxFormer bounds how many processes of a source are remembered.
const maxFormer = 64

// speaks notes which process of the source speaks, and reports whether one that
// another had taken over from is back. A restart is a new process and never
// comes back as the old one. The caller holds mu.
func (p *peer) speaks(instance string) (cloned bool) {
	if instance == "" || len(instance) > 64 || instance == p.instance {
		return false
	}
	cloned = p.former[instance]
	if p.instance != "" && len(p.former) < maxFormer {
		p.former[p.instance] = true
	}
	delete(p.former, instance)
	p.instance = instance
	return cloned
}

// finding records what was found about a source, once in a while.
func (s *Service) finding(p *peer, code verify.Code, detail string) {
	now := s.cfg.Now()
	p.mu.Lock()
	if last, ok := p.told[code]; ok && now.Sub(last) < tellEvery {
		p.mu.Unlock()
		return
	}
	p.told[code] = now
	p.mu.Unlock()
	s.cfg.Diag.Warn("finding", "code", code, "source", p.source, "detail", detail)
	s.metrics.findings.WithLabelValues(string(code)).Inc()
	s.wg.Go(func() {
		err := s.keeper.use(context.Background(), func(ctx context.Context, srv *server.Server) error {
			var about []entry.ID
			if en, ok := srv.Enrolment(p.source); ok {
				about = append(about, en.ID)
			}
			return srv.Finding(ctx, code, detail, about...)
		})
		if err != nil {
			s.cfg.Diag.Error("a finding could not be recorded", "code", code, "source", p.source, "error", err)
			p.mu.Lock()
			delete(p.told, code) // it is told again
			p.mu.Unlock()
		}
	})
}

// roll tells the recorder which sources came and went until the context ends.
func (s *Service) roll(ctx context.Context) {
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.callRoll(ctx); err != nil {
			s.cfg.Diag.Warn("the roll could not be called", "error", err)
		}
	}
}

func (s *Service) callRoll(ctx context.Context) error {
	came, went := s.changes(s.cfg.Now())
	if len(came)+len(went) == 0 {
		return nil
	}
	err := s.keeper.use(ctx, func(ctx context.Context, srv *server.Server) error {
		return srv.Presence(ctx, sourcesOf(came), sourcesOf(went))
	})
	if err != nil {
		return err
	}
	for _, p := range came {
		p.setPresent(true)
	}
	for _, p := range went {
		p.setPresent(false)
		s.metrics.findings.WithLabelValues("silent-source").Inc()
		s.cfg.Diag.Warn("finding", "code", "silent-source", "source", p.source, "detail", "nothing was heard from this source for "+silentAfter.String())
	}
	return nil
}

// changes lists who came and who went since the last roll.
func (s *Service) changes(now time.Time) (came, went []*peer) {
	for _, p := range s.peers.all() {
		p.mu.Lock()
		here := now.Sub(p.heard) < silentAfter
		switch {
		case here && !p.present:
			came = append(came, p)
		case !here && p.present:
			went = append(went, p)
		}
		p.mu.Unlock()
	}
	return came, went
}

func (p *peer) setPresent(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.present = is
}

func sourcesOf(ps []*peer) []entry.Source {
	list := make([]entry.Source, len(ps))
	for i, p := range ps {
		list[i] = p.source
	}
	return list
}
