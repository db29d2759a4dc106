package published

import (
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// tree keeps every hash of a Merkle tree, 64 bytes a leaf, in the order of
// sumdb/tlog.
type tree struct {
	stored []sumdb.Hash
	size   uint64
}

// ReadHashes implements [sumdb.HashReader].
func (t *tree) ReadHashes(indexes []int64) ([]sumdb.Hash, error) {
	hashes := make([]sumdb.Hash, len(indexes))
	for i, n := range indexes {
		hashes[i] = t.stored[n]
	}
	return hashes, nil
}

func (t *tree) add(leaves [][]byte) error {
	for _, leaf := range leaves {
		if err := t.addHash(sumdb.RecordHash(leaf)); err != nil {
			return err
		}
	}
	return nil
}

// addHashes adds the leaves of a tile.
func (t *tree) addHashes(tile []byte) error {
	for ; len(tile) > 0; tile = tile[sumdb.HashSize:] {
		if err := t.addHash(sumdb.Hash(tile[:sumdb.HashSize])); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) addHash(h sumdb.Hash) error {
	made, err := sumdb.StoredHashesForRecordHash(int64(t.size), h, t)
	if err != nil {
		return fmt.Errorf("add leaf %d to the tree: %w", t.size, err)
	}
	t.stored = append(t.stored, made...)
	t.size++
	return nil
}

// rootAt is the root of the first n leaves. The error is a *verify.Finding where
// the tree has fewer.
func (t *tree) rootAt(n uint64) (entry.Hash, error) {
	if n > t.size {
		return entry.Hash{}, &verify.Finding{Code: verify.TreeMismatch, Accused: verify.TheLog, Index: t.size, Detail: "no tree of that size is known"}
	}
	h, err := sumdb.TreeHash(int64(n), t)
	return entry.Hash(h), err
}

// tile returns the hashes of a tile.
func (t *tree) tile(level int, n int64, width int) []byte {
	data := make([]byte, 0, width*sumdb.HashSize)
	for i := range width {
		h := t.stored[sumdb.StoredHashIndex(level*tileHeight, n*tileWidth+int64(i))]
		data = append(data, h[:]...)
	}
	return data
}
