package importer

import (
	"context"
	"fmt"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Server is the part of a server that an importer needs, across a network or not.
type Server interface {
	// Submit hands in entries. After an error nothing is known of the outcome.
	Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error)
	// Receipt proves that entries stand in the log, and that it continues the tree of
	// believed leaves.
	Receipt(ctx context.Context, believed uint64, indexes []uint64) (*wire.Receipt, error)
	// Imported is how many rows of a file, named by its digest, are in the log.
	Imported(ctx context.Context, file string) (int, error)
	// Latest is the latest change of each of those paths of a host that is told.
	Latest(ctx context.Context, host string, paths []string) ([]wire.Latest, error)
}

// Sender hands entries in and believes only what is proved to it.
type Sender struct {
	Server
	Chain    *record.Chain
	Believed verify.Checkpoint
	Keep     func(context.Context, verify.Checkpoint) error // keeps what is believed; nil: nobody does

	log *entry.LogKey
}

// NewSender returns a sender for a source whose chain stands at head.
func NewSender(srv Server, log *entry.LogKey, key entry.SecretKey, head record.Head) *Sender {
	return &Sender{
		Server: srv, log: log, Chain: record.NewChain(key, head),
		Believed: verify.Checkpoint{Origin: log.Origin(), Root: entry.EmptyRoot},
	}
}

// Send hands in entries and waits until their place in the log is proved.
func (s *Sender) Send(ctx context.Context, subs []wire.Submission) error {
	answers, err := s.Server.Submit(ctx, subs)
	if err != nil {
		return err
	}
	if len(answers) != len(subs) {
		return fmt.Errorf("%d answers to %d entries", len(answers), len(subs))
	}
	indexes := make([]uint64, len(answers))
	for i, ans := range answers {
		if ans.Refused != nil {
			return fmt.Errorf("entry refused: %w", ans.Refused)
		}
		indexes[i] = ans.Index
	}
	notes := make([][]byte, len(subs))
	for i := range subs {
		notes[i] = subs[i].Note
	}
	return s.Believe(ctx, indexes, notes)
}

// Believe asks for a receipt and verifies it.
func (s *Sender) Believe(ctx context.Context, indexes []uint64, notes [][]byte) error {
	r, err := s.Receipt(ctx, s.Believed.Size, indexes)
	if err != nil {
		return err
	}
	cp, err := r.Check(s.log, s.Believed, indexes, notes)
	if err != nil {
		return err
	}
	s.Believed = cp
	s.Chain.Saw(entry.Saw{Size: cp.Size, Root: cp.Root})
	if s.Keep == nil {
		return nil
	}
	return s.Keep(ctx, cp)
}
