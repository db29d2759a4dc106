package believed

import (
	"context"
	"errors"
	"fmt"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Remote is the log of a store that a server keeps elsewhere, and how to reach it.
type Remote struct {
	// Read asks the server. The pieces come as they are needed.
	Read func(ctx context.Context, q wire.Question) (*wire.Evidence, error)
	// File returns a file of the log, as [tlog.NewFetched] wants it.
	File func(ctx context.Context, path string, limit int64) ([]byte, error)

	Key   *entry.LogKey // of the log; believed
	Trust trust.File    // what was believed of it before
}

// fetchAhead is how many bundles are fetched at once from a remote log.
const fetchAhead = 8

// Open asks the server a question and opens the log under the checkpoint that the
// answer begins with. It must continue what was believed before, and the error is
// a *verify.Finding where it does not; it is believed itself from now on. The rest
// of the answer is for the caller to read and to close.
func (f Remote) Open(ctx context.Context, q wire.Question) (_ *Log, answer *wire.Evidence, err error) {
	known, err := f.Trust.Newest(f.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("read what was believed: %w", err)
	}
	before := known.Checkpoint
	q.Under, q.Believed = 0, before.Size
	if answer, err = f.Read(ctx, q); err != nil {
		return nil, nil, err
	}
	cp, err := f.ground(answer, before)
	tree := tlog.NewTree(tlog.NewFetched(f.File), cp)
	var belief trust.Belief
	if err == nil {
		belief, err = f.believe(ctx, tree, before)
	}
	if err != nil {
		return nil, nil, errors.Join(err, answer.Close())
	}
	tree.ReadAhead(fetchAhead)
	return &Log{Key: f.Key, Tree: tree, belief: belief, before: known}, answer, nil
}

// believe keeps the checkpoint of a tree that continues what was believed before.
// Where somebody who read meanwhile has come to believe in another one, the
// server has to prove that too.
func (f Remote) believe(ctx context.Context, tree *tlog.Tree, before verify.Checkpoint) (trust.Belief, error) {
	return f.Trust.Grow(ctx, trust.Growth{
		Key: f.Key, Checkpoint: tree.Checkpoint(),
		Continues: func(ctx context.Context, now verify.Checkpoint) error {
			if now.Size == before.Size && now.Root == before.Root {
				return nil
			}
			return tree.Consistent(ctx, now)
		},
	})
}

// ground reads the first piece of an answer and checks that the log, as the server
// shows it, continues what was believed.
func (f Remote) ground(answer *wire.Evidence, before verify.Checkpoint) (cp verify.Checkpoint, err error) {
	p, _, err := answer.Next()
	if err != nil {
		return cp, fmt.Errorf("read the answer of the server: %w", err)
	}
	if p.Ground == nil {
		return cp, errors.New("the answer of the server does not begin with a checkpoint")
	}
	if cp, err = verify.OpenCheckpoint(f.Key, p.Ground.Checkpoint); err != nil {
		return cp, err
	}
	return cp, verify.Consistent(before, cp, p.Ground.Consistency)
}
