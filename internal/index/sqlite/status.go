package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// Status counts.
func (x *Index) Status(ctx context.Context) (*index.Status, error) {
	s := &index.Status{Kinds: map[entry.Kind]uint64{}}
	err := x.counts(ctx, s)
	if err == nil {
		s.Agents, err = collect[string](ctx, x.db, `SELECT name FROM names WHERE dim = 2 AND name <> x'' ORDER BY name`)
	}
	if err == nil {
		s.Sources, err = x.sources(ctx)
	}
	return s, x.wrap(err, "count")
}

func (x *Index) counts(ctx context.Context, s *index.Status) error {
	err := each(ctx, x.db, func(rows *sql.Rows) error {
		var kind int64
		var entries, changes uint64
		err := rows.Scan(&kind, &entries, &changes)
		s.Kinds[named(kinds, kind)] += entries
		s.Entries += entries
		s.Changes += changes
		return err
	}, `SELECT kind, entries, changes FROM counts`)
	if err != nil {
		return err
	}
	return x.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM (SELECT DISTINCT path, host FROM subjects WHERE path IS NOT (SELECT id FROM names WHERE dim = 1 AND name = x''))),
		(SELECT count(*) FROM names WHERE dim IN (4, 5) AND name <> x'')`).Scan(&s.Subjects, &s.Hosts)
}

// end is the newest word of a source: its highest seq, and where it stands.
type end struct {
	seq   uint64
	index int64
}

func (x *Index) sources(ctx context.Context) ([]index.SourceStatus, error) {
	ends, err := x.ends(ctx)
	if err != nil {
		return nil, err
	}
	var at []int64
	for _, e := range ends {
		at = append(at, e.index)
	}
	hits, err := x.hits(ctx, at, predicates{})
	if err != nil {
		return nil, err
	}
	heads := make(map[entry.Source]*index.Head, len(hits))
	for _, h := range hits {
		heads[h.Source] = &index.Head{Ref: h.Ref, Seq: h.Seq, Recorded: h.Recorded}
	}
	var out []index.SourceStatus
	err = each(ctx, x.db, func(rows *sql.Rows) error {
		var s index.SourceStatus
		var key []byte
		var role int64
		err := rows.Scan(&key, &role, &s.Host, &s.Enrolled)
		copy(s.Source[:], key)
		s.Role, s.Head = named(roles, role), heads[s.Source]
		out = append(out, s)
		return err
	}, `SELECT s.source, s.role, n.name, coalesce(s.enrolled, 0) FROM sources s JOIN names n ON n.id = s.host ORDER BY s.enrolled, s.id`)
	return out, err
}

// Source returns what the index knows of one source, but for its head; not
// found where the log has nothing of it.
func (x *Index) Source(ctx context.Context, src entry.Source) (s index.SourceStatus, found bool, err error) {
	s.Source = src
	var role int64
	err = x.stmts.source.QueryRowContext(ctx, src[:]).Scan(&role, &s.Host, &s.Enrolled)
	if errors.Is(err, sql.ErrNoRows) {
		return index.SourceStatus{}, false, nil
	}
	s.Role = named(roles, role)
	return s, err == nil, x.wrap(err, "find source %s", src)
}

// ends finds the newest word of every source, by its number in the database.
func (x *Index) ends(ctx context.Context) (map[int64]end, error) {
	ends := map[int64]end{}
	take := func(rows *sql.Rows) error {
		var source int64
		var e end
		err := rows.Scan(&source, &e.seq, &e.index)
		if was, ok := ends[source]; !ok || e.seq > was.seq {
			ends[source] = e
		}
		return err
	}
	err := each(ctx, x.db, take, `SELECT source, seq, (SELECT min(idx) FROM seqs q WHERE q.source = t.source AND q.seq = t.seq)
		FROM (SELECT s.id AS source, (SELECT max(seq) FROM seqs q WHERE q.source = s.id) AS seq FROM sources s) t WHERE seq IS NOT NULL`)
	if err == nil {
		err = each(ctx, x.db, take, `SELECT source, seq, idx FROM entries WHERE idx >= (SELECT folded FROM state) ORDER BY idx`)
	}
	return ends, err
}
