package watcher

import (
	"context"
	"fmt"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
)

// believeShown takes in what the server says of the history of paths, once it has
// shown each change: an entry that stands in the log, and a line of it that is
// about that path. To name an invented one would accuse this source. That there
// is no later one is the server's word; nobody can prove it without the whole log.
func (w *Watcher) believeShown(ctx context.Context, paths []string, found []wire.Latest) error {
	if len(found) != len(paths) {
		return fmt.Errorf("%d answers to %d questions", len(found), len(paths))
	}
	s := shown{entries: make(map[entry.ID]*entry.Entry)}
	for i := range found {
		if err := s.take(&found[i], paths[i]); err != nil {
			return fmt.Errorf("%w: the latest change of a path: %w", errBadAnswer, err)
		}
	}
	if len(s.notes) > 0 {
		cp, err := w.prove(ctx, s.indexes, s.notes, func(believed uint64) (*wire.Receipt, error) {
			return w.cfg.Server.Receipt(ctx, believed, s.indexes)
		})
		if err != nil {
			return err
		}
		if err := w.believe(cp); err != nil {
			return err
		}
	}
	hidden := false
	for i, l := range found {
		switch {
		case l.Found && l.Body == nil:
			hidden = true
		case l.Found:
			w.refs[paths[i]] = ref{id: entry.ID(l.ID), what: l.What}
		}
	}
	if hidden { // erased, or so it is said
		return w.gap("what was recorded of these paths before was not shown", w.cfg.Now())
	}
	return nil
}

// shown is what a server shows of entries that others may have signed.
type shown struct {
	entries map[entry.ID]*entry.Entry
	indexes []uint64
	notes   [][]byte
}

// take holds one answer against the entry it names.
func (s *shown) take(l *wire.Latest, path string) error {
	if !l.Found {
		return nil
	}
	if l.Note != nil {
		e, err := entry.Parse(l.Note)
		if err != nil {
			return err
		}
		s.entries[e.ID()] = e
		s.indexes, s.notes = append(s.indexes, l.Index), append(s.notes, l.Note)
	}
	e := s.entries[entry.ID(l.ID)]
	switch {
	case e == nil:
		return fmt.Errorf("the entry is not shown")
	case l.What < 0 || l.What >= len(e.What):
		return fmt.Errorf("entry %d has no what %d", l.Index, l.What)
	case l.Body == nil:
		return nil
	}
	return opensFor(e, l, path)
}

// opensFor checks that the disclosed line is about a path: it names the path, or
// is a rename of it.
func opensFor(e *entry.Entry, l *wire.Latest, path string) error {
	line := entry.LineWhat(l.What)
	d := seal.Disclosure{Source: e.Source, Seq: e.Seq, Line: line, Body: l.Body}
	if copy(d.Salt[:], l.Salt) != len(d.Salt) || len(l.Salt) != len(d.Salt) {
		return fmt.Errorf("a salt of %d bytes", len(l.Salt))
	}
	if sealed, _ := e.Seal(line); !d.Opens(sealed) {
		return fmt.Errorf("%s of entry %d is not opened by what is shown", line, l.Index)
	}
	var what body.What
	if err := body.Unmarshal(l.Body, &what); err != nil {
		return err
	}
	if body.Text(what.Path, what.Path64) != path && body.Text(what.From, what.From64) != path {
		return fmt.Errorf("%s of entry %d is about another path", line, l.Index)
	}
	return nil
}
