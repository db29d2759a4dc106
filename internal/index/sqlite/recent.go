package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"sync"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// recent answers the two questions intake asks all the time about entries that
// are not in the sorted tables yet, where the answer would be a scan. Only the
// process that writes has one.
//
// An entry is in recent before or while it is in the sorted tables, never
// neither: who asks recent first, and the tables after, misses nothing.
type recent struct {
	mu    sync.RWMutex
	seqs  map[seqKey][]index.Ref
	texts map[int64]latest // by subject
}

type seqKey struct {
	source entry.Source
	seq    uint64
}

// latest is the newest text of a subject.
type latest struct {
	at   int64
	text uint64
}

func newRecent() *recent {
	return &recent{seqs: map[seqKey][]index.Ref{}, texts: map[int64]latest{}}
}

func (t *recent) text(subject, at int64, text uint64) {
	if text != 0 {
		t.texts[subject] = latest{at, text}
	}
}

// merge takes in newer entries.
func (t *recent) merge(fresh *recent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, refs := range fresh.seqs {
		t.seqs[k] = append(t.seqs[k], refs...)
	}
	maps.Copy(t.texts, fresh.texts)
}

func (t *recent) replace(by *recent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seqs, t.texts = by.seqs, by.texts
}

func (t *recent) bySeq(k seqKey) []index.Ref {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return append([]index.Ref(nil), t.seqs[k]...)
}

// first is the first entry of a source with a seq.
func (t *recent) first(k seqKey) (r index.Ref, found bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if refs := t.seqs[k]; len(refs) > 0 {
		return refs[0], true
	}
	return r, false
}

// among is where the entry of that name stands first, if it has that seq.
func (t *recent) among(k seqKey, id entry.ID) (index uint64, found bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, r := range t.seqs[k] {
		if r.ID == id {
			return r.Index, true
		}
	}
	return 0, false
}

func (t *recent) latest(subject int64) latest {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.texts[subject]
}

// loadRecent reads the entries that are not sorted yet from the database.
func loadRecent(ctx context.Context, q querier) (*recent, error) {
	t := newRecent()
	err := each(ctx, q, func(rows *sql.Rows) error {
		var key, rest []byte
		var head int64
		var at seqKey
		var r index.Ref
		if err := rows.Scan(&r.Index, &key, &at.seq, &head, &rest); err != nil {
			return err
		}
		var ok bool
		if r.ID, ok = joinID(head, rest); !ok || copy(at.source[:], key) != len(key) {
			return fmt.Errorf("%w: entry %d has no whole id or source", index.ErrDamaged, r.Index)
		}
		t.seqs[at] = append(t.seqs[at], r)
		return nil
	}, `SELECT e.idx, s.source, e.seq, e.id, e.rest FROM entries e JOIN sources s ON s.id = e.source
		WHERE e.idx >= (SELECT folded FROM state) ORDER BY e.idx`)
	if err != nil {
		return nil, err
	}
	return t, each(ctx, q, func(rows *sql.Rows) error {
		var at, subject int64
		var other sql.NullInt64
		var text uint64
		if err := rows.Scan(&at, &subject, &other, &text); err != nil {
			return err
		}
		t.text(subject, at, text)
		if other.Valid {
			t.text(other.Int64, at, text)
		}
		return nil
	}, `SELECT at, subject, other, text FROM changes
		WHERE at >= (SELECT folded FROM state) * 1024 AND text IS NOT NULL ORDER BY at`)
}
