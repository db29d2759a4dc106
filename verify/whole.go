package verify

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stele-log/stele/entry"
)

// view is a tree somebody was shown: its size and root.
type view struct {
	size uint64
	root entry.Hash
}

// Fault says that a file of the log is missing or does not agree with the tree;
// detail names it. However many there are, the finding of step 2 is one.
func (l *Log) Fault(detail string) { l.faults = append(l.faults, detail) }

// whole is step 2: it reports whether the leaves have the checkpoint's root.
func (l *Log) whole() bool {
	size, want := l.verdict.Size, l.cfg.Checkpoint.Size
	whole := size == want && l.tree.root() == l.cfg.Checkpoint.Root
	switch {
	case size != want:
		l.Fault(fmt.Sprintf("%d leaves where the checkpoint says %d", size, want))
	case !whole:
		l.Fault("the leaves have another root than the checkpoint")
	}
	if len(l.faults) > 0 {
		l.report(found(TreeMismatch, size, entry.Source{}, "%s", strings.Join(l.faults, "; ")))
	}
	return whole
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
