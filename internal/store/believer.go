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
	file trust.File
	key  *entry.LogKey
	dir  *tlog.Dir

	mu      sync.Mutex
	newest  verify.Checkpoint
	written uint64 // size of the checkpoint that is kept
}

// newBeliever holds the log against what was believed before, of this store and
// of copies of it. Its error is a *verify.Finding where the log was rolled back,
// forked or exchanged, or the belief is damaged.
func newBeliever(ctx context.Context, f trust.File, key *entry.LogKey, dir *tlog.Dir) (*believer, error) {
	belief, ok, err := f.Read()
	if err != nil {
		return nil, fmt.Errorf("read what was believed of this log: %w", err)
	}
	if ok && belief.VKey != key.VKey() {
		return nil, &verify.Finding{Code: verify.Fork, Accused: verify.TheLog, Detail: fmt.Sprintf("this is log %s; %s believes in another one", key.Origin(), f.Path())}
	}
	before, err := f.Newest(key)
	if err != nil {
		return nil, fmt.Errorf("read what was believed of this log: %w", err)
	}
	b := &believer{file: f, key: key, dir: dir, newest: before.Checkpoint}
	if before.Own {
		b.written = before.Checkpoint.Size
	}
	_, err = b.advance(ctx)
	return b, before.Explain(err)
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
	if cp.Size <= b.written {
		return nil
	}
	_, err = b.file.Grow(ctx, trust.Growth{Key: b.key, Checkpoint: cp, Continues: tlog.NewTree(b.dir, cp).Consistent})
	if err != nil {
		return fmt.Errorf("keep the newest checkpoint outside the store: %w", err)
	}
	b.written = cp.Size
	return nil
}
