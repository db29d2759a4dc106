package store

import (
	"context"

	"github.com/stele-log/stele/entry"
)

// Lie lists a source present that no beat speaks for.
func (s *Store) Lie(ctx context.Context, src entry.Source) error {
	s.recorder.mu.Lock()
	s.recorder.roll.present[src], s.recorder.roll.changed[src] = true, nil
	s.recorder.mu.Unlock()
	return s.recorder.rollCall(ctx)
}

// CallRoll calls the roll now.
func (s *Store) CallRoll(ctx context.Context) error { return s.recorder.rollCall(ctx) }
