package watcher

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// see has the entries that are signed from now on name a checkpoint. The caller
// holds mu, or nobody else knows w.
func (w *Watcher) see(cp verify.Checkpoint) {
	w.chain.Saw(entry.Saw{Size: cp.Size, Root: cp.Root})
	if cp.Size > w.seen.Size {
		w.seen, w.kept = cp, false
	}
}

// keepSeen keeps the checkpoint that an entry names, before the entry is spooled:
// whoever is asked for it later must be able to show it. The caller holds mu.
func (w *Watcher) keepSeen() error {
	if w.kept {
		return nil
	}
	if err := w.cfg.Spool.Keep(w.seen, w.cfg.Now()); err != nil {
		return err
	}
	w.kept = true
	return nil
}

// check verifies a receipt. A checkpoint that is too large to be kept is refused:
// the entries that name it could not be justified later.
func (w *Watcher) check(r *wire.Receipt, before verify.Checkpoint, indexes []uint64, notes [][]byte) (verify.Checkpoint, error) {
	cp, err := r.Check(w.cfg.LogKey, before, indexes, notes)
	if err == nil && len(cp.Note) > checkpoints.MaxNote {
		err = fmt.Errorf("a checkpoint of %d bytes, more than %d", len(cp.Note), checkpoints.MaxNote)
	}
	if f := (*verify.Finding)(nil); err != nil && !errors.As(err, &f) {
		err = fmt.Errorf("%w: %w", errBadReceipt, err)
	}
	return cp, err
}

// ofThisLog are the checkpoints among those that the log's key signed. A directory
// may have been another log's before.
func (w *Watcher) ofThisLog(notes [][]byte) [][]byte {
	return slices.DeleteFunc(slices.Clone(notes), func(note []byte) bool {
		_, err := verify.OpenCheckpoint(w.cfg.LogKey, note)
		return err != nil
	})
}
