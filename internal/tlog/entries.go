package tlog

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// readAhead is how many bundles wait, verified or being so, for the consumer,
// unless ReadAhead says otherwise.
const readAhead = 2

// Entry is one entry of a log.
type Entry struct {
	Index uint64
	Bytes []byte // may be kept; keeping it keeps its whole bundle in memory
}

// Entry returns one entry.
func (t *Tree) Entry(ctx context.Context, index uint64) ([]byte, error) {
	if index >= t.cp.Size {
		return nil, fmt.Errorf("entry %d: the checkpoint covers %d", index, t.cp.Size)
	}
	n, i := int64(index/tileWidth), int(index%tileWidth)
	hashes, err := t.tile(ctx, 0, n)
	if err != nil {
		return nil, err
	}
	b, ok := t.recent.Get(n)
	if !ok {
		if b.data, b.path, err = t.read(ctx, t.at(bundle, n)); err != nil {
			return nil, err
		}
	}
	entries, _ := SplitBundle(b.data, i+1)
	if len(entries) <= i {
		return nil, &Mismatch{b.path, index, 1, fmt.Sprintf("the bundle breaks off after %d entries", len(entries))}
	}
	if sumdb.RecordHash(entries[i]) != hashAt(hashes, i) {
		return nil, &Mismatch{b.path, index, 1, wrongHash}
	}
	t.recent.Add(n, b)
	return bytes.Clone(entries[i]), nil
}

// rawBundle is a bundle as it was read, and where.
type rawBundle struct {
	data []byte
	path string
}

const wrongHash = "the hash of the entry is not in the tree"

// Entries streams the entries from one index up to, not including, another. An
// entry that is wrong comes with a *[Mismatch], and with the bytes found in its
// place if there are any; the stream goes on behind it. Entries that cannot be
// told apart come as one Mismatch. Any other error says that a bundle could not
// be read; the stream then goes on with the next one, unless ctx has ended.
func (t *Tree) Entries(ctx context.Context, from, to uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if to > t.cp.Size {
			yield(Entry{}, fmt.Errorf("entries to %d: the checkpoint covers %d", to, t.cp.Size))
			return
		}
		next := from
		for l := range t.bundles(ctx, from, to) {
			if !l.yield(from, to, yield) {
				return
			}
			next = l.first + tileWidth
		}
		if err := ctx.Err(); err != nil && next < to {
			yield(Entry{Index: next}, err)
		}
	}
}

// bundles reads and verifies bundles ahead of the consumer, and hands them over
// in order.
func (t *Tree) bundles(ctx context.Context, from, to uint64) iter.Seq[*leaves] {
	return func(yield func(*leaves) bool) {
		var workers sync.WaitGroup
		defer workers.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ordered := make(chan chan *leaves, t.ahead-1)
		workers.Go(func() {
			defer close(ordered)
			for n := int64(from / tileWidth); uint64(n)*tileWidth < to; n++ {
				out := make(chan *leaves, 1)
				select {
				case ordered <- out:
					workers.Go(func() { out <- t.leaves(ctx, n) })
				case <-ctx.Done():
					return
				}
			}
		})
		for out := range ordered {
			if !yield(<-out) {
				return
			}
		}
	}
}

// leaves is a bundle after it was examined.
type leaves struct {
	path    string
	first   uint64
	entries [][]byte
	bad     map[int]*Mismatch // by place in entries, or just behind the last
	err     error             // it could not be examined, or is not there
	rest    []byte            // what is behind the entries
}

// leaves examines a bundle. The normal case needs no level 0 tile: the entries
// hash to what the level above says.
func (t *Tree) leaves(ctx context.Context, n int64) *leaves {
	tile := t.at(bundle, n)
	l := &leaves{first: uint64(n) * tileWidth}
	data, path, err := t.read(ctx, tile)
	if err != nil {
		l.err = err
		return l
	}
	l.path = path
	l.entries, l.rest = SplitBundle(data, tile.W)
	hashes := leafHashes(data, l.entries)
	if len(hashes) == tileWidth*sumdb.HashSize {
		want, err := t.hashOf(ctx, tile)
		if err != nil {
			l.err = err
			return l
		}
		if subtreeOf(hashes) == want {
			t.full.Add(full(0, n), hashes) // whoever proves one of these entries need not read them again
			l.checkRest(tile)
			return l
		}
	}
	l.compare(ctx, t, tile, hashes)
	return l
}

// compare holds every entry against the level 0 tile.
func (l *leaves) compare(ctx context.Context, t *Tree, tile sumdb.Tile, hashes []byte) {
	want, err := t.tile(ctx, 0, tile.N)
	if err != nil {
		l.err = err
		return
	}
	for i := range l.entries {
		if hashAt(hashes, i) != hashAt(want, i) {
			l.blame(i, 1, wrongHash)
		}
	}
	if k := len(l.entries); k < tile.W {
		l.blame(k, tile.W-k, fmt.Sprintf("the bundle breaks off after %d entries", k))
		return
	}
	l.checkRest(tile)
}

// checkRest wants nothing behind the last entry, unless the full bundle stands
// in for a partial one.
func (l *leaves) checkRest(tile sumdb.Tile) {
	if len(l.rest) > 0 && l.path == TilePath(tile) {
		l.blame(tile.W-1, 1, surplus(l.rest))
	}
}

func (l *leaves) blame(i, count int, detail string) {
	if l.bad == nil {
		l.bad = make(map[int]*Mismatch)
	}
	l.bad[i] = &Mismatch{l.path, l.first + uint64(i), uint64(count), detail}
}

// problem is the first thing that is wrong with the bundle, or nil.
func (l *leaves) problem() error {
	if l.err != nil || len(l.bad) == 0 {
		return l.err
	}
	return l.bad[slices.Min(slices.Collect(maps.Keys(l.bad)))]
}

// yield hands the entries in a range to a consumer.
func (l *leaves) yield(from, to uint64, yield func(Entry, error) bool) bool {
	if l.err != nil {
		return yield(Entry{Index: max(from, l.first)}, l.err)
	}
	for i, e := range l.entries {
		index := l.first + uint64(i)
		if index < from || index >= to {
			continue
		}
		var err error
		if m := l.bad[i]; m != nil {
			err = m
		}
		if !yield(Entry{index, e}, err) {
			return false
		}
	}
	if m := l.bad[len(l.entries)]; m != nil && m.Index < to {
		return yield(Entry{Index: max(from, m.Index)}, m)
	}
	return true
}
