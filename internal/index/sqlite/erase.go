package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/stele-log/stele/internal/index"
)

// Erase puts records in the place of the entries of the same index, once the
// vault no longer opens lines of theirs: what [index.From] makes of such an entry
// then is the record to give. Names that only the old ones held are gone from
// the files of the index on return. [index.ErrHeld] says that they are gone from the
// database, but a reader kept its write-ahead log from being emptied: call
// [Index.Flush] later. After a crash, erase again: it does no harm.
func (x *Index) Erase(ctx context.Context, records ...index.Record) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.writable()
	if err == nil {
		err = x.erase(ctx, records)
	}
	if err == nil {
		err = x.flush(ctx)
	}
	return x.wrap(err, "erase from %d entries", len(records))
}

// Flush empties the write-ahead log into the database. [index.ErrHeld] says that a
// reader kept it from that.
func (x *Index) Flush(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.writable()
	if err == nil {
		err = x.flush(ctx)
	}
	return x.wrap(err, "empty the write-ahead log")
}

func (x *Index) flush(ctx context.Context) error {
	var busy, frames, moved int64
	err := x.w.conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved)
	if err == nil && busy != 0 {
		return index.ErrHeld
	}
	return err
}

func (x *Index) erase(ctx context.Context, records []index.Record) error {
	w := x.w
	// An enrolment comes before what its source recorded: what moves with it may
	// be erased itself.
	records = slices.SortedFunc(slices.Values(records), func(a, b index.Record) int { return cmp.Compare(a.Index, b.Index) })
	old := make([]stored, len(records))
	for i := range records {
		r := &records[i]
		if err := acceptable(r, r.Index); err != nil {
			return err
		}
		var err error
		if old[i], err = x.stored(ctx, r); err != nil {
			return err
		}
	}
	err := w.within(ctx, func(ins *inserts) error {
		for i := range records {
			if err := w.replace(ins, &records[i], old[i]); err != nil {
				return err
			}
		}
		return w.sweep(ins)
	})
	if err != nil {
		return x.recover(ctx, err)
	}
	return x.load(context.WithoutCancel(ctx))
}

// stored is what replacing an entry needs to know of the database.
type stored struct {
	moved []moved // if the entry is an enrolment whose host changes
}

// moved is a change whose subject gets another host.
type moved struct {
	at    int64
	is    subject
	other *subject
}

// stored looks the old record up. It must be of the same entry.
func (x *Index) stored(ctx context.Context, r *index.Record) (s stored, err error) {
	h, found, err := x.At(ctx, r.Index)
	if err != nil {
		return s, err
	}
	if !found || h.ID != r.ID || h.Kind != r.Kind {
		return s, fmt.Errorf("%w: entry %d is another one", index.ErrPosition, r.Index)
	}
	if r.Enrols == nil {
		return s, nil
	}
	s.moved, err = x.movedBy(ctx, r)
	return s, err
}

// movedBy returns the changes of a watcher, if the enrolment r names another
// host for it than the index does.
func (x *Index) movedBy(ctx context.Context, r *index.Record) ([]moved, error) {
	src := x.w.sources[r.Enrols.Source]
	if src == nil || src.enrolled != int64(r.Index) || x.w.names[newName(dimHost, r.Enrols.Host)] == src.host {
		return nil, nil
	}
	var out []moved
	err := each(ctx, x.db, func(rows *sql.Rows) error {
		var m moved
		var path, agent sql.NullInt64
		err := rows.Scan(&m.at, &m.is.path, &m.is.agent, &path, &agent)
		if path.Valid {
			m.other = &subject{path: path.Int64, agent: agent.Int64}
		}
		out = append(out, m)
		return err
	}, `SELECT c.at, s.path, s.agent, o.path, o.agent FROM (
			SELECT idx FROM seqs WHERE source = ?1
			UNION ALL SELECT idx FROM entries WHERE source = ?1 AND idx >= (SELECT folded FROM state)) e
		CROSS JOIN changes c ON c.at >= e.idx * 1024 AND c.at < e.idx * 1024 + 1024
		JOIN subjects s ON s.id = c.subject LEFT JOIN subjects o ON o.id = c.other
		WHERE s.host = ?2`, src.id, src.host)
	return out, err
}

