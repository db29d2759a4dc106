package sqlite

import (
	"container/heap"
	"context"
	"database/sql"
	"iter"
	"slices"
	"strings"
)

// cursor visits positions of changes and entries in log order or against it. It
// reads in short statements, so that a slow reader never keeps an old state of
// the database alive.
type cursor struct {
	x      *Index
	lo, hi uint64 // entries, hi excluded
	folded uint64
	newest bool // newest first
}

func (x *Index) newCursor(ctx context.Context, lo, hi uint64, newest bool) (*cursor, error) {
	c := &cursor{x: x, newest: newest}
	var next uint64
	err := x.db.QueryRowContext(ctx, `SELECT folded, (`+endQuery+`) FROM state`).Scan(&c.folded, &next)
	c.lo, c.hi = min(lo, next), min(hi, next)
	c.folded = min(max(c.folded, c.lo), max(c.hi, c.lo))
	return c, err
}

// A question with many terms looks at the newest entries one by one before it
// opens the lists of all its terms: what is dense is found there sooner. It
// does so here, where asking a set is quick, and not in SQLite, which would
// build the set anew for every step.
const (
	manyTerms = 1024
	scanAhead = 8192
)

// Entries looked at in one step of a scan: few at first, for whoever wants few.
const (
	firstStep = 256
	lastStep  = 8192
)

// positions yields the positions of terms, each once: sorted lists merged
// where they exist, recent entries scanned.
func (c *cursor) positions(ctx context.Context, terms []int64) iter.Seq2[int64, error] {
	border := c.folded
	if len(terms) > manyTerms && c.hi > scanAhead {
		border = min(border, max(c.lo, c.hi-scanAhead))
	}
	lists, scan := c.merged(ctx, terms, c.lo, border), c.scanned(ctx, terms, border, c.hi)
	if c.newest {
		return joined(scan, lists)
	}
	return joined(lists, scan)
}

func joined(seqs ...iter.Seq2[int64, error]) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for _, s := range seqs {
			for at, err := range s {
				if !yield(at, err) || err != nil {
					return
				}
			}
		}
	}
}

// The arms of a scan, one for each kind of term.
var scanArms = [termKinds]string{
	termSubject: `SELECT at FROM changes WHERE at >= ?1 * 1024 AND at < ?2 * 1024 AND (subject * 4 IN terms OR other * 4 IN terms)`,
	termActors:  `SELECT idx * 1024 FROM entries WHERE idx >= ?1 AND idx < ?2 AND who * 4 + 1 IN terms`,
	termKind:    `SELECT idx * 1024 FROM entries WHERE idx >= ?1 AND idx < ?2 AND kind <> 3 AND kind * 4 + 2 IN terms`,
	termControl: `SELECT idx * 1024 FROM entries WHERE idx >= ?1 AND idx < ?2 AND kind <> 3 AND source * 4 + 3 IN terms`,
}

// scanned looks at every entry or change between lo and hi.
func (c *cursor) scanned(ctx context.Context, terms []int64, lo, hi uint64) iter.Seq2[int64, error] {
	look := c.lookFor(terms)
	return func(yield func(int64, error) bool) {
		for step := uint64(firstStep); lo < hi; step = min(2*step, lastStep) {
			from, to := lo, min(hi, lo+step)
			if c.newest {
				from, to = max(lo, hi-min(hi, step)), hi
				hi = from
			} else {
				lo = to
			}
			found, err := look(ctx, int64(from), int64(to))
			if err != nil {
				yield(0, err)
				return
			}
			if c.newest {
				slices.Reverse(found)
			}
			for _, at := range found {
				if !yield(at, nil) {
					return
				}
			}
		}
	}
}

// lookFor returns what finds, in ascending order, the positions of terms among
// some entries.
func (c *cursor) lookFor(terms []int64) func(ctx context.Context, from, to int64) ([]int64, error) {
	if len(terms) <= manyTerms {
		query, list := scanQuery(terms), jsonList(terms)
		return func(ctx context.Context, from, to int64) ([]int64, error) {
			return collect[int64](ctx, c.x.db, query, from, to, list)
		}
	}
	slices.Sort(terms)
	return func(ctx context.Context, from, to int64) ([]int64, error) {
		var found []int64
		err := each(ctx, c.x.db, func(rows *sql.Rows) error {
			var at, term int64
			err := rows.Scan(&term, &at)
			if contains(terms, term) {
				found = append(found, at)
			}
			return err
		}, postsOf, from, to)
		slices.Sort(found)
		return slices.Compact(found), err
	}
}

