// Package sqlite keeps the index of a log in a SQLite database, and answers what
// package index says can be asked.
//
// The database is derived from the log and the vault and may be thrown away at
// any time: [Index.Add] takes in what [index.From] makes of an entry, and the
// same records build the same index again. It holds names of hosts, paths and
// persons in clear, and is readable by its owner only.
//
// It promises no evidence. Whoever alters the database can hide entries from a
// search or add wrong ones to it; [Index.Check] names every row that is not what
// the log says.
//
// One process writes, any number read beside it. A crash loses at most the
// newest entries, never the order: the writer goes on from [Index.Next].
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/index"
)

// Config says which index to open.
type Config struct {
	Path     string       // of the database; its directory must exist
	ReadOnly bool         // for commands beside a running writer; the database must exist
	Log      *slog.Logger // nil: discard
}

// Index is an open index. All methods may be called from any goroutine.
type Index struct {
	cfg    Config
	db     *sql.DB // for questions
	stmts  statements
	recent *recent // nil if read-only

	mu sync.Mutex // held by whoever writes; guards w
	w  *writer    // nil if read-only
}

// fileName is the name of the database. SQLite has names of its own for what it
// keeps beside it while it is open.
const fileName = "index.db"

// suffixes are those of the names SQLite uses, the database's own last.
var suffixes = []string{"-wal", "-shm", "-journal", ""}

// Owns reports whether a file of the index may have that name.
func Owns(name string) bool {
	rest, ok := strings.CutPrefix(name, fileName)
	return ok && slices.Contains(suffixes, rest)
}

// Open opens the index, and makes an empty one if there is none. Errors are
// [index.ErrVersion], [index.ErrDamaged], for reading [index.ErrMissing], or mean that it could not
// be looked at.
func Open(ctx context.Context, cfg Config) (*Index, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	x := &Index{cfg: cfg}
	if err := x.open(ctx); err != nil {
		_ = x.Close()
		return nil, fmt.Errorf("open index %s: %w", cfg.Path, damaged(err))
	}
	return x, nil
}

func (x *Index) open(ctx context.Context) error {
	if err := regular(x.cfg.Path); err != nil {
		return err
	}
	if !x.cfg.ReadOnly {
		if err := private(x.cfg.Path); err != nil {
			return err
		}
		w, err := newWriter(ctx, x.cfg.Path)
		x.w = w // closed by Close, even half made
		if err != nil {
			return err
		}
	}
	if _, err := os.Stat(x.cfg.Path); errors.Is(err, fs.ErrNotExist) {
		return index.ErrMissing
	}
	var err error
	if x.db, err = sql.Open("sqlite", readURI(x.cfg.Path)); err != nil {
		return err
	}
	x.db.SetMaxOpenConns(8)
	x.db.SetMaxIdleConns(8)
	if err := checkSchema(ctx, x.db); err != nil {
		return err
	}
	if x.stmts, err = prepareStatements(ctx, x.db); err != nil {
		return err
	}
	if x.w == nil {
		return nil
	}
	return x.load(ctx)
}

// load brings the writer's memory in line with what is on disk: when the index
// is opened, and after anything that may not have come to its end.
func (x *Index) load(ctx context.Context) error {
	if err := x.w.load(ctx); err != nil {
		return err
	}
	t, err := loadRecent(ctx, x.db)
	if err != nil {
		return err
	}
	if x.recent == nil {
		x.recent = newRecent()
	}
	x.recent.replace(t)
	return nil
}

// Close ends the use of the index.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var errs []error
	errs = append(errs, x.stmts.close())
	if x.db != nil {
		errs = append(errs, x.db.Close())
	}
	if x.w != nil {
		errs = append(errs, x.w.close())
	}
	return errors.Join(errs...)
}

// Remove deletes the database at path and the files SQLite keeps beside it, so
// that an empty one can be made. None of them need exist.
func Remove(path string) error {
	for _, suffix := range suffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove index: %w", err)
		}
	}
	return nil
}

// regular refuses links, pipes and devices in the place of the database's files:
// SQLite would open them.
func regular(path string) error {
	for _, suffix := range suffixes {
		info, err := os.Lstat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = durable.Regular(path+suffix, info)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", index.ErrDamaged, err)
		}
	}
	return nil
}

// private makes the file before SQLite does: SQLite gives the files beside a
// database the database's own mode.
func private(path string) error {
	f, err := durable.OpenRegular(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// Settings of every connection. mmap is off: a page read through it could
// change under SQLite's feet.
var pragmas = []string{
	"busy_timeout(10000)", "trusted_schema(0)", "cell_size_check(1)", "mmap_size(0)", "temp_store(2)",
}

func readURI(path string) string {
	return uri(path, "ro", append(slices.Clone(pragmas), "query_only(1)", "cache_size(-16384)"))
}

// writeURI: synchronous=NORMAL may lose the newest transactions in a power cut,
// not their order, and they are derived. secure_delete overwrites what is erased.
func writeURI(path string) string {
	return uri(path, "rw", append(slices.Clone(pragmas), "journal_mode(WAL)", "synchronous(NORMAL)",
		"secure_delete(1)", "wal_autocheckpoint(4000)", "cache_size(-65536)"))
}

func uri(path, mode string, pragmas []string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": pragmas, "mode": {mode}}.Encode()}
	return u.String()
}

// damaged adds ErrDamaged to errors by which SQLite says that its file is bad.
func damaged(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) || errors.Is(err, index.ErrDamaged) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_ERROR:
		return fmt.Errorf("%w: %w", index.ErrDamaged, err)
	}
	return err
}
