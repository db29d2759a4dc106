package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"slices"
	"strconv"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// BySeq returns the entries of a source with that seq in log order: none, one,
// or several where the source was forked or an entry recorded twice.
func (x *Index) BySeq(ctx context.Context, src entry.Source, seq uint64) ([]index.Ref, error) {
	var refs []index.Ref
	more := x.stmts.bySeqRecent
	if x.recent != nil {
		refs = x.recent.bySeq(seqKey{src, seq})
		more = nil
	}
	for _, s := range []*sql.Stmt{more, x.stmts.bySeq} { // what is sorted in between is found twice, not never
		if s == nil {
			continue
		}
		found, err := scanRefs(s.QueryContext(ctx, src[:], int64(seq)))
		if err != nil {
			return nil, x.wrap(err, "find source %s seq %d", src, seq)
		}
		refs = append(refs, found...)
	}
	return sorted(refs), nil
}

// First returns the first entry of a source with that seq, in log order. It takes
// no longer for a source that has forked often.
func (x *Index) First(ctx context.Context, src entry.Source, seq uint64) (r index.Ref, found bool, err error) {
	if x.recent != nil { // before the tables: see [recent]
		r, found = x.recent.first(seqKey{src, seq})
	}
	refs, err := scanRefs(x.db.QueryContext(ctx, `
		SELECT e.idx, e.id, e.rest FROM sources s CROSS JOIN seqs q CROSS JOIN entries e
		WHERE s.source = ? AND q.source = s.id AND q.seq = ? AND e.idx = q.idx ORDER BY q.idx LIMIT 1`, src[:], int64(seq)))
	if err != nil {
		return r, false, x.wrap(err, "find source %s seq %d", src, seq)
	}
	if len(refs) == 0 && x.recent == nil {
		refs, err = x.BySeq(ctx, src, seq)
	}
	if len(refs) > 0 {
		return refs[0], true, nil
	}
	return r, found, err
}

// Among returns where the entry of that name stands first, if it is one of a
// source with that seq.
func (x *Index) Among(ctx context.Context, src entry.Source, seq uint64, id entry.ID) (at uint64, found bool, err error) {
	if x.recent != nil { // before the tables: see [recent]
		at, found = x.recent.among(seqKey{src, seq}, id)
	}
	head, rest := splitID(id)
	refs, err := scanRefs(x.db.QueryContext(ctx, `
		SELECT e.idx, e.id, e.rest FROM ids i CROSS JOIN entries e
		WHERE i.id = ? AND e.idx = i.idx AND e.rest = ? AND e.seq = ? AND e.source = (SELECT id FROM sources WHERE source = ?)
		ORDER BY i.idx LIMIT 1`, head, rest, int64(seq), src[:]))
	if err != nil {
		return 0, false, x.wrap(err, "find entry %s", id)
	}
	if len(refs) == 0 && x.recent == nil {
		refs, err = x.BySeq(ctx, src, seq)
		refs = slices.DeleteFunc(refs, func(r index.Ref) bool { return r.ID != id })
	}
	if len(refs) > 0 {
		return refs[0].Index, true, nil
	}
	return at, found, err
}

// ByID returns the index of the first entry of that name.
func (x *Index) ByID(ctx context.Context, id entry.ID) (index uint64, found bool, err error) {
	head, rest := splitID(id)
	refs, err := scanRefs(x.db.QueryContext(ctx, `
		SELECT e.idx, e.id, e.rest FROM ids i CROSS JOIN entries e WHERE i.id = ?1 AND e.idx = i.idx AND e.rest = ?2
		UNION ALL SELECT idx, id, rest FROM entries WHERE idx >= (SELECT folded FROM state) AND id = ?1 AND rest = ?2`, head, rest))
	if err != nil || len(refs) == 0 {
		return 0, false, x.wrap(err, "find entry %s", id)
	}
	return sorted(refs)[0].Index, true, nil
}

// Naming returns the entries that name entry id: remarks and findings about
// it, erasures of its lines. In log order.
func (x *Index) Naming(ctx context.Context, id entry.ID) ([]index.Ref, error) {
	refs, err := scanRefs(x.stmts.naming.QueryContext(ctx, id[:]))
	return sorted(refs), x.wrap(err, "find what names entry %s", id)
}

