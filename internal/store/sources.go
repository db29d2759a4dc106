package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/verify"
)

// Enrolment is what the log says about a source; ok is false if it is not
// enrolled.
func (s *Store) Enrolment(src entry.Source) (en verify.Enrolment, ok bool) {
	if p := s.intake.Enrolled(src); p != nil {
		return *p, true
	}
	return en, false
}

// SignedHead is [Server.Head] with the entry it ends with, as the source signed
// it: the source need not believe where its own chain stands. There is none
// before the first.
func (s *Store) SignedHead(ctx context.Context, src entry.Source) (record.Head, []byte, error) {
	first, err := s.Head(ctx, src)
	if err != nil || first.Next == 0 {
		return first, nil, err
	}
	// The index has an entry of this source by now. It may have one more since.
	head, ok, err := s.index.Head(ctx, src)
	switch {
	case err != nil:
		return record.Head{}, nil, fmt.Errorf("head of source %s: %w", src, err)
	case !ok:
		return record.Head{}, nil, fmt.Errorf("source %s has signed %d entries, and the index lists none", src, first.Next)
	}
	if _, err := s.log.WaitPublished(ctx, head.Index+1); err != nil {
		return record.Head{}, nil, err
	}
	note, err := s.Entry(ctx, head.Index)
	return record.Head{Next: head.Seq + 1, Prev: head.ID}, note, err
}

// Sources are the sources enrolled, as the index lists them.
func (s *Store) Sources(ctx context.Context) ([]index.SourceStatus, error) {
	st, err := s.index.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	return st.Sources, nil
}

// HostOf is the host that a source was enrolled with.
func (s *Store) HostOf(ctx context.Context, src entry.Source) (string, error) {
	sources, err := s.Sources(ctx)
	if err != nil {
		return "", err
	}
	for i := range sources {
		if sources[i].Source == src {
			return sources[i].Host, nil
		}
	}
	return "", fmt.Errorf("source %s is not enrolled", src)
}

// Revoke records that a source is let in no more: what the log has of it stays,
// what comes later is no longer its word.
func (s *Store) Revoke(ctx context.Context, src entry.Source, reason string) (index uint64, err error) {
	head, err := s.Head(ctx, src)
	if err != nil {
		return 0, err
	}
	if src == s.keys.recorder.Source() {
		return 0, fmt.Errorf("source %s is the recorder of this log, which nothing can be recorded without", src)
	}
	r := s.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	last := head.Next
	if last > 0 {
		last--
	}
	if _, err := r.sign(ctx, record.Draft{
		Kind: entry.Revoke, Open: entry.Open{Source: &src, Last: last}, Why: body.Why{Reason: reason},
		How: body.How{Layer: "recorder", Version: s.cfg.Version},
	}); err != nil {
		return 0, fmt.Errorf("revoke source %s: %w", src, err)
	}
	return r.called - 1, nil
}

// Finding records what the server found wrong, about entries where there are
// any.
func (s *Store) Finding(ctx context.Context, code verify.Code, detail string, about ...entry.ID) error {
	r := s.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.sign(ctx, record.Draft{
		Kind: entry.Finding, Open: entry.Open{Code: string(code), About: about},
		How: body.How{Layer: "recorder", Version: s.cfg.Version, Detail: detail},
	}); err != nil {
		return fmt.Errorf("record finding %s: %w", code, err)
	}
	return nil
}

// Fresh reports whether a beat is one that a roll call can rely on: it saw a tree
// of this log that is no older than the last roll call that lists its source
// absent. After an outage that is the second beat.
func (s *Store) Fresh(b *entry.Beat) bool {
	r := s.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.roll.fresh(b, s.Published())
}

// Roll lists who is present, as the record says.
func (s *Store) Roll() []entry.Source {
	r := s.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.roll.present))
}

// Gone is a source that fell silent, with its last beat if one was heard.
type Gone struct {
	Source entry.Source
	Last   *entry.Beat
}

// Presence notes which sources came, by beats that are fresh, and which went,
// and calls the roll at once if one went: silence is to be seen in bounded time.
func (s *Store) Presence(ctx context.Context, came []*entry.Beat, went []Gone) error {
	r := s.recorder
	r.mu.Lock()
	for _, b := range came {
		r.roll.came(b)
	}
	for _, g := range went {
		r.roll.went(g.Source, g.Last)
	}
	r.mu.Unlock()
	if len(went) == 0 {
		return nil
	}
	return r.rollCall(ctx)
}
