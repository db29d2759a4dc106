package tlog

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// A bundle is entries one after the other, each behind its length in two bytes.
const lengthSize = 2

// cutEntry takes the first entry off a bundle.
func cutEntry(data []byte) (entry, rest []byte, ok bool) {
	if len(data) < lengthSize {
		return nil, nil, false
	}
	n := lengthSize + int(binary.BigEndian.Uint16(data))
	if len(data) < n {
		return nil, nil, false
	}
	return data[lengthSize:n:n], data[n:], true
}

// SplitBundle cuts the first want entries off a bundle. It returns those before
// the place where the bundle breaks off, and what is left behind them.
func SplitBundle(data []byte, want int) (entries [][]byte, rest []byte) {
	entries = make([][]byte, 0, want)
	for len(entries) < want {
		entry, r, ok := cutEntry(data)
		if !ok {
			break
		}
		entries, data = append(entries, entry), r
	}
	return entries, data
}

// leafHashes returns the hashes of the entries of a bundle, in the form of a
// level 0 tile. It needs no copy of an entry: the byte in front of each, the
// second of its length, stands in for the 0x00 that RFC 6962 puts there.
func leafHashes(data []byte, entries [][]byte) []byte {
	hashes := make([]byte, 0, len(entries)*sumdb.HashSize)
	at := 0
	for _, e := range entries {
		end := at + lengthSize + len(e)
		low := data[at+1]
		data[at+1] = 0
		h := sha256.Sum256(data[at+1 : end])
		data[at+1] = low
		hashes = append(hashes, h[:]...)
		at = end
	}
	return hashes
}

// hashAt is the i-th hash of a tile.
func hashAt(tile []byte, i int) sumdb.Hash {
	return sumdb.Hash(tile[i*sumdb.HashSize : (i+1)*sumdb.HashSize])
}

// subtree is the root of a perfect tree over hashes. It overwrites them.
func subtree(hashes []byte) sumdb.Hash {
	for n := len(hashes) / sumdb.HashSize; n > 1; n /= 2 {
		for i := range n / 2 {
			h := sumdb.NodeHash(hashAt(hashes, 2*i), hashAt(hashes, 2*i+1))
			copy(hashes[i*sumdb.HashSize:], h[:])
		}
	}
	return hashAt(hashes, 0)
}

// subtreeOf is the root of a perfect tree over hashes, which it leaves alone.
func subtreeOf(hashes []byte) sumdb.Hash {
	var scratch [tileWidth * sumdb.HashSize]byte
	return subtree(scratch[:copy(scratch[:], hashes)])
}

// surplus says what is wrong with bytes behind the last entry of a bundle.
func surplus(rest []byte) string { return fmt.Sprintf("%d bytes behind the last entry", len(rest)) }
