package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// believer follows the log's checkpoints and keeps the newest outside the
// store, so that an older copy put in its place is recognised.
type believer struct {
	note trust.Note
	key  *entry.LogKey
	dir  *tlog.Dir

	mu      sync.Mutex
	newest  verify.Checkpoint
	written uint64 // size in the note
}

// newBeliever holds the log against what was believed before. Its error is a
// *verify.Finding where the log was rolled back, forked or exchanged.
func newBeliever(ctx context.Context, n trust.Note, key *entry.LogKey, dir *tlog.Dir) (*believer, error) {
	b := &believer{note: n, key: key, dir: dir}
	belief, ok, err := n.Read()
	if err != nil {
		return nil, fmt.Errorf("read what was believed of this log: %w", err)
	}
	b.newest = verify.Checkpoint{Origin: key.Origin(), Root: entry.EmptyRoot}
	if ok {
		if belief.VKey != key.VKey() {
			return nil, &verify.Finding{Code: verify.Fork, Accused: verify.TheLog, Detail: fmt.Sprintf("this is log %s; %s believes in another one", key.Origin(), n.Path())}
		}
		if b.newest, err = belief.Open(); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Path(), err)
		}
	}
	b.written = b.newest.Size
	_, err = b.advance(ctx)
	return b, err
}

// advance moves on to the log's current checkpoint, if it is consistent.
func (b *believer) advance(ctx context.Context) (verify.Checkpoint, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	signed, err := b.dir.ReadCheckpoint()
	if errors.Is(err, fs.ErrNotExist) && b.newest.Size == 0 {
		return b.newest, nil
	}
	if err != nil {
		return b.newest, fmt.Errorf("read checkpoint: %w", err)
	}
	cp, err := verify.OpenCheckpoint(b.key, signed)
	if err != nil {
		return b.newest, err
	}
	if err := tlog.NewTree(b.dir, cp).Consistent(ctx, b.newest); err != nil {
		return b.newest, err
	}
	b.newest = cp
	return cp, nil
}

// save writes the newest checkpoint down. A crash leaves an older one, which is
// believed as well, only less far.
func (b *believer) save(ctx context.Context) error {
	cp, err := b.advance(ctx)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if cp.Size == b.written {
		return nil
	}
	// The note is read again: `stele verify` writes to it too.
	belief, _, err := b.note.Read()
	if err != nil {
		return fmt.Errorf("read what is believed: %w", err)
	}
	belief.VKey, belief.Checkpoint = b.key.VKey(), string(cp.Note)
	if err := b.note.Write(belief); err != nil {
		return fmt.Errorf("keep the newest checkpoint outside the store: %w", err)
	}
	b.written = cp.Size
	return nil
}
