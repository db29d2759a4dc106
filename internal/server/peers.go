package server

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/presence"
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

// peer is a source with what it takes up of this server.
type peer struct {
	*presence.Source
	share *semaphore.Weighted

	mu      sync.Mutex
	host    string // of its enrolment, once looked up
	streams int
}

func newPeers(share int64) *peers { return &peers{share: share, m: make(map[entry.Source]*peer)} }

func (ps *peers) of(src entry.Source) *peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.m[src]
	if p == nil {
		p = &peer{Source: presence.New(src), share: semaphore.NewWeighted(ps.share)}
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

// known is a source that was heard since the start, or that the record says is
// present; nil: it is neither.
func (ps *peers) known(src entry.Source) *peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.m[src]
}

// heard notes that a source spoke, and what its request says about it.
func (s *Server) heard(c *call) {
	p := c.peer
	sent, err := time.Parse(body.TimeFormat, c.Header.Get(wire.HeaderTime))
	if err != nil {
		sent = time.Time{}
	}
	cloned, skew := p.HearFrom(c.Header.Get(wire.HeaderInstance), sent, s.clock.Now())
	if cloned {
		s.found(oddity{code: finding.ClonedKey, source: p.ID, detail: "two processes speak as this source in turns: its key was copied"})
	}
	if skew != "" {
		s.found(oddity{code: verify.ClockSkew, source: p.ID, detail: skew})
	}
}
