package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// statements are those that intake, or whoever shows entries, runs for every
// one of them.
type statements struct{ next, at, source, naming, bySeq, bySeqRecent, subjects, text *sql.Stmt }

func prepareStatements(ctx context.Context, db *sql.DB) (s statements, err error) {
	for _, p := range []struct {
		to    **sql.Stmt
		query string
	}{
		{&s.next, endQuery},
		{&s.at, hitColumns + ` FROM entries e CROSS JOIN sources s ON s.id = e.source WHERE e.idx = ?`},
		{&s.source, `SELECT s.role, n.name, coalesce(s.enrolled, 0) FROM sources s JOIN names n ON n.id = s.host WHERE s.source = ?`},
		{&s.naming, `SELECT e.idx, e.id, e.rest FROM refs r CROSS JOIN entries e WHERE r.target = ? AND e.idx = r.idx`},
		{&s.bySeq, `SELECT e.idx, e.id, e.rest FROM sources s JOIN seqs q ON q.source = s.id JOIN entries e ON e.idx = q.idx
			WHERE s.source = ? AND q.seq = ?`},
		{&s.bySeqRecent, `SELECT e.idx, e.id, e.rest FROM entries e WHERE e.idx >= (SELECT folded FROM state)
			AND e.source = (SELECT id FROM sources WHERE source = ?) AND e.seq = ?`},
		{&s.subjects, `SELECT s.id FROM names p CROSS JOIN names h CROSS JOIN subjects s
			WHERE p.dim = 1 AND p.name = ? AND h.dim = ? AND h.name = ? AND s.path = p.id AND s.host = h.id`},
		{&s.text, `SELECT p.at, c.text FROM posts p CROSS JOIN changes c
			WHERE p.term = ? * 4 AND c.at = p.at AND c.text IS NOT NULL ORDER BY p.at DESC LIMIT 1`},
	} {
		if *p.to, err = db.PrepareContext(ctx, p.query); err != nil {
			return s, errors.Join(err, s.close())
		}
	}
	return s, nil
}

func (s *statements) close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{s.next, s.at, s.source, s.naming, s.bySeq, s.bySeqRecent, s.subjects, s.text} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}
