package verify

import (
	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
)

// Included checks that a leaf stands at an index of the tree a checkpoint
// describes. The error is a *[Finding].
func Included(cp Checkpoint, index uint64, leaf []byte, proof tlog.RecordProof) error {
	err := tlog.CheckRecord(proof, int64(cp.Size), tlog.Hash(cp.Root), int64(index), tlog.Hash(leafHash(leaf)))
	if err != nil {
		return found(TreeMismatch, index, entry.Source{}, "the proof does not lead from entry %d to the root of %d leaves", index, cp.Size)
	}
	return nil
}

// Consistent checks that the tree of a newer checkpoint holds the tree of an
// older one unaltered. The error is a *[Finding]: [Shrunk] or [Fork].
func Consistent(older, newer Checkpoint, proof tlog.TreeProof) error {
	if newer.Size < older.Size {
		return found(Shrunk, newer.Size, entry.Source{}, "%d leaves after %d", newer.Size, older.Size)
	}
	if older.Size == 0 {
		return nil
	}
	err := tlog.CheckTree(proof, int64(newer.Size), tlog.Hash(newer.Root), int64(older.Size), tlog.Hash(older.Root))
	if err != nil {
		return found(Fork, newer.Size, entry.Source{}, "the tree of %d leaves does not continue that of %d", newer.Size, older.Size)
	}
	return nil
}
