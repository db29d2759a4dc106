package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// Entries yields the entries that meet a filter.
func (x *Index) Entries(ctx context.Context, f index.Filter) iter.Seq2[index.Hit, error] {
	return func(yield func(index.Hit, error) bool) {
		left := f.Limit
		err := x.entries(ctx, f, func(h index.Hit) bool {
			left--
			return yield(h, nil) && left != 0
		})
		if err != nil {
			yield(index.Hit{}, x.wrap(err, "find entries"))
		}
	}
}

func (x *Index) entries(ctx context.Context, f index.Filter, yield func(index.Hit) bool) error {
	q, err := x.resolve(ctx, f)
	if err != nil || q.none {
		return err
	}
	spans, err := x.spans(ctx, f, q)
	if err != nil || len(spans) == 0 {
		return err
	}
	batches := x.scan(ctx, f, q, spans)
	if list := q.terms(); list != nil {
		lo, hi := spans[0].lo, spans[len(spans)-1].hi
		if f.NewestFirst {
			lo, hi = spans[len(spans)-1].lo, spans[0].hi
		}
		c, err := x.newCursor(ctx, lo, hi, f.NewestFirst)
		if err != nil {
			return err
		}
		batches = x.pick(ctx, f, q, inBatches(entriesOf(c.positions(ctx, list)), batchSize(f)))
	}
	for hits, err := range batches {
		if err != nil {
			return err
		}
		if err := x.choose(ctx, q, &hits); err != nil {
			return err
		}
		for _, h := range hits {
			if !yield(h) {
				return nil
			}
		}
	}
	return nil
}

// batchSize is how many entries are looked at first.
func batchSize(f index.Filter) int {
	if f.Limit <= 0 {
		return 1024
	}
	return min(max(f.Limit, 16), 1024)
}

// entriesOf turns ordered positions of changes into indexes, each once.
func entriesOf(positions iter.Seq2[int64, error]) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		last := int64(-1)
		for at, err := range positions {
			if index := at / perEntry; err != nil || index != last {
				last = index
				if !yield(index, err) {
					return
				}
			}
		}
	}
}

// question is a filter in the numbers of the database.
type question struct {
	predicates
	none     bool    // nothing can meet it
	changes  bool    // a change must meet Host, Agent and Path
	subjects []int64 // in ascending order
	controls []int64 // sources whose other entries meet it too
}

// predicates are the conditions on an entry itself.
type predicates struct {
	kinds  int64 // one bit for each; 0: any
	source int64 // 0: any
	actors []int64
	since  int64
	until  int64 // not included
	timed  bool
}

func (x *Index) resolve(ctx context.Context, f index.Filter) (q question, err error) {
	q.times(f)
	for _, k := range f.Kinds {
		q.kinds |= 1 << number(kinds, k)
	}
	if f.Source != nil {
		ids, err := collect[int64](ctx, x.db, `SELECT id FROM sources WHERE source = ?`, (*f.Source)[:])
		if err != nil || len(ids) == 0 {
			return question{none: true}, err
		}
		q.source = ids[0]
	}
	if f.Actor != "" {
		if q.actors, err = x.matchActors(ctx, f.Actor); err != nil || len(q.actors) == 0 {
			return question{none: true}, err
		}
	}
	if f.Host == "" && f.Agent == "" && f.Path == "" {
		return q, nil
	}
	q.changes = true
	if q.subjects, err = x.matchSubjects(ctx, f); err != nil {
		return q, err
	}
	if f.Agent == "" && f.Path == "" {
		q.controls, err = x.matchSources(ctx, f.Host)
	}
	q.none = len(q.subjects) == 0 && len(q.controls) == 0
	return q, err
}

func (p *predicates) times(f index.Filter) {
	p.since, p.until = math.MinInt64, math.MaxInt64
	p.timed = !f.Since.IsZero() || !f.Until.IsZero()
	if !f.Since.IsZero() {
		p.since = index.Nanos(f.Since)
	}
	if !f.Until.IsZero() {
		p.until = index.Nanos(f.Until)
	}
}

