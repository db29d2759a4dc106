// Package seal commits to text that must stay erasable, and opens such
// commitments.
//
// A seal stands in an entry for ever; what it commits to stands outside, with a
// salt, and can be destroyed without changing one hash. Without the salt a seal
// says nothing about its body, however short the body is. A disclosure opens
// one line of one entry of one source and nothing else, so nobody can copy
// another's seal under an entry of their own.
package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"

	"github.com/stele-log/stele/entry"
)

// Limits of what a seal may commit to, in bytes.
const (
	MaxBody = 1 << 20  // of who, why, how and what
	MaxText = 16 << 20 // of a text
)

// Salt makes a seal unguessable. It is secret for as long as its line is.
type Salt [32]byte

// String hides the salt.
func (Salt) String() string { return "[salt]" }

// GoString hides the salt.
func (Salt) GoString() string { return "[salt]" }

// Seed is 32 random bytes from which all salts of one entry are derived, so
// that an entry costs its keeper one secret and not one for each line. From the
// salts nothing follows about the seed or about each other.
type Seed [32]byte

// String hides the seed.
func (Seed) String() string { return "[seed]" }

// GoString hides the seed.
func (Seed) GoString() string { return "[seed]" }

// Salt derives the salt of a line.
func (s Seed) Salt(l entry.Line) Salt {
	b := make([]byte, 0, 64)
	b = append(b, "stele/salt/v1\n"...)
	b = append(b, s[:]...)
	return sha256.Sum256(l.Append(b))
}

// Seal commits to body as the content of a line of the entry with that source
// and seq.
func Seal(src entry.Source, seq uint64, l entry.Line, salt Salt, body []byte) entry.Hash {
	bufp := buffers.Get().(*[]byte)
	defer buffers.Put(bufp)
	b := append((*bufp)[:0], "stele/seal/v1\n"...)
	b = hex.AppendEncode(b, src[:])
	b = append(b, ' ')
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, ' ')
	b = l.Append(b)
	b = append(b, '\n')
	b = append(b, salt[:]...)
	if len(body) > 4096 { // not worth copying
		*bufp = b
		h := sha256.New()
		h.Write(b)
		h.Write(body)
		return entry.Hash(h.Sum(nil))
	}
	b = append(b, body...)
	*bufp = b
	return sha256.Sum256(b)
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 8192); return &b }}

// Disclosure opens one line of one entry.
type Disclosure struct {
	Source entry.Source
	Seq    uint64
	Line   entry.Line
	Salt   Salt
	Body   []byte
}

// Seal returns the seal that d opens.
func (d *Disclosure) Seal() entry.Hash { return Seal(d.Source, d.Seq, d.Line, d.Salt, d.Body) }

// Opens reports whether d opens a seal. A body beyond the limits opens none.
func (d *Disclosure) Opens(h entry.Hash) bool {
	limit := MaxBody
	if d.Line.IsText() {
		limit = MaxText
	}
	return len(d.Body) <= limit && d.Seal() == h
}
