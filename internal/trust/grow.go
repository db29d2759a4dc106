package trust

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/verify"
)

// lockName is the lock of a directory of beliefs. It is held while one of them is
// compared and replaced, for as long as that takes.
const lockName = "lock"

// Growth is what somebody has come to believe.
type Growth struct {
	Key        *entry.LogKey
	Checkpoint verify.Checkpoint
	Verified   uint64 // size up to which everything was examined in full; 0: nothing was
	// Continues proves that the checkpoint continues a smaller one that is
	// believed by now. It is asked again where another process has come to
	// believe more meanwhile.
	Continues func(ctx context.Context, before verify.Checkpoint) error
}

// Grow adds to the belief and returns what it is then. A checkpoint that is not
// larger than the believed one is not written, nor is less that was verified. A
// *verify.Finding says that the log does not continue what is believed; the
// belief stays as it was. A crash leaves the old belief or the new one. About a
// copy nothing is written.
func (f File) Grow(ctx context.Context, g Growth) (Belief, error) {
	for {
		before, known, err := f.Read()
		if err != nil {
			return before, err
		}
		after, err := g.on(ctx, f, before, known)
		if err != nil || after == before || f.isCopy {
			return before, err
		}
		done, err := f.exchange(ctx, before, after)
		if err != nil {
			return before, fmt.Errorf("keep what is believed: %w", err)
		}
		if done {
			return after, nil
		}
	}
}

// on is what is believed after what was believed before.
func (g Growth) on(ctx context.Context, f File, b Belief, known bool) (Belief, error) {
	cp := g.Checkpoint
	var before verify.Checkpoint
	if known {
		if b.VKey != g.Key.VKey() {
			return b, &verify.Finding{Code: verify.Fork, Accused: verify.TheLog, Detail: fmt.Sprintf("this is log %s; %s believes in another one", g.Key.Origin(), f.path)}
		}
		var err error
		if before, err = b.Open(); err != nil {
			return b, &Damaged{f.path, err.Error()}
		}
	}
	after := b
	switch {
	case cp.Size > before.Size:
		if known {
			if err := g.Continues(ctx, before); err != nil {
				return b, err
			}
		}
		after.Checkpoint = string(cp.Note)
	case cp.Size == before.Size && known:
		if err := verify.Consistent(before, cp, nil); err != nil {
			return b, err
		}
	}
	after.VKey, after.Store, after.Verified = g.Key.VKey(), f.store, max(b.Verified, g.Verified)
	after.Check = after.check()
	return after, nil
}

// exchange puts a belief in the place of the one before, unless that is another
// by now.
func (f File) exchange(ctx context.Context, before, after Belief) (done bool, err error) {
	dir := filepath.Dir(f.path)
	if err := durable.MkdirAll(durable.OS, dir, 0o700); err != nil {
		return false, err
	}
	lock, err := durable.WaitLock(ctx, f.Lock())
	if err != nil {
		return false, err
	}
	defer func() {
		if released := lock.Release(); err == nil {
			err = released
		}
	}()
	if now, _, err := f.Read(); err != nil || now != before {
		return false, err
	}
	if err := durable.Sweep(durable.OS, dir); err != nil {
		return false, err
	}
	data, err := json.MarshalIndent(after, "", "  ")
	if err != nil {
		return false, err
	}
	return true, durable.WriteFile(durable.OS, f.path, append(data, '\n'), 0o600)
}
