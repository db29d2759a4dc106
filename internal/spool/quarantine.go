package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
)

// foreign names the source whose spool this is, if it is not that of the
// settings.
func (s *Spool) foreign() string {
	if s.cfg.Source == (entry.Source{}) {
		return ""
	}
	own := s.cfg.Source.String()
	if s.head != nil && s.head.Source != "" && s.head.Source != own {
		return s.head.Source
	}
	for _, w := range s.pending { // all of one source, as far as they are whole
		if e := s.entryOf(w); e != nil && e.Source != s.cfg.Source {
			return e.Source.String()
		}
	}
	return ""
}

// entryOf is an entry that waits, nil if it cannot be made out.
func (s *Spool) entryOf(w waiting) *entry.Entry {
	it, err := s.item(w)
	if err != nil {
		return nil
	}
	e, err := entry.Parse(it.Submission.Note)
	if err != nil {
		return nil
	}
	return e
}

// findMissing compares the head with what is there: an entry at the end that has
// become unreadable looks like one that a crash left unfinished, but a head that
// is beyond it had been durable with it.
func (s *Spool) findMissing() {
	if s.head == nil {
		return
	}
	have := s.acked
	if n := len(s.pending); n > 0 {
		have = s.pending[n-1].seq + 1
	}
	if s.head.Next > have {
		s.damage = append(s.damage, durable.Damage{
			Path: s.path, Offset: s.file.Size(),
			Why: fmt.Sprintf("entries %d to %d are neither acknowledged nor here", have, s.head.Next-1),
		})
	}
}

// dropUnrecorded forgets the paths whose latest change was in an entry that is
// lost: neither the log nor the spool has it, so the scan must find it again.
func (s *Spool) dropUnrecorded() {
	waits := make(map[entry.ID]bool)
	for _, w := range s.pending {
		waits[w.id] = true
	}
	maps.DeleteFunc(s.states, func(_ string, st State) bool { return st.Seq >= s.acked && !waits[st.Entry] })
}

// empty forgets what was read.
func (s *Spool) empty(other string) {
	s.damage = append(s.damage, durable.Damage{Path: s.path, Bytes: s.file.Size(), Why: "it is the spool of source " + other})
	s.states, s.head, s.pending, s.bytes, s.checkpoint, s.acked, s.alive = make(map[string]State), nil, nil, 0, nil, 0, time.Time{}
}

// quarantine keeps a copy of the file under a name that is free: it is evidence,
// and there may be more in it than could be read.
func (s *Spool) quarantine(why string) error {
	aside := s.path + "." + why
	for n := 1; ; n++ {
		if _, err := s.cfg.FS.Stat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		aside = fmt.Sprintf("%s.%s.%d", s.path, why, n)
	}
	data, err := durable.ReadFile(s.cfg.FS, s.path)
	if err != nil {
		return err
	}
	s.cfg.Diag.Error("spool was put aside", "path", s.path, "why", why, "kept_as", aside)
	if err := durable.WriteFile(s.cfg.FS, aside, data, 0o600); err != nil {
		return fmt.Errorf("keep what is left of the spool: %w", err)
	}
	return nil
}
