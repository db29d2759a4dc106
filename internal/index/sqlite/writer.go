package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// writer is the one connection that writes, with what it knows by heart: the
// numbers of all names, subjects and sources, so that adding a record asks the
// database nothing. Whoever holds Index.mu owns it.
type writer struct {
	db   *sql.DB
	conn *sql.Conn
	ins  *inserts // of the transaction that runs; kept for its statements

	next     uint64 // index of the next entry
	folded   uint64 // entries below it are in the sorted tables
	unsorted uint64 // changes at or above it

	names    map[name]int64
	subjects map[subject]int64
	sources  map[entry.Source]*source
	lastID   struct{ name, subject, source int64 }
}

type name struct {
	dim    dim
	name   string
	digest bool // of a long name, in the place of it
}

// longName is the length from which a name is known by its digest, in bytes: a
// source can make names of a megabyte, and all names are kept in memory.
const longName = 1 << 10

func newName(d dim, s string) name {
	if len(s) < longName {
		return name{dim: d, name: s}
	}
	sum := sha256.Sum256([]byte(s))
	return name{d, string(sum[:]), true}
}

// subject is a row of subjects: numbers of names.
type subject struct{ path, host, agent int64 }

// source is a row of sources.
type source struct {
	id       int64
	role     entry.Role // empty: no enrolment was seen
	host     int64
	enrolled int64 // index of the enrolment, -1 if none was seen
}

