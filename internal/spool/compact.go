package spool

import (
	"errors"
	"maps"
	"slices"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
)

const (
	// compactAt is how large the file may grow before it is written anew, and
	// compactFactor by how much it must have grown since.
	compactAt     = 4 << 20
	compactFactor = 4
)

// compact writes the file anew with nothing in it that is no longer needed. A
// crash leaves the old file or the new one, which say the same.
func (s *Spool) compact() error {
	next, pending, err := s.rewrite()
	if durable.DiskFull(err) && s.file != nil {
		return nil // the old file says the same, only longer
	}
	if err == nil {
		err = s.seen.Sync() // the new file does not tell of what was believed before
	}
	if err == nil {
		err = s.replace(next)
	}
	if err != nil {
		s.broken = err
		return &Broken{err}
	}
	s.pending, s.whole = pending, next.Size()
	return nil
}

// rewrite writes what is needed into a file beside the old one.
func (s *Spool) rewrite() (*durable.Appender, []waiting, error) {
	next, err := durable.Create(s.cfg.FS, s.path+".new", durable.Header(magic), 0o600)
	if err != nil {
		return nil, nil, err
	}
	pending, err := s.copyTo(next)
	if err != nil {
		return nil, nil, errors.Join(err, next.Close())
	}
	return next, pending, nil
}

func (s *Spool) copyTo(next *durable.Appender) ([]waiting, error) {
	b, err := s.kept()
	if err != nil {
		return nil, err
	}
	if _, err := next.Write(b); err != nil {
		return nil, err
	}
	pending := make([]waiting, 0, len(s.pending))
	for _, w := range s.pending {
		payload, err := s.payload(w)
		if err != nil {
			return nil, err
		}
		w.at = next.Size() + durable.FrameOverhead
		if _, err := next.Write(durable.AppendFrame(nil, payload, true)); err != nil {
			return nil, err
		}
		pending = append(pending, w)
	}
	return pending, next.Sync()
}

// kept renders the states and the head.
func (s *Spool) kept() (b []byte, err error) {
	add := func(kind byte, v any) error {
		p, err := frame(kind, v)
		b = durable.AppendFrame(b, p, true)
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(s.states)) {
		if err := add(frameState, s.states[path]); err != nil {
			return nil, err
		}
	}
	if s.head == nil {
		return b, nil
	}
	h := *s.head
	h.Checkpoint, h.Acked, h.Alive = s.checkpoint, s.acked, s.alive
	if s.cfg.Source != (entry.Source{}) {
		h.Source = s.cfg.Source.String()
	}
	return b, add(frameHead, h)
}

// replace puts the new file in the place of the old one.
func (s *Spool) replace(next *durable.Appender) error {
	if err := s.cfg.FS.Rename(next.Path(), s.path); err != nil {
		return errors.Join(err, next.Close())
	}
	old := s.file
	s.file = next
	if old != nil {
		if err := old.Close(); err != nil {
			return err
		}
	}
	return s.cfg.FS.SyncDir(s.cfg.Dir)
}
