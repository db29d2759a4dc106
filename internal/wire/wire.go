// Package wire is what crosses from the host's side to the server's: a signed
// entry with everything that opens its seals, and what the server answers.
//
// The same bytes lie in a watcher's spool. They hold redacted texts and salts,
// so whoever keeps them guards them like the vault.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// Submission is an entry as its source signed it, with a disclosure of every seal.
type Submission struct {
	Note  []byte    // the signed entry
	Seed  seal.Seed // all salts derive from it
	Who   []byte
	Why   []byte
	How   []byte
	What  [][]byte
	Texts []Text
}

// Text is the text of the k-th change.
type Text struct {
	K    int
	Body []byte
}

// Disclosures lists the disclosures of a submission whose entry is e.
func (s *Submission) Disclosures(e *entry.Entry) []seal.Disclosure {
	ds := make([]seal.Disclosure, 0, 3+len(s.What)+len(s.Texts))
	add := func(l entry.Line, body []byte) {
		ds = append(ds, seal.Disclosure{Source: e.Source, Seq: e.Seq, Line: l, Salt: s.Seed.Salt(l), Body: body})
	}
	add(entry.LineWho, s.Who)
	add(entry.LineWhy, s.Why)
	add(entry.LineHow, s.How)
	for k, w := range s.What {
		add(entry.LineWhat(k), w)
	}
	for _, t := range s.Texts {
		add(entry.LineText(t.K), t.Body)
	}
	return ds
}

// Answer is what a server says to one submission.
type Answer struct {
	Index     uint64 // position in the log, where accepted
	Duplicate bool   // the log had it already
	Refused   error  // a *verify.Finding or *entry.SyntaxError; nil: accepted
}

// ErrTruncated says that bytes end within a submission.
var ErrTruncated = errors.New("submission is cut short")

// maxParts bounds what a length in a submission may say.
const maxParts = seal.MaxText + 1<<20

// AppendBinary renders s: each part with its length before it.
func (s *Submission) AppendBinary(b []byte) ([]byte, error) {
	b = slices.Grow(b, s.size())
	part := func(p []byte) { b = append(binary.AppendUvarint(b, uint64(len(p))), p...) }
	part(s.Note)
	b = append(b, s.Seed[:]...)
	part(s.Who)
	part(s.Why)
	part(s.How)
	b = binary.AppendUvarint(b, uint64(len(s.What)))
	for _, w := range s.What {
		part(w)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Texts)))
	for _, t := range s.Texts {
		b = binary.AppendUvarint(b, uint64(t.K))
		part(t.Body)
	}
	return b, nil
}

// size is at least what AppendBinary appends: a length takes 4 bytes at the most.
func (s *Submission) size() int {
	n := len(s.Note) + len(s.Seed) + len(s.Who) + len(s.Why) + len(s.How) + 4*6
	for _, w := range s.What {
		n += len(w) + 4
	}
	for _, t := range s.Texts {
		n += len(t.Body) + 8
	}
	return n
}

// UnmarshalBinary reads what AppendBinary wrote. s keeps b.
func (s *Submission) UnmarshalBinary(b []byte) error {
	r := reader{b: b}
	s.Note = r.part()
	copy(s.Seed[:], r.take(len(s.Seed)))
	s.Who, s.Why, s.How = r.part(), r.part(), r.part()
	s.What, s.Texts = nil, nil
	whats := r.count()
	s.What = slices.Grow(s.What, min(whats, len(r.b))) // no more room than bytes are there for
	for range whats {
		s.What = append(s.What, r.part())
	}
	texts := r.count()
	s.Texts = slices.Grow(s.Texts, min(texts, len(r.b)))
	for range texts {
		k := r.number()
		s.Texts = append(s.Texts, Text{int(k), r.part()})
	}
	if r.err == nil && len(r.b) > 0 {
		return fmt.Errorf("%d bytes after a submission", len(r.b))
	}
	return r.err
}

type reader struct {
	b   []byte
	err error
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > maxParts {
		r.b, r.err = nil, ErrTruncated
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads how many parts follow.
func (r *reader) count() int {
	n := r.number()
	if n > entry.MaxWhats {
		r.b, r.err = nil, fmt.Errorf("submission of %d parts, more than %d", n, entry.MaxWhats)
		return 0
	}
	return int(n)
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.err = nil, ErrTruncated
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) part() []byte { return r.take(int(r.number())) }

// Receipt proves that entries stand in a log.
type Receipt struct {
	Checkpoint  []byte             `json:"checkpoint"`  // signed by the log
	Consistency tlog.TreeProof     `json:"consistency"` // from the size the sender believed
	Inclusion   []tlog.RecordProof `json:"inclusion"`   // of the entries asked for, in order
}

// Check verifies a receipt for entries at those indexes and returns the
// checkpoint to believe from now on. The error is a *verify.Finding where the
// server was caught lying.
func (r *Receipt) Check(key *entry.LogKey, believed verify.Checkpoint, indexes []uint64, notes [][]byte) (verify.Checkpoint, error) {
	cp, err := verify.OpenCheckpoint(key, r.Checkpoint)
	if err != nil {
		return cp, err
	}
	if err := verify.Consistent(believed, cp, r.Consistency); err != nil {
		return cp, err
	}
	if len(r.Inclusion) != len(notes) || len(indexes) != len(notes) {
		return cp, fmt.Errorf("receipt has %d proofs for %d entries", len(r.Inclusion), len(notes))
	}
	for i, n := range notes {
		if err := verify.Included(cp, indexes[i], n, r.Inclusion[i]); err != nil {
			return cp, err
		}
	}
	return cp, nil
}