func newWriter(ctx context.Context, path string) (*writer, error) {
	db, err := sql.Open("sqlite", writeURI(path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	w := &writer{db: db}
	if w.conn, err = db.Conn(ctx); err != nil {
		return w, err
	}
	return w, createSchema(ctx, w.conn)
}

func (w *writer) close() error {
	var err error
	if w.ins != nil {
		err = w.ins.close()
	}
	if w.conn != nil {
		err = errors.Join(err, w.conn.Close())
	}
	return errors.Join(err, w.db.Close())
}

// load reads what the writer keeps in memory.
func (w *writer) load(ctx context.Context) error {
	w.names, w.subjects, w.sources = map[name]int64{}, map[subject]int64{}, map[entry.Source]*source{}
	err := w.conn.QueryRowContext(ctx, `SELECT (SELECT coalesce(max(idx) + 1, 0) FROM entries), folded,
		(SELECT count(*) FROM changes WHERE at >= folded * 1024),
		(SELECT coalesce(max(id), 0) FROM names), (SELECT coalesce(max(id), 0) FROM subjects), (SELECT coalesce(max(id), 0) FROM sources)
		FROM state`).
		Scan(&w.next, &w.folded, &w.unsorted, &w.lastID.name, &w.lastID.subject, &w.lastID.source)
	if err != nil {
		return err
	}
	return errors.Join(w.loadNames(ctx), w.loadSubjects(ctx), w.loadSources(ctx))
}

func (w *writer) loadNames(ctx context.Context) error {
	return each(ctx, w.conn, func(rows *sql.Rows) error {
		var id int64
		var d dim
		var s string
		err := rows.Scan(&id, &d, &s)
		w.names[newName(d, s)] = id
		return err
	}, `SELECT id, dim, name FROM names`)
}

func (w *writer) loadSubjects(ctx context.Context) error {
	return each(ctx, w.conn, func(rows *sql.Rows) error {
		var id int64
		var s subject
		err := rows.Scan(&id, &s.path, &s.host, &s.agent)
		w.subjects[s] = id
		return err
	}, `SELECT id, path, host, agent FROM subjects`)
}

func (w *writer) loadSources(ctx context.Context) error {
	return each(ctx, w.conn, func(rows *sql.Rows) error {
		var s source
		var role int64
		var key []byte
		err := rows.Scan(&s.id, &key, &role, &s.host, &s.enrolled)
		if err == nil && len(key) != len(entry.Source{}) {
			err = fmt.Errorf("%w: source %d has a name of %d bytes", index.ErrDamaged, s.id, len(key))
		}
		if err == nil {
			s.role = named(roles, role)
			w.sources[entry.Source(key)] = &s
		}
		return err
	}, `SELECT id, source, role, host, coalesce(enrolled, -1) FROM sources`)
}

// each calls do for each row of a result.
func each(ctx context.Context, q querier, do func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// within runs do in a transaction that no other writer can be in. After an
// error nothing of it is in the database, and what the writer keeps in memory
// may be ahead of it: load again.
func (w *writer) within(ctx context.Context, do func(*inserts) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // a context that can end costs a goroutine for every statement
	if err := w.exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	err := w.alone(ctx)
	if err == nil {
		err = w.conn.Raw(func(c any) error {
			ins := w.inserts(ctx, c.(driverConn))
			return errors.Join(do(ins), ins.flush())
		})
	}
	if err == nil {
		err = w.exec(ctx, `COMMIT`)
	}
	if err != nil {
		return errors.Join(err, w.rollback(ctx))
	}
	return nil
}

// inserts begins to collect the rows of a transaction.
func (w *writer) inserts(ctx context.Context, c driverConn) *inserts {
	if w.ins == nil {
		w.ins = newInserts(c)
	}
	w.ins.begin(ctx)
	return w.ins
}

// alone reports whether the index ends where this writer left it.
func (w *writer) alone(ctx context.Context) error {
	var end uint64
	if err := w.conn.QueryRowContext(ctx, endQuery).Scan(&end); err != nil {
		return err
	}
	if end != w.next {
		return fmt.Errorf("%w: it ends at %d, not at %d: another process writes to it", index.ErrPosition, end, w.next)
	}
	return nil
}

const endQuery = `SELECT coalesce(max(idx) + 1, 0) FROM entries`

// rollback ends a transaction; SQLite may have ended it already.
func (w *writer) rollback(ctx context.Context) error {
	if err := w.exec(ctx, `ROLLBACK`); err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		return err
	}
	return nil
}

func (w *writer) exec(ctx context.Context, query string, args ...any) error {
	_, err := w.conn.ExecContext(ctx, query, args...)
	return err
}

// name returns the number of a name and gives it one if it has none.
func (w *writer) name(ins *inserts, d dim, s string) int64 {
	n := newName(d, s)
	id, ok := w.names[n]
	if !ok {
		w.lastID.name++
		id = w.lastID.name
		w.names[n] = id
		ins.names.row(id, int64(d), []byte(s))
	}
	return id
}

func (w *writer) subject(ins *inserts, s subject) int64 {
	id, ok := w.subjects[s]
	if !ok {
		w.lastID.subject++
		id = w.lastID.subject
		w.subjects[s] = id
		ins.subjects.row(id, s.path, s.host, s.agent)
	}
	return id
}

// source returns what is known of a source; one that was never enrolled is
// taken in too, for the index must follow any log.
func (w *writer) source(ins *inserts, key entry.Source) *source {
	s, ok := w.sources[key]
	if !ok {
		s = w.newSource(key)
		s.host = w.name(ins, dimHost, "")
		ins.sources.row(s.id, key[:], int64(0), s.host, nil)
	}
	return s
}

func (w *writer) newSource(key entry.Source) *source {
	w.lastID.source++
	s := &source{id: w.lastID.source, enrolled: -1}
	w.sources[key] = s
	return s
}

// enrol takes in an enrolment. The first one of a source counts.
func (w *writer) enrol(ins *inserts, index uint64, en *index.Enrolled) error {
	s, known := w.sources[en.Source]
	if known && s.enrolled >= 0 {
		return nil
	}
	if !known {
		s = w.newSource(en.Source)
	}
	s.role, s.enrolled = en.Role, int64(index)
	s.host = w.name(ins, dimHost, en.Host)
	role := number(roles, en.Role)
	if !known {
		ins.sources.row(s.id, en.Source[:], role, s.host, int64(index))
		return nil
	}
	return ins.exec(`UPDATE sources SET role = ?, host = ?, enrolled = ? WHERE id = ?`, role, s.host, int64(index), s.id)
}

// driverConn is a connection as the driver gives it: without database/sql in
// between, which converts and locks for each of a statement's hundreds of
// arguments.
type driverConn interface {
	driver.ConnPrepareContext
	driver.ExecerContext
}

// inserts collects rows and writes many with one statement: each call costs
// more than a row does. The first error is kept and ends the transaction.
// Statements are kept from one transaction to the next: to prepare one costs
// more than a small transaction does.
type inserts struct {
	ctx   context.Context
	conn  driverConn
	stmts map[string]driver.Stmt // by what they say

	names, subjects, sources, entries, changes, refs, findings, imports *bulk
}

func newInserts(c driverConn) *inserts {
	ins := &inserts{conn: c, stmts: map[string]driver.Stmt{}}
	ins.names = ins.bulk("names", 3)
	ins.subjects = ins.bulk("subjects", 4)
	ins.sources = ins.bulk("sources", 5)
	ins.entries = ins.bulk("entries", 10)
	ins.changes = ins.bulk("changes", 5)
	ins.refs = ins.bulk("refs", 2)
	ins.findings = ins.bulk("findings", 2)
	ins.imports = ins.bulk("imports", 3)
	return ins
}

func (ins *inserts) bulk(table string, columns int) *bulk {
	b := &bulk{ins: ins, columns: columns}
	row := "(" + strings.Repeat("?,", columns-1) + "?)"
	for i, rows := range runs {
		b.statements[i] = "INSERT INTO " + table + " VALUES " + strings.Repeat(row+",", rows-1) + row
	}
	return b
}

func (ins *inserts) all() []*bulk {
	return []*bulk{ins.names, ins.subjects, ins.sources, ins.entries, ins.changes, ins.refs, ins.findings, ins.imports}
}

// begin forgets the rows of a transaction that failed.
func (ins *inserts) begin(ctx context.Context) {
	ins.ctx = ctx
	for _, b := range ins.all() {
		b.args, b.err = b.args[:0], nil
	}
}

func (ins *inserts) flush() error {
	for _, b := range ins.all() {
		if err := b.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (ins *inserts) close() error {
	var errs []error
	for _, s := range ins.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// exec runs a statement of its own, after the rows collected so far.
func (ins *inserts) exec(query string, args ...any) error {
	if err := ins.flush(); err != nil {
		return err
	}
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return ins.run(query, values)
}

func (ins *inserts) run(query string, args []driver.NamedValue) error {
	s := ins.stmts[query]
	if s == nil {
		var err error
		if s, err = ins.conn.PrepareContext(ins.ctx, query); err != nil {
			return fmt.Errorf("prepare %.60s: %w", query, err)
		}
		ins.stmts[query] = s
	}
	if _, err := s.(driver.StmtExecContext).ExecContext(ins.ctx, args); err != nil {
		return fmt.Errorf("%.60s: %w", query, err)
	}
	return nil
}

// Rows of one statement. 64 is where a longer statement gained nothing more.
var runs = [...]int{64, 8, 1}

// bulk collects rows of one table.
type bulk struct {
	ins        *inserts
	columns    int
	statements [len(runs)]string
	args       []driver.NamedValue
	err        error
}

func (b *bulk) row(values ...any) {
	for _, v := range values {
		b.args = append(b.args, driver.NamedValue{Ordinal: len(b.args) + 1, Value: v})
	}
	if len(b.args) == runs[0]*b.columns && b.err == nil {
		b.err = b.write(0, b.args)
		b.args = b.args[:0]
	}
}

func (b *bulk) flush() error {
	args := b.args
	b.args = b.args[:0]
	for i, n := range runs {
		for width := n * b.columns; len(args) >= width && b.err == nil; args = args[width:] {
			b.err = b.write(i, args[:width])
		}
	}
	return b.err
}

func (b *bulk) write(run int, args []driver.NamedValue) error {
	for i := range args {
		args[i].Ordinal = i + 1
	}
	return b.ins.run(b.statements[run], args)
}