func sorted(refs []index.Ref) []index.Ref {
	slices.SortFunc(refs, func(a, b index.Ref) int {
		if a.Index < b.Index {
			return -1
		}
		return min(1, int(a.Index-b.Index))
	})
	return slices.Compact(refs)
}

func scanRefs(rows *sql.Rows, err error) ([]index.Ref, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var refs []index.Ref
	for rows.Next() {
		var r index.Ref
		var head int64
		var rest []byte
		if err := rows.Scan(&r.Index, &head, &rest); err != nil {
			return nil, err
		}
		r.ID, _ = joinID(head, rest)
		refs = append(refs, r)
	}
	return refs, rows.Err()
}

// LatestText is where the vault keeps the newest text of a subject, 0 if none:
// what a new text of it is probably close to.
func (x *Index) LatestText(ctx context.Context, s index.Subject) (uint64, error) {
	if x.recent == nil {
		return x.scanLatestText(ctx, s)
	}
	ids, err := x.subjectIDs(ctx, s)
	if err != nil {
		return 0, err
	}
	var newest latest
	for _, id := range ids {
		l := x.recent.latest(id)
		if l.text == 0 {
			err := x.stmts.text.QueryRowContext(ctx, id).Scan(&l.at, &l.text)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return 0, x.wrap(err, "find the latest text of a subject")
			}
		}
		if l.text != 0 && l.at >= newest.at {
			newest = l
		}
	}
	return newest.text, nil
}

func (x *Index) scanLatestText(ctx context.Context, s index.Subject) (uint64, error) {
	for m, err := range x.History(ctx, s, true) {
		if err != nil || m.Text != 0 {
			return m.Text, err
		}
	}
	return 0, nil
}

func (x *Index) subjectIDs(ctx context.Context, s index.Subject) ([]int64, error) {
	rows, err := x.stmts.subjects.QueryContext(ctx, []byte(s.Path), int64(hostDim(s.Told)), []byte(s.Host))
	if err != nil {
		return nil, x.wrap(err, "find a subject")
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, x.wrap(err, "find a subject")
		}
		ids = append(ids, id)
	}
	return ids, x.wrap(rows.Err(), "find a subject")
}

// History yields the changes of a subject in log order, or newest first. A
// rename belongs to both of its paths.
func (x *Index) History(ctx context.Context, s index.Subject, newestFirst bool) iter.Seq2[index.Moment, error] {
	return func(yield func(index.Moment, error) bool) {
		if err := x.history(ctx, s, newestFirst, yield); err != nil {
			yield(index.Moment{}, x.wrap(err, "follow the history of a subject"))
		}
	}
}

func (x *Index) history(ctx context.Context, s index.Subject, newestFirst bool, yield func(index.Moment, error) bool) error {
	ids, err := x.subjectIDs(ctx, s)
	if err != nil || len(ids) == 0 {
		return err
	}
	c, err := x.newCursor(ctx, 0, maxIndex, newestFirst)
	if err != nil {
		return err
	}
	for batch, err := range inBatches(c.positions(ctx, terms(termSubject, ids)), 64) {
		if err != nil {
			return err
		}
		moments, err := x.moments(ctx, batch)
		if err != nil {
			return err
		}
		for _, at := range batch {
			if m, ok := moments[at]; ok && !yield(m, nil) {
				return nil
			}
		}
	}
	return nil
}

// Latest returns the newest change of a subject.
func (x *Index) Latest(ctx context.Context, s index.Subject) (m index.Moment, found bool, err error) {
	for m, err := range x.History(ctx, s, true) {
		return m, err == nil, err
	}
	return index.Moment{}, false, nil
}

