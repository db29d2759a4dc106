package verify

import (
	"crypto/sha256"
	"math/bits"

	"github.com/stele-log/stele/entry"
)

// tree is the Merkle tree of RFC 6962 over the leaves so far.
type tree struct {
	size  uint64
	roots []entry.Hash // of the perfect subtrees that make it up, largest first
}

// add adds a leaf: as many subtrees merge as the size so far has trailing one
// bits.
func (t *tree) add(h entry.Hash) {
	for range bits.TrailingZeros64(^t.size) {
		last := len(t.roots) - 1
		h = nodeHash(t.roots[last], h)
		t.roots = t.roots[:last]
	}
	t.roots = append(t.roots, h)
	t.size++
}

func (t *tree) root() entry.Hash {
	last := len(t.roots) - 1
	if last < 0 {
		return entry.EmptyRoot
	}
	root := t.roots[last]
	for i := last - 1; i >= 0; i-- {
		root = nodeHash(t.roots[i], root)
	}
	return root
}

// leafHash and nodeHash are those of RFC 6962, section 2.1.
func leafHash(b []byte) entry.Hash {
	buf := make([]byte, 0, 1024)
	return sha256.Sum256(append(append(buf, 0), b...))
}

func nodeHash(left, right entry.Hash) entry.Hash {
	var b [65]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}
