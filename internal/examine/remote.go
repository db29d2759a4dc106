package examine

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/wire"
)

// Of a remote log every entry, proof, signature, chain, disclosure and
// text is examined as ever. The files in which a server keeps them are not: its
// index, its keyring, and whether each byte on its disk is as it was written.

// openRemote opens the log of a server and asks for everything that opens its entries.
func (x *examination) openRemote(ctx context.Context) error {
	remote := *x.cfg.Remote
	if x.cfg.OnlyNew {
		belief, _, err := remote.Trust.Read()
		if err != nil {
			return fmt.Errorf("read belief: %w", err)
		}
		x.report.From = belief.Verified
	}
	log, answer, err := remote.Open(ctx, wire.Question{Ask: wire.AskDisclosures, From: x.report.From, To: math.MaxInt64})
	if err != nil {
		return err
	}
	x.log, x.report.Remote = log, true
	x.report.Checkpoint, x.report.Key, x.report.tree = log.Checkpoint(), log.Key, log.Tree
	x.report.From = min(x.report.From, log.Checkpoint().Size)
	x.disclosures = remote.Disclosures(log, answer, x.report.From)
	return nil
}

// opened sees to it that what opens the next n leaves is at hand, or the first of
// them, and returns of how many it is.
func (x *examination) opened(ctx context.Context, n int) (int, error) {
	end := x.first + uint64(n)
	if x.disclosures == nil || end <= x.report.From {
		return n, nil
	}
	reached, err := x.disclosures.UpTo(ctx, end)
	if err != nil {
		return 0, err
	}
	if reached <= x.first {
		return 0, fmt.Errorf("what opens entry %d cannot be read", x.first)
	}
	return int(reached - x.first), nil
}

// remoteLeaves examines every entry. What the index must hold is nobody's concern.
func (x *examination) remoteLeaves(ctx context.Context) error {
	records := make(chan []index.Record, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for range records {
		}
	}()
	err := x.leaves(ctx, records)
	close(records)
	<-drained
	return errors.Join(err, x.disclosures.Close())
}