func scanQuery(terms []int64) string {
	var arms []string
	for kind, arm := range scanArms {
		if slices.ContainsFunc(terms, func(t int64) bool { return t%termKinds == int64(kind) }) {
			arms = append(arms, arm)
		}
	}
	return `WITH terms AS MATERIALIZED (SELECT value FROM json_each(?3)) ` + strings.Join(arms, " UNION ") + ` ORDER BY 1`
}

// merged merges the sorted lists of terms between lo and hi: one look-up for
// each list, and then about one for each position that is asked for.
func (c *cursor) merged(ctx context.Context, terms []int64, lo, hi uint64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		if lo >= hi || len(terms) == 0 {
			return
		}
		m := &merge{cursor: c, lo: int64(lo) * perEntry, hi: int64(hi) * perEntry}
		if err := m.run(ctx, terms, yield); err != nil {
			yield(0, err)
		}
	}
}

// merge is a heap of lists by their first position.
type merge struct {
	*cursor
	lo, hi int64
	lists  []list
	more   *sql.Stmt
}

// list is what is left of the positions of one term.
type list struct {
	term   int64
	at     []int64 // read ahead, never empty
	ahead  int     // how many to read next
	ending bool    // nothing is left beyond at
}

func (m *merge) Len() int      { return len(m.lists) }
func (m *merge) Swap(i, j int) { m.lists[i], m.lists[j] = m.lists[j], m.lists[i] }
func (m *merge) Push(l any)    { m.lists = append(m.lists, l.(list)) }
func (m *merge) Less(i, j int) bool {
	if m.newest {
		i, j = j, i
	}
	return m.lists[i].at[0] < m.lists[j].at[0]
}

func (m *merge) Pop() any {
	l := m.lists[len(m.lists)-1]
	m.lists = m.lists[:len(m.lists)-1]
	return l
}

func (m *merge) run(ctx context.Context, terms []int64, yield func(int64, error) bool) (err error) {
	if err := m.start(ctx, terms); err != nil {
		return err
	}
	if m.more, err = m.x.db.PrepareContext(ctx, m.moreQuery()); err != nil {
		return err
	}
	defer m.more.Close()
	last := int64(-1)
	for len(m.lists) > 0 {
		at := m.lists[0].at[0]
		if at != last && !yield(at, nil) {
			return nil
		}
		last = at
		if err := m.advance(ctx); err != nil {
			return err
		}
	}
	return nil
}

// start finds the first position of every list.
func (m *merge) start(ctx context.Context, terms []int64) error {
	query := `SELECT j.value, (SELECT min(at) FROM posts WHERE term = j.value AND at >= ?2 AND at < ?3) FROM json_each(?1) j`
	if m.newest {
		query = strings.Replace(query, "min(at)", "max(at)", 1)
	}
	err := each(ctx, m.x.db, func(rows *sql.Rows) error {
		var term int64
		var at sql.NullInt64
		err := rows.Scan(&term, &at)
		if at.Valid {
			m.lists = append(m.lists, list{term: term, at: []int64{at.Int64}, ahead: 8})
		}
		return err
	}, query, jsonList(terms), m.lo, m.hi)
	heap.Init(m)
	return err
}

func (m *merge) moreQuery() string {
	if m.newest {
		return `SELECT at FROM posts WHERE term = ? AND at < ? AND at >= ? ORDER BY at DESC LIMIT ?`
	}
	return `SELECT at FROM posts WHERE term = ? AND at > ? AND at < ? ORDER BY at LIMIT ?`
}

// advance drops the first position of the first list.
func (m *merge) advance(ctx context.Context) error {
	l := &m.lists[0]
	if len(l.at) == 1 && !l.ending {
		if err := m.readAhead(ctx, l); err != nil {
			return err
		}
	}
	if l.at = l.at[1:]; len(l.at) == 0 {
		heap.Pop(m)
		return nil
	}
	heap.Fix(m, 0)
	return nil
}

func (m *merge) readAhead(ctx context.Context, l *list) error {
	end := m.hi
	if m.newest {
		end = m.lo
	}
	rows, err := m.more.QueryContext(ctx, l.term, l.at[0], end, l.ahead)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return err
		}
		l.at = append(l.at, at)
	}
	l.ending = len(l.at) <= l.ahead
	l.ahead = min(2*l.ahead, 1024)
	return rows.Err()
}

// inBatches gathers positions, first few, then more at a time.
func inBatches(seq iter.Seq2[int64, error], first int) iter.Seq2[[]int64, error] {
	return func(yield func([]int64, error) bool) {
		var batch []int64
		size := first
		for at, err := range seq {
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, at); len(batch) == size {
				if !yield(batch, nil) {
					return
				}
				batch, size = nil, min(2*size, 1024)
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

func terms(kind int, ids []int64) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = term(kind, id)
	}
	return out
}
