package tlog

import (
	"bytes"
	"context"
	"math/bits"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
)

// maxDoubts bounds the places of the edge that are tried both as stored and as
// rebuilt. Damage beyond it is damage still, only not repaired in memory.
const maxDoubts = 10

// edge returns the partial tiles at the right end of every level. Nothing lies
// above them but the root, so they are verified all at once; nil where a level
// has none.
func (t *Tree) edge(ctx context.Context) ([][]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.edges != nil {
		return t.edges, nil
	}
	tiles := t.edgeTiles()
	edges := make([][]byte, len(tiles))
	var bad error
	for level, tile := range tiles {
		if tile.W == 0 {
			continue
		}
		data, err := t.readTile(ctx, tile)
		switch {
		case mismatched(err):
			bad = err
			if data, err = t.rebuild(ctx, tile); err != nil {
				return nil, bad
			}
		case err != nil:
			return nil, err
		}
		edges[level] = data
	}
	if !t.leadsToRoot(edges) && !t.repair(ctx, tiles, edges) {
		if bad == nil {
			bad = &Mismatch{TilePath(tiles[len(tiles)-1]), 0, t.cp.Size, "the right edge does not lead to the root of the checkpoint"}
		}
		return nil, bad
	}
	t.edges = edges
	return edges, nil
}

// soundEdge checks that the edge as it is stored is the true one, and not only
// one that can be repaired.
func (t *Tree) soundEdge(ctx context.Context) error {
	edges, err := t.edge(ctx)
	if err != nil {
		return err
	}
	for level, tile := range t.edgeTiles() {
		if tile.W == 0 {
			continue
		}
		data, err := t.readTile(ctx, tile)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, edges[level]) {
			return newMismatch(TilePath(tile), tile, "%s", wrongTile)
		}
	}
	return nil
}

// edgeTiles are the coordinates of the partial tiles, by level; of width 0
// where the last tile of a level is full.
func (t *Tree) edgeTiles() []sumdb.Tile {
	var tiles []sumdb.Tile
	for hashes := t.cp.Size; hashes > 0; hashes >>= tileHeight {
		tiles = append(tiles, t.at(len(tiles), int64(hashes/tileWidth)))
	}
	return tiles
}

// leadsToRoot computes the root from the edge: from right to left, that is from
// the smallest perfect subtree to the largest.
func (t *Tree) leadsToRoot(edges [][]byte) bool {
	var root sumdb.Hash
	empty := true
	for _, edge := range edges {
		for w := len(edge) / sumdb.HashSize; w > 0; w &= w - 1 {
			n := 1 << bits.TrailingZeros(uint(w))
			h := subtreeOf(edge[(w-n)*sumdb.HashSize : w*sumdb.HashSize])
			if !empty {
				h = sumdb.NodeHash(h, root)
			}
			root, empty = h, false
		}
	}
	if empty {
		return t.cp.Root == entry.EmptyRoot
	}
	return root == sumdb.Hash(t.cp.Root)
}

// doubt is a hash of the edge that is not what lies below it says.
type doubt struct {
	level, i int
	rebuilt  sumdb.Hash
}

// repair replaces hashes of the edge by those computed from below, so that it
// leads to the root. Either side of a doubt may be the damaged one.
func (t *Tree) repair(ctx context.Context, tiles []sumdb.Tile, edges [][]byte) bool {
	var doubts []doubt
	for level, tile := range tiles {
		if tile.W == 0 {
			continue
		}
		rebuilt, err := t.rebuild(ctx, tile)
		if err != nil {
			continue
		}
		for i := range tile.W {
			if h := hashAt(rebuilt, i); h != hashAt(edges[level], i) {
				doubts = append(doubts, doubt{level, i, h})
			}
		}
	}
	if len(doubts) > maxDoubts {
		replace(edges, doubts, ^uint(0))
		return t.leadsToRoot(edges)
	}
	for set := uint(1); set < 1<<len(doubts); set++ {
		tried := clone(edges)
		replace(tried, doubts, set)
		if t.leadsToRoot(tried) {
			copy(edges, tried)
			return true
		}
	}
	return false
}

// replace settles the doubts in the set for what was rebuilt.
func replace(edges [][]byte, doubts []doubt, set uint) {
	for k, d := range doubts {
		if k >= bits.UintSize || set>>k&1 == 1 {
			copy(edges[d.level][d.i*sumdb.HashSize:], d.rebuilt[:])
		}
	}
}

func clone(edges [][]byte) [][]byte {
	c := make([][]byte, len(edges))
	for i, e := range edges {
		c[i] = append([]byte(nil), e...)
	}
	return c
}