// moments reads the changes at those positions.
func (x *Index) moments(ctx context.Context, at []int64) (map[int64]index.Moment, error) {
	out := make(map[int64]index.Moment, len(at))
	return out, each(ctx, x.db, func(rows *sql.Rows) error {
		var pos, action int64
		var m index.Moment
		if err := rows.Scan(&pos, &m.Agent, &m.Path, &m.From, &action, &m.Text); err != nil {
			return err
		}
		m.Index, m.K, m.Action = uint64(pos)/perEntry, int(pos%perEntry), named(actions, action)
		out[pos] = m
		return nil
	}, `SELECT c.at, a.name, p.name, coalesce(o.name, x''), c.action, coalesce(c.text, 0)
		FROM json_each(?) j CROSS JOIN changes c ON c.at = j.value
		JOIN subjects s ON s.id = c.subject JOIN names a ON a.id = s.agent JOIN names p ON p.id = s.path
		LEFT JOIN subjects f ON f.id = c.other LEFT JOIN names o ON o.id = f.path`, jsonList(at))
}

// Subjects returns the subjects whose path and host match (see [index.Filter]), by
// path and host, at most limit (0: all) of them.
func (x *Index) Subjects(ctx context.Context, host, path string, limit int) ([]index.Subject, error) {
	set, err := x.matchSubjects(ctx, index.Filter{Host: host, Path: path})
	if err != nil {
		return nil, x.wrap(err, "find subjects")
	}
	if limit <= 0 {
		limit = -1
	}
	var out []index.Subject
	err = each(ctx, x.db, func(rows *sql.Rows) error {
		var s index.Subject
		err := rows.Scan(&s.Host, &s.Told, &s.Path)
		out = append(out, s)
		return err
	}, `SELECT DISTINCT h.name, h.dim = 5, p.name FROM json_each(?) j CROSS JOIN subjects s ON s.id = j.value
		JOIN names h ON h.id = s.host JOIN names p ON p.id = s.path WHERE p.name <> x''
		ORDER BY p.name, h.dim, h.name LIMIT ?`, jsonList(set), limit)
	return out, x.wrap(err, "find subjects")
}

// Imported is the number of the first row of a file, named by its digest, that
// no import has reached: where to resume.
func (x *Index) Imported(ctx context.Context, file string) (rows int, err error) {
	err = x.db.QueryRowContext(ctx, `SELECT coalesce(max(i.upto), 0) FROM names n JOIN imports i ON i.file = n.id
		WHERE n.dim = 6 AND n.name = ?`, []byte(file)).Scan(&rows)
	return rows, x.wrap(err, "find what was imported")
}

// Head returns the head of a source; not found where the log has no entry of it.
func (x *Index) Head(ctx context.Context, src entry.Source) (h index.Head, found bool, err error) {
	var seq sql.NullInt64
	err = x.db.QueryRowContext(ctx, headQuery, src[:]).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !seq.Valid {
		return h, false, nil
	}
	if err != nil {
		return h, false, x.wrap(err, "find the head of source %s", src)
	}
	refs, err := x.BySeq(ctx, src, uint64(seq.Int64))
	if err != nil || len(refs) == 0 {
		return h, false, err
	}
	h = index.Head{Ref: refs[0], Seq: uint64(seq.Int64)}
	hit, found, err := x.At(ctx, h.Index)
	h.Recorded = hit.Recorded
	return h, found, err
}

const headQuery = `SELECT max(coalesce((SELECT max(q.seq) FROM seqs q WHERE q.source = s.id), -1),
	coalesce((SELECT max(e.seq) FROM entries e WHERE e.source = s.id AND e.idx >= (SELECT folded FROM state)), -1))
	FROM sources s WHERE s.source = ?`

// At returns what the index knows of one entry.
func (x *Index) At(ctx context.Context, index uint64) (h index.Hit, found bool, err error) {
	if index >= maxIndex {
		return h, false, nil
	}
	hits, err := scanHits(x.stmts.at.QueryContext(ctx, int64(index)))
	if err != nil || len(hits) == 0 {
		return h, false, x.wrap(err, "look at entry %d", index)
	}
	return hits[0], true, nil
}

// jsonList is how a list travels in one argument of a statement.
func jsonList(list []int64) string {
	b := append(make([]byte, 0, 8*len(list)+2), '[')
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(append(b, ']'))
}
