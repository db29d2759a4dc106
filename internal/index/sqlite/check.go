package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

const (
	missing  = "missing"
	invented = "invented"
	altered  = "altered"
)

// maxMismatches is how many mismatches Check names at the most: an index of
// another log has as many as entries.
const maxMismatches = 10000

// Check compares the whole index with the records of the log from entry 0 on,
// made anew with [index.From]. Entries beyond the end of either are reported with
// Tail set. An error says that the comparison could not be made; [index.ErrDamaged]
// among them is evidence too.
func (x *Index) Check(ctx context.Context, records iter.Seq2[index.Record, error]) ([]index.Mismatch, error) {
	found, err := x.check(ctx, records)
	return found, x.wrap(err, "check")
}

func (x *Index) check(ctx context.Context, records iter.Seq2[index.Record, error]) ([]index.Mismatch, error) {
	tx, err := x.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // nothing was written
	c := &checker{q: tx, sums: newSums(), sources: map[entry.Source]enrolment{}}
	for _, step := range []func(context.Context) error{
		c.integrity,
		func(ctx context.Context) error { return c.entries(ctx, records) },
		c.ahead, c.beyond, c.totals, c.enrolments, c.sorted, c.unused,
	} {
		if err := step(ctx); err != nil {
			return c.found, err
		}
	}
	slices.SortStableFunc(c.found, func(a, b index.Mismatch) int { return cmp.Compare(a.Index, b.Index) })
	return slices.Compact(c.found), nil
}

// checker builds beside the database what it should hold.
type checker struct {
	q       querier
	found   []index.Mismatch
	sums    *sums
	sources map[entry.Source]enrolment
	next    uint64 // entries compared so far
	end     uint64 // of the index
}

type enrolment struct {
	role entry.Role
	host string
	at   int64 // -1: none was seen
}

func (c *checker) report(at uint64, table, detail string) {
	c.add(index.Mismatch{Index: at, Table: table, Detail: detail})
}

func (c *checker) tail(at uint64, detail string) {
	c.add(index.Mismatch{Index: at, Table: "entries", Detail: detail, Tail: true})
}

func (c *checker) add(m index.Mismatch) {
	if len(c.found) < maxMismatches {
		c.found = append(c.found, m)
	}
}

// integrity asks SQLite whether its b-trees are whole and agree.
func (c *checker) integrity(ctx context.Context) error {
	lines, err := collect[string](ctx, c.q, `PRAGMA integrity_check(100)`)
	for _, l := range lines {
		if l != "ok" {
			c.report(index.NoEntry, "database", l)
		}
	}
	return err
}

// flat is an entry with everything spelt out: equal records have equal flats.
type flat struct {
	kind     int64
	source   entry.Source
	seq      int64
	id       entry.ID
	recorded int64
	happened int64
	actors   string
	loc      int64
	code     string
	file     string
	upto     int64
	changes  []flatChange
	refs     []entry.ID
}

type flatChange struct {
	at       int64
	is       flatSubject
	was      flatSubject
	action   int64
	text     int64
	dangling bool // refers to rows that are not there
}

type flatSubject struct {
	told              bool
	host, path, agent string
}

// chunk is how many entries are compared at once.
const chunk = 2048

