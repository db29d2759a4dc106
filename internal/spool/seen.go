package spool

import (
	"bytes"
	"time"

	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/verify"
)

// pastBelief is a checkpoint that the file tells was believed, and when.
type pastBelief struct {
	note []byte
	at   time.Time
}

// Kept are the checkpoints that this source said it saw.
func (s *Spool) Kept() *checkpoints.Kept { return s.seen }

// Keep keeps the checkpoint that an entry or a beat is about to name, before that
// is put or sent. A crash leaves it here or in the spool, which tells of what was
// believed since it was written anew; one that it tells no more of is made durable
// at once. A full disk keeps it in memory alone.
func (s *Spool) Keep(cp verify.Checkpoint, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return &Broken{s.broken}
	}
	return s.keep(cp, now)
}

// Handed notes that checkpoints were handed on to the server. A crash may have them
// handed on again.
func (s *Spool) Handed(notes [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return &Broken{s.broken}
	}
	if err := s.seen.Shipped(notes); err != nil && !durable.DiskFull(err) {
		s.broken = err
		return &Broken{err}
	}
	return nil
}

// keep is Keep. The caller holds mu, or nobody else knows s.
func (s *Spool) keep(cp verify.Checkpoint, at time.Time) error {
	added, err := s.seen.Add(cp, at, false)
	if err == nil && added && !bytes.Equal(cp.Note, s.checkpoint) {
		err = s.seen.Sync()
	}
	if err != nil && !durable.DiskFull(err) {
		s.broken = err
		return &Broken{err}
	}
	return nil
}

// believe notes a checkpoint that a frame says is believed.
func (s *Spool) believe(note []byte, at time.Time) {
	if s.reading && len(note) > 0 && !bytes.Equal(note, s.checkpoint) {
		s.past = append(s.past, pastBelief{note, at})
	}
	s.checkpoint = note
}

// keepPast keeps what was believed before a crash and may not be kept yet. What is
// no checkpoint any more is nothing to convict by.
func (s *Spool) keepPast() error {
	s.reading = false
	for _, p := range s.past {
		cp, err := verify.ReadCheckpoint(p.note)
		if err != nil {
			continue
		}
		if _, err := s.seen.Add(cp, p.at, false); err != nil && !durable.DiskFull(err) {
			return err
		}
	}
	s.past = nil
	return nil
}