// replace writes one entry anew.
func (w *writer) replace(ins *inserts, r *index.Record, old stored) error {
	index := int64(r.Index)
	if err := w.unpost(ins, index); err != nil {
		return err
	}
	for _, s := range []string{
		`DELETE FROM changes WHERE at >= ?1 * 1024 AND at < ?1 * 1024 + 1024`,
		`DELETE FROM refs WHERE idx = ?1`, `DELETE FROM findings WHERE idx = ?1`, `DELETE FROM imports WHERE idx = ?1`,
		`DELETE FROM entries WHERE idx = ?1`,
	} {
		if err := ins.exec(s, index); err != nil {
			return err
		}
	}
	if err := w.moveHost(ins, r, old.moved); err != nil {
		return err
	}
	if err := w.addRecord(ins, r, newRecent()); err != nil {
		return err
	}
	if err := w.post(ins, index); err != nil {
		return err
	}
	return ins.exec(`UPDATE blocks SET (first, last) = (SELECT min(coalesce(happened, recorded)), max(coalesce(happened, recorded))
		FROM entries WHERE idx >= ?1 * 4096 AND idx < ?1 * 4096 + 4096) WHERE block = ?1`, index/blockSize)
}

// unpost takes an entry out of the sorted lists, if it is in them.
func (w *writer) unpost(ins *inserts, index int64) error {
	if uint64(index) >= w.folded {
		return nil
	}
	return ins.exec(`DELETE FROM posts WHERE term IN (SELECT term FROM (`+postsOf+`)) AND at >= ?1 * 1024 AND at < ?2 * 1024`, index, index+1)
}

func (w *writer) post(ins *inserts, index int64) error {
	if uint64(index) >= w.folded {
		return nil
	}
	return ins.exec(insertPosts, index, index+1)
}

// moveHost gives a source, and what it recorded, the host its enrolment names
// now: usually none.
func (w *writer) moveHost(ins *inserts, r *index.Record, changes []moved) error {
	if r.Enrols == nil {
		return nil
	}
	src := w.sources[r.Enrols.Source]
	if src == nil || src.enrolled != int64(r.Index) {
		return nil
	}
	src.host = w.name(ins, dimHost, r.Enrols.Host)
	if err := ins.exec(`UPDATE sources SET host = ? WHERE id = ?`, src.host, src.id); err != nil {
		return err
	}
	for _, m := range changes {
		index := m.at / perEntry
		if err := w.unpost(ins, index); err != nil {
			return err
		}
		m.is.host = src.host
		is := w.subject(ins, m.is)
		var other any
		if m.other != nil {
			m.other.host = src.host
			other = w.subject(ins, *m.other)
		}
		if err := ins.exec(`UPDATE changes SET subject = ?, other = ? WHERE at = ?`, is, other, m.at); err != nil {
			return err
		}
		if err := w.post(ins, index); err != nil {
			return err
		}
	}
	return nil
}

// sweep deletes the names nothing refers to any more and writes the tables
// that hold names anew: a page of a b-tree keeps copies of rows that once
// moved to its neighbour, and the emptied pages are overwritten as a whole.
func (w *writer) sweep(ins *inserts) error {
	statements := []string{
		`DELETE FROM subjects WHERE ` + idle["subjects"],
		`DELETE FROM names WHERE ` + idle["names"],
		`CREATE TEMP TABLE kept AS SELECT * FROM names`,
		`DELETE FROM names`,
		`INSERT INTO names SELECT * FROM kept`,
		`DROP TABLE kept`,
	}
	for _, s := range statements {
		if err := ins.exec(s); err != nil {
			return err
		}
	}
	return nil
}
