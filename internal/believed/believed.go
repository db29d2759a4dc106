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

// ErrNote says that what was believed before cannot be made out.
var ErrNote = errors.New("what was believed is damaged")

// Log is the log of a store, for reading. It holds nothing open.
type Log struct {
	Key  *entry.LogKey
	Dir  *tlog.Dir
	Tree *tlog.Tree

	belief *trust.Belief      // nil: nothing was believed before
	before *verify.Checkpoint // of a log that is far away: believed before it was asked
}

// Open opens the log of a store. The error is a *verify.Finding where there is
// no checkpoint, or none that the key has signed.
func Open(l layout.Store, n trust.Note) (*Log, error) {
	log := &Log{}
	belief, ok, err := n.Read()
	if err != nil {
		return nil, fmt.Errorf("read belief: %w", err)
	}
	if ok {
		log.belief = &belief
	}
	if log.Key, err = log.key(l); err != nil {
		return nil, err
	}
	if log.Dir, err = tlog.OpenDir(l.Log()); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	cp, err := log.Dir.Checkpoint(log.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &verify.Finding{Code: verify.BadCheckpoint, Accused: verify.TheLog, Detail: "the log has no checkpoint"}
	}
	if err != nil {
		return nil, err
	}
	log.Tree = tlog.NewTree(log.Dir, cp)
	return log, nil
}

func (l *Log) key(layout layout.Store) (*entry.LogKey, error) {
	if l.belief != nil {
		return l.belief.Key()
	}
	return layout.LogKey()
}

// Checkpoint is the newest one.
func (l *Log) Checkpoint() verify.Checkpoint { return l.Tree.Checkpoint() }

// Verified is the size up to which everything was examined in full before.
func (l *Log) Verified() uint64 {
	if l.belief == nil {
		return 0
	}
	return min(l.belief.Verified, l.Checkpoint().Size)
}

// Before is the checkpoint that was believed before the log was opened, nil where
// there was none. The error is [ErrNote] where the belief is bad.
func (l *Log) Before() (*verify.Checkpoint, error) {
	if l.before != nil || l.belief == nil {
		return l.before, nil
	}
	cp, err := l.belief.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNote, err) // not wrapped: a finding in it would accuse the log
	}
	return &cp, nil
}

// Continues checks that the log continues what was believed of it. The error is
// a *verify.Finding where it does not, and [ErrNote] where the belief is bad.
func (l *Log) Continues(ctx context.Context) error {
	before, err := l.Before()
	if err != nil || before == nil {
		return err
	}
	return l.Tree.Consistent(ctx, *before)
}