// terms are the lists to go through, nil to look at every entry instead: those
// of the condition that fewest lists answer.
func (q *question) terms() []int64 {
	of := append(terms(termSubject, q.subjects), terms(termControl, q.controls)...)
	const few = 256
	switch {
	case q.changes && (len(of) <= few || q.actors == nil):
		return of
	case q.actors != nil:
		return terms(termActors, q.actors)
	case q.kinds != 0 && q.kinds&(1<<kindChange|1<<0) == 0:
		var list []int64
		for k := range kinds {
			if q.kinds&(1<<k) != 0 {
				list = append(list, term(termKind, int64(k)))
			}
		}
		return list
	}
	return nil
}

// choose finds the changes that meet the filter and drops entries without any.
func (x *Index) choose(ctx context.Context, q question, hits *[]index.Hit) error {
	if !q.changes || len(*hits) == 0 {
		return nil
	}
	at := make([]int64, len(*hits))
	for i, h := range *hits {
		at[i] = int64(h.Index)
	}
	found := make(map[uint64][]int, len(at))
	err := eachChange(ctx, x.db, func(at, subject, other int64) {
		if contains(q.subjects, subject) || contains(q.subjects, other) {
			found[uint64(at)/perEntry] = append(found[uint64(at)/perEntry], int(at%perEntry))
		}
	}, `SELECT c.at, c.subject, coalesce(c.other, -1)
		FROM json_each(?) j CROSS JOIN changes c ON c.at >= j.value * 1024 AND c.at < j.value * 1024 + 1024 ORDER BY 1`, jsonList(at))
	*hits = slices.DeleteFunc(*hits, func(h index.Hit) bool {
		return found[h.Index] == nil && (h.Kind == entry.Change || q.controls == nil)
	})
	for i := range *hits {
		h := &(*hits)[i]
		h.Changes = found[h.Index]
	}
	return err
}

// eachChange reads rows of three numbers: a position and its subjects.
func eachChange(ctx context.Context, q querier, do func(at, subject, other int64), query string, args ...any) error {
	return each(ctx, q, func(rows *sql.Rows) error {
		var at, subject, other int64
		err := rows.Scan(&at, &subject, &other)
		do(at, subject, other)
		return err
	}, query, args...)
}

// contains looks into a sorted list.
func contains(list []int64, v int64) bool {
	_, ok := slices.BinarySearch(list, v)
	return ok
}

// stretch is a range of entries, hi excluded.
type stretch struct{ lo, hi uint64 }

// spans are where entries of the time asked for may be, in the order asked for.
func (x *Index) spans(ctx context.Context, f index.Filter, q question) ([]stretch, error) {
	all := stretch{f.From, f.To}
	next, err := x.Next(ctx)
	if f.To == 0 || f.To > next {
		all.hi = next
	}
	if err != nil || all.lo >= all.hi {
		return nil, err
	}
	if !q.timed {
		return []stretch{all}, nil
	}
	blocks, err := collect[uint64](ctx, x.db, `SELECT block FROM blocks WHERE first < ? AND last >= ? ORDER BY block`, q.until, q.since)
	var out []stretch
	for _, b := range blocks {
		s := stretch{max(all.lo, b*blockSize), min(all.hi, (b+1)*blockSize)}
		switch n := len(out) - 1; {
		case s.lo >= s.hi:
		case n >= 0 && out[n].hi == s.lo:
			out[n].hi = s.hi
		default:
			out = append(out, s)
		}
	}
	if f.NewestFirst {
		slices.Reverse(out)
	}
	return out, err
}

