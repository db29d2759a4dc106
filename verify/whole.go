package verify

import (
	"errors"
	"fmt"

	"github.com/stele-log/stele/entry"
)

// view is a tree somebody was shown: its size and root.
type view struct {
	size uint64
	root entry.Hash
}

// whole is step 2: it reports whether the leaves have the checkpoint's root.
func (l *Log) whole() bool {
	size := l.verdict.Size
	switch want := l.cfg.Checkpoint.Size; {
	case size != want:
		l.report(found(TreeMismatch, size, entry.Source{}, "%d leaves where the checkpoint says %d", size, want))
	case l.tree.root() != l.cfg.Checkpoint.Root:
		l.report(found(TreeMismatch, size, entry.Source{}, "the leaves have another root than the checkpoint"))
	default:
		return true
	}
	return false
}

// convict is step 3: it holds the checkpoints at hand against the tree and
// returns those that the log signed and does not stand by.
func (l *Log) convict() (map[view]bool, error) {
	convicting := make(map[view]bool)
	for _, cp := range l.atHand() {
		v := view{cp.Size, cp.Root}
		root, err := l.treeAt(cp.Size)
		switch {
		case err != nil:
			return nil, err
		case convicting[v]:
		case cp.Size > l.cfg.Checkpoint.Size:
			convicting[v] = true
			l.report(found(Shrunk, l.verdict.Size, entry.Source{}, "%d leaves after %d", l.cfg.Checkpoint.Size, cp.Size))
		case root.Known && root.Hash != cp.Root:
			convicting[v] = true
			l.report(found(Fork, l.verdict.Size, entry.Source{}, "the tree of %d leaves is not that of a checkpoint at hand", cp.Size))
		}
	}
	return convicting, nil
}

func (l *Log) atHand() []Checkpoint {
	if l.cfg.Believed == nil {
		return l.cfg.AtHand
	}
	return append([]Checkpoint{*l.cfg.Believed}, l.cfg.AtHand...)
}

// treeAt is the root of the checkpoint's tree at a size, where that is known.
func (l *Log) treeAt(size uint64) (Root, error) {
	switch {
	case size > l.cfg.Checkpoint.Size:
		return Root{}, nil
	case size == l.cfg.Checkpoint.Size:
		return Root{l.cfg.Checkpoint.Root, true}, nil
	case size == 0:
		return Root{entry.EmptyRoot, true}, nil
	}
	h, err := l.cfg.RootAt(size)
	if f := (*Finding)(nil); errors.As(err, &f) {
		return Root{}, nil
	}
	if err != nil {
		return Root{}, fmt.Errorf("root at size %d: %w", size, err)
	}
	return Root{h, true}, nil
}
