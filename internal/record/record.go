// Package record turns what was observed into signed entries.
//
// A [Chain] is one source: it numbers, seals, chains and signs. It never signs
// two entries with one number, and it remembers nothing across a restart: the
// caller keeps the head (in the spool or in the log) and resumes from it.
//
// [Change.SetText] is the one way from a content to a text that may be recorded:
// without its secrets. Bodies that would be longer than a seal may cover are cut
// where they only tell, and say so.
package record

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
)

// Draft is an entry before it is numbered, sealed and signed.
type Draft struct {
	Kind    entry.Kind
	Time    time.Time // the signer's clock, now
	Open    entry.Open
	Who     body.Who
	Why     body.Why
	How     body.How
	Changes []Change
}

// Change is one change of a draft. What.After is set when the draft is signed.
type Change struct {
	What body.What
	Text []byte // redacted; nil: none
}

// Head is the latest entry of a chain.
type Head struct {
	Next uint64   // seq of the next entry
	Prev entry.ID // id of the latest entry, or of the enrolment before the first
}

// ErrHead says that a head is not the end of a chain of that key.
var ErrHead = errors.New("the entry at the head of our chain is not one that we signed")

// EndsWith holds a head that somebody else tells against the entry it should end
// with: nobody but the holder of the key can have signed that. The error wraps
// [ErrHead]. Before the first entry there is nothing to hold it against.
func (h Head) EndsWith(note []byte, key *entry.PublicKey) error {
	if h.Next == 0 {
		return nil
	}
	e, err := entry.Parse(note)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHead, err)
	}
	if e.Seq+1 != h.Next || e.ID() != h.Prev || e.Source != key.Source() || e.Verify(key) != nil {
		return ErrHead
	}
	return nil
}

// Chain signs the entries of one source, one after the other. It is not safe
// for concurrent use.
type Chain struct {
	key  entry.SecretKey
	head Head
	saw  entry.Saw
}

// NewChain returns the chain that goes on from head.
func NewChain(key entry.SecretKey, head Head) *Chain {
	return &Chain{key, head, entry.Saw{Root: entry.EmptyRoot}}
}

// Head is where the chain stands.
func (c *Chain) Head() Head { return c.head }

// Source is who signs.
func (c *Chain) Source() entry.Source { return c.key.Source() }

// Saw tells the chain of a checkpoint its owner has verified. A smaller one
// than before is passed over.
func (c *Chain) Saw(s entry.Saw) {
	if s.Size > c.saw.Size {
		c.saw = s
	}
}

// Sign makes an entry of a draft and moves the head. After an error the head is
// where it was.
func (c *Chain) Sign(d Draft) (*wire.Submission, *entry.Entry, error) {
	s := &wire.Submission{What: make([][]byte, 0, len(d.Changes))}
	rand.Read(s.Seed[:]) // never fails: crypto/rand ends the process instead
	e := &entry.Entry{
		Kind: d.Kind, Source: c.Source(), Seq: c.head.Next, Prev: c.head.Prev,
		Time: body.FormatTime(d.Time), Saw: c.saw, Open: d.Open,
	}
	if err := c.sealAll(e, s, d); err != nil {
		return nil, nil, err
	}
	var err error
	if s.Note, err = e.Sign(c.key); err != nil {
		return nil, nil, err
	}
	c.head = Head{c.head.Next + 1, e.ID()}
	return s, e, nil
}

func (c *Chain) sealAll(e *entry.Entry, s *wire.Submission, d Draft) (err error) {
	if s.Who, e.Who, err = sealBody(e, s.Seed, entry.LineWho, &d.Who); err != nil {
		return err
	}
	if s.Why, e.Why, err = sealBody(e, s.Seed, entry.LineWhy, &d.Why); err != nil {
		return err
	}
	if s.How, e.How, err = sealBody(e, s.Seed, entry.LineHow, &d.How); err != nil {
		return err
	}
	for k := range d.Changes {
		ch := &d.Changes[k]
		if ch.Text != nil {
			l := entry.LineText(k)
			ch.What.After = seal.Seal(e.Source, e.Seq, l, s.Seed.Salt(l), ch.Text).String()
			s.Texts = append(s.Texts, wire.Text{K: k, Body: ch.Text})
		}
		b, h, err := sealBody(e, s.Seed, entry.LineWhat(k), &ch.What)
		if err != nil {
			return err
		}
		s.What, e.What = append(s.What, b), append(e.What, h)
	}
	return nil
}

func sealBody(e *entry.Entry, seed seal.Seed, l entry.Line, v any) ([]byte, entry.Hash, error) {
	b, err := marshal(v)
	if err != nil {
		return nil, entry.Hash{}, fmt.Errorf("seal %s: %w", l, err)
	}
	return b, seal.Seal(e.Source, e.Seq, l, seed.Salt(l), b), nil
}
