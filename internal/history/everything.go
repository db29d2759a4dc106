package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
)

// Everything is what the vault has for one entry: its lines and texts.
type Everything struct {
	Index uint64
	Entry *entry.Entry
	Open  []wire.Disclosure // erased and missing ones too
	Size  uint64            // of the tree that is read
}

// All hands what the vault has for every entry from an index on to do, beside a
// writer too. It holds nothing against its seal: that is for who verifies.
func All(ctx context.Context, l layout.Store, f trust.File, from uint64, diag *slog.Logger, do func(Everything) error) (err error) {
	log, err := believed.Open(l, f)
	if err != nil {
		return err
	}
	p, err := OpenParts(ctx, l, diag)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	size := log.Checkpoint().Size
	for leaf, err := range log.Tree.Entries(ctx, min(from, size), size) {
		if err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		e, bad := entry.Parse(leaf.Bytes)
		if bad != nil {
			continue // it has no seals
		}
		open, err := p.Open(ctx, leaf.Index, e.ID(), lines(e))
		if err != nil {
			return fmt.Errorf("entry %d: %w", leaf.Index, err)
		}
		if err := do(Everything{leaf.Index, e, open, size}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// lines are those of an entry, each change's with its text behind it.
func lines(e *entry.Entry) []entry.Line {
	all := []entry.Line{entry.LineWho, entry.LineWhy}
	for k := range e.What {
		all = append(all, entry.LineWhat(k), entry.LineText(k))
	}
	return all
}