// entries compares entry after entry.
func (c *checker) entries(ctx context.Context, records iter.Seq2[index.Record, error]) error {
	if err := c.q.QueryRowContext(ctx, endQuery).Scan(&c.end); err != nil {
		return err
	}
	batch := make([]flat, 0, chunk)
	want := uint64(0)
	for r, err := range records {
		if err != nil {
			return err
		}
		if r.Index != want {
			return fmt.Errorf("%w: entry %d where %d is next", index.ErrPosition, r.Index, want)
		}
		want++
		if r.Index >= c.end {
			c.tail(r.Index, missing)
			continue
		}
		c.sums.take(r.Index, number(kinds, r.Kind), len(r.Changes), index.Nanos(r.Happened))
		if batch = append(batch, c.flatten(&r)); len(batch) == chunk {
			if err := c.compare(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return c.compare(ctx, batch)
}

// ahead goes through entries beyond the records. What they are cannot be said,
// but the totals must count them.
func (c *checker) ahead(ctx context.Context) error {
	for lo := c.next; lo < c.end; lo += chunk {
		hi := min(c.end, lo+chunk)
		stored, err := c.read(ctx, int64(lo), int64(hi))
		if err != nil {
			return err
		}
		for index := lo; index < hi; index++ {
			f := stored[index]
			if f == nil {
				c.report(index, "entries", missing)
				continue
			}
			c.tail(index, invented)
			c.sums.take(index, f.kind, len(f.changes), f.happened)
			if _, ok := c.sources[f.source]; !ok {
				c.sources[f.source] = enrolment{at: -1}
			}
		}
	}
	return nil
}

// flatten says what the tables should hold of a record.
func (c *checker) flatten(r *index.Record) flat {
	if en := r.Enrols; en != nil {
		if was, ok := c.sources[en.Source]; !ok || was.at < 0 {
			c.sources[en.Source] = enrolment{en.Role, en.Host, int64(r.Index)}
		}
	}
	src, ok := c.sources[r.Source]
	if !ok {
		src.at = -1
		c.sources[r.Source] = src
	}
	f := flat{
		kind: number(kinds, r.Kind), source: r.Source, seq: int64(r.Seq), id: r.ID,
		recorded: index.Nanos(r.Recorded), happened: index.Nanos(r.Happened), actors: packNames(r.Actors), loc: int64(r.Loc),
		code: r.Code, refs: r.Refs,
	}
	if im := r.Import; im != nil {
		f.file, f.upto = im.File, upto(im.First, im.Rows)
	}
	for k, ch := range r.Changes {
		f.changes = append(f.changes, flattenChange(ch, src, int64(r.Index)*perEntry+int64(k)))
	}
	return f
}

func flattenChange(ch index.Change, src enrolment, at int64) flatChange {
	is := flatSubject{src.role != entry.Watcher, ch.Host, ch.Path, ch.Agent}
	if !is.told {
		is.host = src.host
	}
	f := flatChange{at: at, is: is, action: number(actions, ch.Action), text: int64(ch.Text)}
	if ch.From != "" && ch.From != ch.Path {
		f.was = is
		f.was.path = ch.From
	}
	return f
}

// compare holds the entries from c.next on against the database.
func (c *checker) compare(ctx context.Context, want []flat) error {
	stored, err := c.read(ctx, int64(c.next), int64(c.next)+int64(len(want)))
	if err != nil {
		return err
	}
	for i := range want {
		index := c.next + uint64(i)
		if have := stored[index]; have == nil {
			c.report(index, "entries", missing)
		} else {
			c.differ(index, &want[i], have)
		}
	}
	c.next += uint64(len(want))
	return nil
}

func (c *checker) differ(index uint64, want, have *flat) {
	switch {
	case want.kind != have.kind, want.source != have.source, want.seq != have.seq, want.id != have.id,
		want.recorded != have.recorded, want.happened != have.happened, want.actors != have.actors, want.loc != have.loc:
		c.report(index, "entries", altered)
	}
	if want.code != have.code {
		c.report(index, "findings", altered)
	}
	if want.file != have.file || want.upto != have.upto {
		c.report(index, "imports", altered)
	}
	if !slices.Equal(want.refs, have.refs) {
		c.report(index, "refs", altered)
	}
	switch {
	case len(want.changes) > len(have.changes):
		c.report(index, "changes", missing)
	case len(want.changes) < len(have.changes):
		c.report(index, "changes", invented)
	case !slices.Equal(want.changes, have.changes):
		c.report(index, "changes", altered)
	}
}

// read returns what the tables hold of entries from lo to below hi.
func (c *checker) read(ctx context.Context, lo, hi int64) (map[uint64]*flat, error) {
	out := make(map[uint64]*flat, hi-lo)
	if err := c.readEntries(ctx, lo, hi, out); err != nil {
		return nil, err
	}
	if err := c.readChanges(ctx, lo, hi, out); err != nil {
		return nil, err
	}
	return out, each(ctx, c.q, func(rows *sql.Rows) error {
		var index uint64
		var target []byte
		err := rows.Scan(&index, &target)
		if f := out[index]; f != nil {
			var id entry.ID
			copy(id[:], target)
			f.refs = append(f.refs, id)
		}
		return err
	}, `SELECT idx, target FROM refs WHERE idx >= ? AND idx < ? ORDER BY idx, target`, lo, hi)
}

func (c *checker) readEntries(ctx context.Context, lo, hi int64, out map[uint64]*flat) error {
	return each(ctx, c.q, func(rows *sql.Rows) error {
		var f flat
		var index uint64
		var head int64
		var key, rest []byte
		err := rows.Scan(&index, &f.kind, &key, &f.seq, &head, &rest, &f.recorded, &f.happened, &f.actors, &f.loc, &f.code, &f.file, &f.upto)
		copy(f.source[:], key)
		whole := false
		if f.id, whole = joinID(head, rest); !whole || len(key) != len(f.source) {
			f.kind = -1 // cannot be what is wanted
		}
		out[index] = &f
		return err
	}, `SELECT e.idx, e.kind, coalesce(s.source, x''), e.seq, e.id, e.rest, e.recorded, coalesce(e.happened, e.recorded),
			CASE WHEN e.who IS NULL THEN x'' ELSE coalesce(w.name, x'00') END, e.loc,
			coalesce(c.name, iif(f.code IS NULL, x'', x'00')), coalesce(d.name, iif(i.file IS NULL, x'', x'00')), coalesce(i.upto, 0)
		FROM entries e LEFT JOIN sources s ON s.id = e.source LEFT JOIN names w ON w.id = e.who AND w.dim = 3
		LEFT JOIN findings f ON f.idx = e.idx LEFT JOIN names c ON c.id = f.code AND c.dim = 7
		LEFT JOIN imports i ON i.idx = e.idx LEFT JOIN names d ON d.id = i.file AND d.dim = 6
		WHERE e.idx >= ? AND e.idx < ?`, lo, hi)
}

func (c *checker) readChanges(ctx context.Context, lo, hi int64, out map[uint64]*flat) error {
	return each(ctx, c.q, func(rows *sql.Rows) error {
		var f flatChange
		err := rows.Scan(&f.at, &f.action, &f.text, &f.dangling,
			&f.is.told, &f.is.host, &f.is.path, &f.is.agent, &f.was.told, &f.was.host, &f.was.path, &f.was.agent)
		if e := out[uint64(f.at)/perEntry]; e != nil {
			e.changes = append(e.changes, f)
		}
		return err
	}, `SELECT c.at, c.action, coalesce(c.text, 0),
			h.id IS NULL OR p.id IS NULL OR a.id IS NULL OR (c.other IS NOT NULL AND (oh.id IS NULL OR op.id IS NULL OR oa.id IS NULL)),
			coalesce(h.dim = 5, 0), coalesce(h.name, x''), coalesce(p.name, x''), coalesce(a.name, x''),
			coalesce(oh.dim = 5, 0), coalesce(oh.name, x''), coalesce(op.name, x''), coalesce(oa.name, x'')
		FROM changes c LEFT JOIN subjects s ON s.id = c.subject LEFT JOIN names h ON h.id = s.host AND h.dim IN (4, 5)
		LEFT JOIN names p ON p.id = s.path AND p.dim = 1 LEFT JOIN names a ON a.id = s.agent AND a.dim = 2
		LEFT JOIN subjects o ON o.id = c.other LEFT JOIN names oh ON oh.id = o.host AND oh.dim IN (4, 5)
		LEFT JOIN names op ON op.id = o.path AND op.dim = 1 LEFT JOIN names oa ON oa.id = o.agent AND oa.dim = 2
		WHERE c.at >= ? * 1024 AND c.at < ? * 1024 ORDER BY c.at`, lo, hi)
}

// Rows that are about no entry.
var outside = map[string]string{
	"entries":  `SELECT idx FROM entries WHERE idx < 0 OR idx >= ?1`,
	"changes":  `SELECT at / 1024 FROM changes WHERE at < 0 OR at >= ?1 * 1024`,
	"findings": `SELECT idx FROM findings WHERE idx < 0 OR idx >= ?1`,
	"imports":  `SELECT idx FROM imports WHERE idx < 0 OR idx >= ?1`,
	"refs":     `SELECT idx FROM refs WHERE idx < 0 OR idx >= ?1`,
}

func (c *checker) beyond(ctx context.Context) error {
	return c.ask(ctx, outside, invented, int64(c.end))
}

// ask reports every index that the queries, by table, come up with.
func (c *checker) ask(ctx context.Context, queries map[string]string, detail string, args ...any) error {
	for _, table := range slices.Sorted(maps.Keys(queries)) {
		err := each(ctx, c.q, func(rows *sql.Rows) error {
			var index int64
			err := rows.Scan(&index)
			c.report(uint64(index), table, detail)
			return err
		}, queries[table]+fmt.Sprintf(` LIMIT %d`, maxMismatches), args...)
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	return nil
}

// totals compares the tables of sums.
func (c *checker) totals(ctx context.Context) error {
	counts, blocks := map[int64]count{}, map[uint64]span{}
	err := each(ctx, c.q, func(rows *sql.Rows) error {
		var kind int64
		var n count
		err := rows.Scan(&kind, &n.entries, &n.changes)
		counts[kind] = n
		return err
	}, `SELECT kind, entries, changes FROM counts`)
	if err != nil {
		return err
	}
	if !maps.Equal(counts, c.sums.counts) {
		c.report(index.NoEntry, "counts", altered)
	}
	err = each(ctx, c.q, func(rows *sql.Rows) error {
		var block int64
		var s span
		err := rows.Scan(&block, &s.first, &s.last)
		blocks[uint64(block)] = s
		return err
	}, `SELECT block, first, last FROM blocks`)
	if !maps.Equal(blocks, c.sums.blocks) {
		c.report(index.NoEntry, "blocks", altered)
	}
	return err
}

// enrolments compares the table of sources.
func (c *checker) enrolments(ctx context.Context) error {
	stored := map[entry.Source]enrolment{}
	err := each(ctx, c.q, func(rows *sql.Rows) error {
		var key []byte
		var role int64
		var e enrolment
		err := rows.Scan(&key, &role, &e.at, &e.host)
		var s entry.Source
		if copy(s[:], key) != len(key) || len(key) != len(s) || role < 0 || role >= int64(len(roles)) {
			e.at = -2 // cannot be what is wanted
		}
		e.role = named(roles, role)
		stored[s] = e
		return err
	}, `SELECT s.source, s.role, coalesce(s.enrolled, -1), coalesce(n.name, x'00') FROM sources s LEFT JOIN names n ON n.id = s.host AND n.dim = 4`)
	if err != nil {
		return err
	}
	for s, want := range c.sources {
		have, ok := stored[s]
		switch {
		case !ok:
			c.report(place(want), "sources", missing)
		case have != want && !(want.at < 0 && c.beyondRecords(have)):
			c.report(place(want), "sources", altered)
		}
	}
	for s, have := range stored {
		if _, ok := c.sources[s]; !ok && !c.beyondRecords(have) {
			c.report(place(have), "sources", invented)
		}
	}
	return nil
}

// beyondRecords reports whether a source was enrolled in the tail.
func (c *checker) beyondRecords(e enrolment) bool {
	return e.at >= int64(c.next) && e.at < int64(c.end)
}

func place(e enrolment) uint64 {
	if e.at < 0 {
		return index.NoEntry
	}
	return uint64(e.at)
}

// What the sorted tables lack, and what they hold too much.
var (
	unsorted = map[string]string{
		"ids":   `SELECT e.idx FROM entries e WHERE e.idx >= ?1 AND e.idx < ?2 AND NOT EXISTS (SELECT 1 FROM ids i WHERE i.id = e.id AND i.idx = e.idx)`,
		"seqs":  `SELECT e.idx FROM entries e WHERE e.idx >= ?1 AND e.idx < ?2 AND NOT EXISTS (SELECT 1 FROM seqs q WHERE q.source = e.source AND q.seq = e.seq AND q.idx = e.idx)`,
		"posts": `WITH want AS (` + postsOf + `) SELECT at / 1024 FROM want w WHERE NOT EXISTS (SELECT 1 FROM posts p WHERE p.term = w.term AND p.at = w.at)`,
	}
	unfounded = map[string]string{
		"ids":  `SELECT i.idx FROM ids i WHERE i.idx < ?1 OR i.idx >= ?2 OR NOT EXISTS (SELECT 1 FROM entries e WHERE e.idx = i.idx AND e.id = i.id)`,
		"seqs": `SELECT q.idx FROM seqs q WHERE q.idx < ?1 OR q.idx >= ?2 OR NOT EXISTS (SELECT 1 FROM entries e WHERE e.idx = q.idx AND e.source = q.source AND e.seq = q.seq)`,
		"posts": `SELECT p.at / 1024 FROM posts p WHERE p.at < ?1 * 1024 OR p.at >= ?2 * 1024 OR NOT CASE p.term % 4
			WHEN 0 THEN EXISTS (SELECT 1 FROM changes c WHERE c.at = p.at AND (c.subject * 4 = p.term OR c.other * 4 = p.term))
			WHEN 1 THEN p.at % 1024 = 0 AND EXISTS (SELECT 1 FROM entries e WHERE e.idx = p.at / 1024 AND e.who * 4 + 1 = p.term)
			WHEN 2 THEN p.at % 1024 = 0 AND EXISTS (SELECT 1 FROM entries e WHERE e.idx = p.at / 1024 AND e.kind <> 3 AND e.kind * 4 + 2 = p.term)
			WHEN 3 THEN p.at % 1024 = 0 AND EXISTS (SELECT 1 FROM entries e WHERE e.idx = p.at / 1024 AND e.kind <> 3 AND e.source * 4 + 3 = p.term)
			ELSE 0 END`,
	}
)

// sorted compares the sorted tables with those they were made from, which have
// been compared with the log.
func (c *checker) sorted(ctx context.Context) error {
	folded, err := collect[int64](ctx, c.q, `SELECT folded FROM state`)
	if err != nil {
		return err
	}
	if len(folded) != 1 || folded[0] < 0 || uint64(folded[0]) > c.end {
		c.report(index.NoEntry, "state", altered)
		return nil
	}
	before := len(c.found)
	if err := c.ask(ctx, unsorted, missing, int64(0), folded[0]); err != nil {
		return err
	}
	equal, err := c.asMany(ctx, folded[0])
	if err != nil || equal && len(c.found) == before {
		return err
	}
	return c.ask(ctx, unfounded, invented, int64(0), folded[0])
}

// asMany reports whether the sorted tables have as many rows as they should:
// where none is missing, and no two are the same, none is invented then.
func (c *checker) asMany(ctx context.Context, folded int64) (equal bool, err error) {
	err = c.q.QueryRowContext(ctx, `WITH e(n) AS (SELECT count(*) FROM entries WHERE idx >= ?1 AND idx < ?2)
		SELECT (SELECT count(*) FROM ids) = e.n AND (SELECT count(*) FROM seqs) = e.n AND (SELECT count(*) FROM posts) = (SELECT count(*) FROM (`+postsOf+`)) FROM e`, int64(0), folded).Scan(&equal)
	return equal, err
}

// unused reports subjects that no change is of, and names that nothing has: they
// would be listed as if they had a history. Who altered the rows that did refer to
// them is named by entry, elsewhere.
func (c *checker) unused(ctx context.Context) error {
	for _, table := range []string{"subjects", "names"} {
		n, err := collect[int64](ctx, c.q, `SELECT count(*) FROM `+table+` WHERE `+idle[table])
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		if n[0] > 0 {
			c.report(index.NoEntry, table, invented)
		}
	}
	return nil
}

// idle says which rows nothing refers to. The empty name stands for none: a source
// has it until its enrolment comes.
var idle = map[string]string{
	"subjects": `NOT EXISTS (SELECT 1 FROM posts WHERE term = subjects.id * 4)
		AND id NOT IN (SELECT subject FROM changes WHERE at >= (SELECT folded FROM state) * 1024)
		AND id NOT IN (SELECT other FROM changes WHERE at >= (SELECT folded FROM state) * 1024 AND other IS NOT NULL)`,
	"names": `name <> x'' AND NOT (dim = 3 AND EXISTS (SELECT 1 FROM posts WHERE term = names.id * 4 + 1)) AND id NOT IN (
		SELECT path FROM subjects UNION SELECT host FROM subjects UNION SELECT agent FROM subjects UNION SELECT host FROM sources
		UNION SELECT file FROM imports UNION SELECT code FROM findings
		UNION SELECT who FROM entries WHERE idx >= (SELECT folded FROM state) AND who IS NOT NULL)`,
}

// Surplus is how many bytes stand behind the pages of the database, which SQLite never
// looks at. Where a write-ahead log holds pages nobody can tell, and it is 0.
func (x *Index) Surplus(ctx context.Context) (int64, error) {
	if info, err := os.Stat(x.cfg.Path + "-wal"); err == nil && info.Size() > 0 {
		return 0, nil
	}
	var pages, size int64
	if err := x.db.QueryRowContext(ctx, `SELECT page_count, page_size FROM pragma_page_count, pragma_page_size`).Scan(&pages, &size); err != nil {
		return 0, damaged(err)
	}
	info, err := os.Stat(x.cfg.Path)
	if err != nil {
		return 0, err
	}
	return max(0, info.Size()-pages*size), nil
}
