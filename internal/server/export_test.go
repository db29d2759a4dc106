package server

import (
	"context"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/presence"
	"github.com/stele-log/stele/internal/store"
)

// Tick does what the server does every few seconds.
func (s *Server) Tick(ctx context.Context) error { return s.callRoll(ctx) }

// SilentAfter is when a source is missed.
const SilentAfter = presence.SilentAfter

// SettleFor is for how long batches may overtake each other.
const SettleFor = presence.SettleFor

// ComeWithin is when what a beat announced is missed.
const ComeWithin = presence.ComeWithin

// Impatient has the server wait for clients only briefly.
func Impatient(c *Config) { c.allowed = allowance{200 * time.Millisecond, 300 * time.Millisecond} }

// Break has the store stop with the next entry that it takes in.
func (s *Server) Break(ctx context.Context) error {
	return s.keeper.use(ctx, func(_ context.Context, srv *store.Store) error { return srv.Index().Close() })
}

// Streams is how many streams a source has.
func (s *Server) Streams(src entry.Source) int {
	p := s.peers.of(src)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.streams
}

// MaxStreams is how many streams a source may have at a time.
const MaxStreams = maxStreams
