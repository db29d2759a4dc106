package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/index/sqlite"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
)

// Latest is the latest change of a subject, if there is any.
func (s *Store) Latest(ctx context.Context, sub index.Subject) (id entry.ID, what int, ok bool, err error) {
	m, ok, err := s.index.Latest(ctx, sub)
	if err != nil || !ok {
		return id, 0, false, err
	}
	hit, ok, err := s.index.At(ctx, m.Index)
	return hit.ID, m.K, ok, err
}

// indexed waits until the index has taken in what was accepted by now: a source
// that is told less than the log holds would sign as if it had forgotten it.
func (s *Store) indexed(ctx context.Context) error {
	size := s.log.Size()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		next, err := s.index.Next(ctx)
		if err != nil {
			return fmt.Errorf("position of the index: %w", err)
		}
		if next >= size {
			return nil
		}
		if err := s.Err(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the index: %w", ctx.Err())
		}
	}
}

// Show is the latest change of each of those subjects with what shows that it is
// one. An entry is in the first answer that names it. room is asked for the bytes
// of each answer before the next one is looked for, and may refuse them.
func (s *Store) Show(ctx context.Context, subs []index.Subject, room func(bytes int) error) ([]wire.Latest, error) {
	if err := s.indexed(ctx); err != nil {
		return nil, err
	}
	all := make([]wire.Latest, len(subs))
	shown := make(map[uint64]bool)
	for i, sub := range subs {
		m, ok, err := s.index.Latest(ctx, sub)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if all[i], err = s.show(ctx, m.Index, m.K); err != nil {
			return nil, fmt.Errorf("show entry %d: %w", m.Index, err)
		}
		if shown[m.Index] {
			all[i].Note = nil
		}
		shown[m.Index] = true
		if err := room(len(all[i].Note) + len(all[i].Body)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Store) show(ctx context.Context, at uint64, k int) (l wire.Latest, err error) {
	hit, ok, err := s.index.At(ctx, at)
	if err != nil || !ok {
		return l, err
	}
	l = wire.Latest{Found: true, ID: tlog.Hash(hit.ID), What: k, Index: at}
	if _, err := s.log.WaitPublished(ctx, at+1); err != nil {
		return l, err
	}
	if l.Note, err = s.Entry(ctx, at); err != nil {
		return l, err
	}
	rec, err := s.vault.At(vault.Loc(hit.Loc))
	if err != nil {
		return l, fmt.Errorf("disclosures: %w", err)
	}
	if d, err := rec.Disclosure(entry.LineWhat(k)); err == nil { // else it was erased
		l.Salt, l.Body = d.Salt[:], d.Body
	}
	return l, nil
}

// Imported is how many rows of a file are in the log.
func (s *Store) Imported(ctx context.Context, file string) (int, error) {
	return s.index.Imported(ctx, file)
}

// Index is the index, for counts.
func (s *Store) Index() *sqlite.Index { return s.index }

func originID(key *entry.LogKey) entry.ID { return sha256.Sum256([]byte(key.Origin())) }

func localHost() *body.Host {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	return &body.Host{Name: name, Machine: keyfile.Machine(), OS: runtime.GOOS}
}
