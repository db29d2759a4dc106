package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/stele-log/stele/internal/index"
)

// schemaVersion changes with the schema, with what From makes of an entry, and
// with the numbers given to kinds, roles and actions.
const schemaVersion = 2

// blockSize is how many entries share one row of table blocks.
const blockSize = 4096

// perEntry is the distance of two entries in positions of changes: change k of
// entry i stands at i*perEntry + k. An entry has at most 1,000.
const perEntry = 1024

// schema holds what Add appends (entries and changes, in log order, cheaply),
// and what is folded out of them in larger runs, sorted (ids, seqs, posts):
// inserting into each of those with every batch costs five times as much. Rows
// at or above state.folded are not in ids, seqs and posts yet and are found by
// scanning. Strings stand once, in names; subjects join three of them.
var schema = []string{
	`CREATE TABLE state (folded INTEGER NOT NULL) STRICT`,
	`CREATE TABLE names (id INTEGER PRIMARY KEY, dim INTEGER NOT NULL, name BLOB NOT NULL, UNIQUE (dim, name)) STRICT`,
	`CREATE TABLE sources (id INTEGER PRIMARY KEY, source BLOB NOT NULL UNIQUE, role INTEGER NOT NULL, host INTEGER NOT NULL, enrolled INTEGER) STRICT`,
	`CREATE TABLE subjects (id INTEGER PRIMARY KEY, path INTEGER NOT NULL, host INTEGER NOT NULL, agent INTEGER NOT NULL, UNIQUE (path, host, agent)) STRICT`,
	`CREATE INDEX subjects_host ON subjects (host)`,

	`CREATE TABLE entries (idx INTEGER PRIMARY KEY, kind INTEGER NOT NULL, source INTEGER NOT NULL, seq INTEGER NOT NULL, id INTEGER NOT NULL, rest BLOB NOT NULL, recorded INTEGER NOT NULL, happened INTEGER, who INTEGER, loc INTEGER NOT NULL) STRICT`,
	`CREATE TABLE changes (at INTEGER PRIMARY KEY, subject INTEGER NOT NULL, other INTEGER, action INTEGER NOT NULL, text INTEGER) STRICT`,
	`CREATE TABLE refs (idx INTEGER NOT NULL, target BLOB NOT NULL, PRIMARY KEY (idx, target)) WITHOUT ROWID, STRICT`,
	`CREATE INDEX refs_target ON refs (target)`,
	`CREATE TABLE findings (idx INTEGER PRIMARY KEY, code INTEGER NOT NULL) STRICT`,
	`CREATE TABLE imports (idx INTEGER PRIMARY KEY, file INTEGER NOT NULL, upto INTEGER NOT NULL) STRICT`,
	`CREATE INDEX imports_file ON imports (file, upto)`,
	`CREATE TABLE blocks (block INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT`,
	`CREATE TABLE counts (kind INTEGER PRIMARY KEY, entries INTEGER NOT NULL, changes INTEGER NOT NULL) STRICT`,

	`CREATE TABLE ids (id INTEGER NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (id, idx)) WITHOUT ROWID, STRICT`,
	`CREATE TABLE seqs (source INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (source, seq, idx)) WITHOUT ROWID, STRICT`,
	`CREATE TABLE posts (term INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (term, at)) WITHOUT ROWID, STRICT`,
}

// A dim says what a row of names is the name of. What the number is for is
// written to disk: append only.
type dim int64

const (
	dimPath     dim = 1
	dimAgent    dim = 2
	dimActors   dim = 3 // all names of one actor: see packNames
	dimHost     dim = 4 // of an enrolment
	dimToldHost dim = 5
	dimFile     dim = 6 // digest of an imported file
	dimCode     dim = 7 // of a finding
)

func hostDim(told bool) dim {
	if told {
		return dimToldHost
	}
	return dimHost
}

// A term heads a list of positions in posts: everything about one subject, one
// actor, one kind other than change, or the entries of one source that are not
// changes.
const (
	termSubject = 0
	termActors  = 1
	termKind    = 2
	termControl = 3
	termKinds   = 4
)

func term(kind int, id int64) int64 { return id*termKinds + int64(kind) }

// fold moves what was appended, entries from ?1 to below ?2, into the sorted
// tables.
var fold = []string{
	`INSERT INTO ids SELECT id, idx FROM entries WHERE idx >= ?1 AND idx < ?2 ORDER BY 1, 2`,
	`INSERT INTO seqs SELECT source, seq, idx FROM entries WHERE idx >= ?1 AND idx < ?2 ORDER BY 1, 2, 3`,
	insertPosts,
}

const insertPosts = `INSERT INTO posts SELECT term, at FROM (` + postsOf + `) ORDER BY 1, 2`

// postsOf yields the rows of posts that entries from ?1 to below ?2 call for.
const postsOf = `SELECT subject * 4 AS term, at FROM changes WHERE at >= ?1 * 1024 AND at < ?2 * 1024
 UNION ALL SELECT other * 4, at FROM changes WHERE at >= ?1 * 1024 AND at < ?2 * 1024 AND other IS NOT NULL
 UNION ALL SELECT who * 4 + 1, idx * 1024 FROM entries WHERE idx >= ?1 AND idx < ?2 AND who IS NOT NULL
 UNION ALL SELECT kind * 4 + 2, idx * 1024 FROM entries WHERE idx >= ?1 AND idx < ?2 AND kind <> 3
 UNION ALL SELECT source * 4 + 3, idx * 1024 FROM entries WHERE idx >= ?1 AND idx < ?2 AND kind <> 3`

func createSchema(ctx context.Context, c *sql.Conn) error {
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var tables, version int64
	if err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sqlite_schema), user_version FROM pragma_user_version`).Scan(&tables, &version); err != nil {
		return err
	}
	if tables != 0 || version != 0 {
		return nil // checkSchema judges it
	}
	statements := append(slices.Clone(schema), `INSERT INTO state VALUES (0)`, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion))
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// checkSchema refuses a database whose tables are not exactly these: a view, a
// trigger or a missing index could make answers wrong without a wrong row.
func checkSchema(ctx context.Context, db *sql.DB) error {
	var version int64
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	if version != schemaVersion {
		return fmt.Errorf("%w: %d, not %d", index.ErrVersion, version, schemaVersion)
	}
	found, err := collect[string](ctx, db, `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid`)
	if err != nil {
		return err
	}
	if !slices.Equal(found, schema) {
		return fmt.Errorf("%w: its tables are not those of version %d", index.ErrDamaged, schemaVersion)
	}
	return nil
}

// collect reads a result of one column.
func collect[T any](ctx context.Context, q querier, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// querier is a database, a connection, a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
