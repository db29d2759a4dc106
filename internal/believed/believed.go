// Package believed opens the log of a store for whoever reads it: under the key
// that was believed before, or else the one the store names, and under the
// newest checkpoint that this key has signed.
//
// What it returns is signed and leads to the checkpoint's root. Whether it also
// continues what was believed before is asked with [Log.Continues]: some
// readers stop there, some go on and name it. Vault and index are for others to
// open; no belief is needed for them, since the log says what to expect there.
package believed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// Log is the log of a store, for reading. It holds nothing open.
type Log struct {
	Key  *entry.LogKey
	Dir  *tlog.Dir
	Tree *tlog.Tree

	belief  trust.Belief   // about this very store; zero: none
	before  trust.Known    // the newest about this log
	damaged *trust.Damaged // in place of belief
	isCopy  bool
}

// Open opens the log of a store. The error is a *verify.Finding where there is
// no checkpoint, or none that the key has signed.
func Open(l layout.Store, f trust.File) (*Log, error) {
	log := &Log{isCopy: f.IsCopy()}
	belief, known, err := f.Read()
	if err != nil && !errors.As(err, &log.damaged) {
		return nil, fmt.Errorf("read belief: %w", err)
	}
	log.belief = belief
	if known {
		log.Key, err = belief.Key()
	} else {
		log.Key, err = l.LogKey()
	}
	if err != nil && log.damaged == nil && tlog.IsEmpty(l.Log()) {
		return nil, ErrNothing
	}
	if err != nil {
		return nil, err
	}
	if log.damaged == nil {
		if log.before, err = f.Newest(log.Key); err != nil {
			return nil, err
		}
	}
	return log, log.open(l)
}

// ErrNothing says that a store holds no entry yet: it was made, or its first
// start was cut short.
var ErrNothing = errors.New("nothing is recorded yet")

// open opens the tree. No log that anything is believed of can be one that holds
// nothing yet.
func (l *Log) open(at layout.Store) (err error) {
	if l.first() && tlog.IsEmpty(at.Log()) {
		return ErrNothing
	}
	l.Dir, err = tlog.OpenDir(at.Log())
	if errors.Is(err, fs.ErrNotExist) {
		return &verify.Finding{Code: verify.BadCheckpoint, Accused: verify.TheLog, Detail: "the log is not there"}
	}
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	cp, err := l.Dir.Checkpoint(l.Key)
	none := errors.Is(err, fs.ErrNotExist)
	if none && l.first() && l.Dir.Begun() <= 1 {
		return ErrNothing
	}
	if none {
		return &verify.Finding{Code: verify.BadCheckpoint, Accused: verify.TheLog, Detail: "the log has no checkpoint"}
	}
	if err != nil {
		return err
	}
	l.Tree = tlog.NewTree(l.Dir, cp)
	return nil
}

// first reports whether nothing was ever believed of the log.
func (l *Log) first() bool { return l.damaged == nil && l.before.Checkpoint.Size == 0 }

// Empty reports whether the log holds no entry, and was never known to hold any.
func (l *Log) Empty() bool { return l.Checkpoint().Size == 0 && l.first() }

// Checkpoint is the newest one.
func (l *Log) Checkpoint() verify.Checkpoint { return l.Tree.Checkpoint() }

// Verified is the size up to which everything was examined in full before.
func (l *Log) Verified() uint64 { return min(l.belief.Verified, l.Checkpoint().Size) }

// Before is the newest checkpoint that was believed of the log before it was
// opened, here or in another place; nil where there was none. Of a log that is
// known to be a copy, and is older, it is nil too: see [Log.Missing]. The error is
// [trust.Damaged].
func (l *Log) Before() (*verify.Checkpoint, error) {
	switch {
	case l.damaged != nil:
		return nil, l.damaged
	case l.before.Checkpoint.Size == 0, l.isCopy && l.Missing() > 0:
		return nil, nil
	}
	return &l.before.Checkpoint, nil
}

// Continues checks that the log continues what was believed of it. The error is a
// *verify.Finding where it does not, or the belief is damaged.
func (l *Log) Continues(ctx context.Context) error {
	before, err := l.Before()
	if err != nil || before == nil {
		return err
	}
	return l.Explain(l.Tree.Consistent(ctx, *before))
}

// Explain says of the finding that the log is shorter than was believed where the
// longer one is, if that is another place.
func (l *Log) Explain(err error) error { return l.before.Explain(err) }

// Missing is how many entries of the log this copy of it lacks, as far as is
// known.
func (l *Log) Missing() uint64 {
	return max(l.before.Checkpoint.Size, l.Checkpoint().Size) - l.Checkpoint().Size
}

// Place is where the newest state of the log that is known of is kept.
func (l *Log) Place() string { return l.before.Place }