// scan looks at every entry of the spans.
func (x *Index) scan(ctx context.Context, f index.Filter, q question, spans []stretch) iter.Seq2[[]index.Hit, error] {
	return func(yield func([]index.Hit, error) bool) {
		size := batchSize(f)
		for _, s := range spans {
			for s.lo < s.hi {
				hits, err := x.page(ctx, q.predicates, s, f.NewestFirst, size)
				if !yield(hits, err) || err != nil {
					return
				}
				if len(hits) < size {
					break
				}
				last := hits[len(hits)-1].Index
				if f.NewestFirst {
					s.hi = last
				} else {
					s.lo = last + 1
				}
			}
		}
	}
}

const hitColumns = `SELECT e.idx, e.kind, s.source, e.seq, e.id, e.rest, e.recorded, coalesce(e.happened, e.recorded), e.loc`

func (x *Index) page(ctx context.Context, p predicates, s stretch, newest bool, limit int) ([]index.Hit, error) {
	where, args := p.where([]any{int64(s.lo), int64(s.hi), limit})
	order := ` ORDER BY e.idx LIMIT ?3`
	if newest {
		order = ` ORDER BY e.idx DESC LIMIT ?3`
	}
	return scanHits(x.db.QueryContext(ctx, hitColumns+` FROM entries e CROSS JOIN sources s ON s.id = e.source WHERE e.idx >= ?1 AND e.idx < ?2`+where+order, args...))
}

// pick keeps, of candidates, those that meet the conditions on entries.
func (x *Index) pick(ctx context.Context, f index.Filter, q question, batches iter.Seq2[[]int64, error]) iter.Seq2[[]index.Hit, error] {
	return func(yield func([]index.Hit, error) bool) {
		for batch, err := range batches {
			var hits []index.Hit
			if err == nil {
				hits, err = x.hits(ctx, batch, q.predicates)
			}
			if f.NewestFirst {
				slices.Reverse(hits)
			}
			if !yield(hits, err) || err != nil {
				return
			}
		}
	}
}

// hits reads entries by their indexes, in log order.
func (x *Index) hits(ctx context.Context, indexes []int64, p predicates) ([]index.Hit, error) {
	where, args := p.where([]any{jsonList(indexes)})
	return scanHits(x.db.QueryContext(ctx, hitColumns+` FROM json_each(?1) j CROSS JOIN entries e ON e.idx = j.value CROSS JOIN sources s ON s.id = e.source
		WHERE true`+where+` ORDER BY e.idx`, args...))
}

// where appends the conditions that are set; what they compare with travels as
// arguments.
func (p *predicates) where(args []any) (string, []any) {
	var sql strings.Builder
	add := func(left string, value any, right string) {
		args = append(args, value)
		fmt.Fprintf(&sql, " AND %s ?%d%s", left, len(args), right)
	}
	if p.kinds != 0 {
		add(`(1 << e.kind) &`, p.kinds, ` <> 0`)
	}
	if p.source != 0 {
		add(`e.source =`, p.source, ``)
	}
	if p.timed {
		add(`coalesce(e.happened, e.recorded) >=`, p.since, ``)
		add(`coalesce(e.happened, e.recorded) <`, p.until, ``)
	}
	if p.actors != nil {
		add(`e.who IN (SELECT value FROM json_each(`, jsonList(p.actors), `))`)
	}
	return sql.String(), args
}

func scanHits(rows *sql.Rows, err error) ([]index.Hit, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hits []index.Hit
	for rows.Next() {
		var h index.Hit
		var kind, head, recorded, happened int64
		var key, rest []byte
		if err := rows.Scan(&h.Index, &kind, &key, &h.Seq, &head, &rest, &recorded, &happened, &h.Loc); err != nil {
			return nil, err
		}
		copy(h.Source[:], key)
		h.Kind = named(kinds, kind)
		h.ID, _ = joinID(head, rest)
		h.Recorded, h.Happened = fromNanos(recorded), fromNanos(happened)
		hits = append(hits, h)
	}
	return hits, rows.Err()
}
