package store

import (
	"context"
	"fmt"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
)

// Access records that somebody read the record, and what they asked for.
func (s *Store) Access(ctx context.Context, who body.Who, detail string) error {
	r := s.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.sign(ctx, record.Draft{
		Kind: entry.Access, Who: who, How: body.How{Layer: "recorder", Version: s.cfg.Version, Detail: detail},
	}); err != nil {
		return fmt.Errorf("record who read: %w", err)
	}
	return nil
}
