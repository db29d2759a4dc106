// Package monitor re-checks everything: log, vault, keyring, index and what
// lies beside them, against the log's key and the newest checkpoint that was
// believed before.
//
// It trusts nothing it reads. Where evidence is bad it goes on, so that one
// altered byte does not hide another, and names what it found and where.
package monitor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"sync"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// Config says what to examine.
type Config struct {
	Layout         server.Layout
	Trust          trust.Note
	SkipSignatures bool
	OnlyNew        bool                  // what came since the last examination in full
	Progress       func(done, of uint64) // nil: nobody
	Diag           *slog.Logger
}

// Problem is something wrong that is not a leaf: a file, or a row of the index.
type Problem struct {
	Code   string // damaged, index-mismatch, or a code of verify
	Where  string // path and offset, or entry
	Detail string
}

// Report is the outcome of an examination.
type Report struct {
	verify.Verdict
	Checkpoint verify.Checkpoint
	VKey       string
	From       uint64 // leaves below it were examined in full before
	Problems   []Problem

	IndexBehind bool // the index does not reach as far as the log; not a fault of anybody
}

// Bad reports whether anything but a source stands accused.
func (r *Report) Bad() bool { return len(r.Problems) > 0 || r.Verdict.Bad() }

// examination is one run.
type examination struct {
	cfg    Config
	key    *entry.LogKey
	dir    *tlog.Dir
	tree   *tlog.Tree
	vault  *vault.Reader
	locs   map[entry.ID][]vault.Loc
	report *Report

	mu      sync.Mutex
	records map[uint64]index.Record // of the leaves being examined
}

// Examine reads everything once. An error means that something could not be
// looked at; what was looked at and is bad is in the report.
func Examine(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(uint64, uint64) {}
	}
	x := &examination{
		cfg: cfg, report: &Report{}, locs: make(map[entry.ID][]vault.Loc), records: make(map[uint64]index.Record),
	}
	for _, step := range []func(context.Context) error{x.files, x.openLog, x.openVault, x.leaves, x.logFiles} {
		err := step(ctx)
		var f *verify.Finding
		if errors.As(err, &f) { // without this step the next ones have nothing to go by
			x.report.Findings = append(x.report.Findings, *f)
			return x.report, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return x.report, nil
}

func (x *examination) problem(code, where, format string, args ...any) {
	x.report.Problems = append(x.report.Problems, Problem{code, where, fmt.Sprintf(format, args...)})
}

// files checks what lies beside log, vault and index.
func (x *examination) files(context.Context) error {
	err := x.cfg.Layout.Check()
	if errors.Is(err, server.ErrNoStore) || errors.Is(err, server.ErrNewer) {
		return err
	}
	if err != nil {
		x.problem("damaged", x.cfg.Layout.Format(), "%v", err)
	}
	for path, err := range x.cfg.Layout.CheckKeys() {
		x.problem("damaged", path, "%v", err)
	}
	return nil
}

// openLog finds the key to believe, opens the checkpoint, and holds it against
// the one believed before.
func (x *examination) openLog(ctx context.Context) error {
	belief, ok, err := x.cfg.Trust.Read()
	if err != nil {
		return fmt.Errorf("read what was believed: %w", err)
	}
	if ok {
		x.key, err = belief.Key()
	} else {
		x.key, err = x.cfg.Layout.LogKey()
	}
	if err != nil {
		return err
	}
	if x.dir, err = tlog.OpenDir(x.cfg.Layout.Log()); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	signed, err := x.dir.ReadCheckpoint()
	if errors.Is(err, fs.ErrNotExist) {
		return &verify.Finding{Code: verify.BadCheckpoint, Accused: verify.TheLog, Detail: "the log has no checkpoint"}
	}
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	cp, err := verify.OpenCheckpoint(x.key, signed)
	if err != nil {
		return err
	}
	x.tree, x.report.Checkpoint, x.report.VKey = tlog.NewTree(x.dir, cp), cp, x.key.VKey()
	if !ok {
		return nil
	}
	if x.cfg.OnlyNew {
		x.report.From = min(belief.Verified, cp.Size)
	}
	believed, err := belief.Open()
	if err != nil {
		x.problem("damaged", x.cfg.Trust.Path(), "%v", err)
		return nil
	}
	err = x.tree.Consistent(ctx, believed)
	var f *verify.Finding
	if errors.As(err, &f) {
		x.report.Findings = append(x.report.Findings, *f)
		return nil
	}
	return err
}

// openVault checks every byte of vault and keyring and finds every entry's
// openings, without a word from the index.
func (x *examination) openVault(context.Context) error {
	l := x.cfg.Layout
	var err error
	if x.vault, err = vault.OpenReader(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring(), Log: x.cfg.Diag}); err != nil {
		x.problem("damaged", l.Vault(), "%v", err)
		return nil
	}
	if _, err := x.vault.Check(func(d vault.Damage) {
		x.problem("damaged", fmt.Sprintf("%s at byte %d", d.Path, d.Offset), "%s", d.Why)
	}); err != nil {
		return fmt.Errorf("check vault: %w", err)
	}
	if err := x.vault.Scan(func(loc vault.Loc, rec *vault.Record) error {
		x.locs[rec.ID] = append(x.locs[rec.ID], loc)
		return nil
	}); err != nil {
		return fmt.Errorf("read vault: %w", err)
	}
	return nil
}

// open returns what disclosures the vault has for an entry, and makes what the
// index must hold of it on the way. It is called from several goroutines.
func (x *examination) open(i uint64, e *entry.Entry) ([]seal.Disclosure, error) {
	var all []seal.Disclosure
	o := index.Opened{What: make([]*body.What, len(e.What))}
	for _, loc := range x.locs[e.ID()] {
		rec, err := x.vault.At(loc)
		if err != nil {
			continue // Check has named the damage; here it is a missing disclosure
		}
		ds := disclosures(rec)
		all, o = append(all, ds...), server.Opened(e, loc, rec, ds)
	}
	made := index.From(i, e, o)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.records[i] = made
	return all, nil
}

// disclosures opens what can be opened. A line whose bytes are bad is missing;
// Check has named the damage.
func disclosures(rec *vault.Record) []seal.Disclosure {
	if ds, err := rec.Disclosures(); err == nil {
		return ds
	}
	var ds []seal.Disclosure
	for _, line := range rec.Lines() {
		if d, err := rec.Disclosure(line); err == nil {
			ds = append(ds, d)
		}
	}
	return ds
}

// chunk is how many leaves are examined at once.
const chunk = 1024

// leaves examines every entry, and the index beside it.
func (x *examination) leaves(ctx context.Context) error {
	log := verify.NewLog(verify.Config{
		Key: x.key, Checkpoint: x.report.Checkpoint, SkipSignatures: x.cfg.SkipSignatures, Open: x.open, From: x.report.From,
		RootAt: func(size uint64) (entry.Hash, error) { return x.tree.RootAt(ctx, size) },
		Leaf:   func(i uint64) ([]byte, error) { return x.tree.Entry(ctx, i) },
	})
	idx := x.openIndex(ctx)
	if idx != nil {
		defer idx.Close()
	}
	var failed error
	records := func(yield func(index.Record, error) bool) { failed = x.pass(ctx, log, yield) }
	if idx == nil {
		for range iter.Seq2[index.Record, error](records) {
		}
	} else if err := x.checkIndex(ctx, idx, records); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	v, err := log.Finish()
	if err != nil {
		return err
	}
	v.Findings = append(x.report.Findings, v.Findings...)
	x.report.Verdict = v
	return nil
}

// openIndex opens the index to be checked against every leaf; not where only
// new leaves are examined.
func (x *examination) openIndex(ctx context.Context) *index.Index {
	if x.report.From > 0 {
		return nil
	}
	idx, err := index.Open(ctx, index.Config{Path: x.cfg.Layout.Index(), ReadOnly: true, Log: x.cfg.Diag})
	if err != nil {
		x.problem("index-mismatch", x.cfg.Layout.Index(), "%v", err)
		return nil
	}
	return idx
}

func (x *examination) checkIndex(ctx context.Context, idx *index.Index, records iter.Seq2[index.Record, error]) error {
	bad, err := idx.Check(ctx, records)
	if err != nil {
		return fmt.Errorf("check index: %w", err)
	}
	writing := x.cfg.Layout.Writing()
	for _, m := range bad {
		if m.Tail && (writing || m.Detail == "missing") {
			// Index and checkpoint follow the log at their own pace, and a crash or a
			// full disk may stop the index short: the next writer catches up.
			x.report.IndexBehind = true
			continue
		}
		where := m.Table
		if m.Index != index.NoEntry {
			where = fmt.Sprintf("entry %d", m.Index)
		}
		x.problem("index-mismatch", where, "%s in table %s", m.Detail, m.Table)
	}
	return nil
}

// pass feeds every leaf to verify and yields what the index must hold of it.
func (x *examination) pass(ctx context.Context, log *verify.Log, yield func(index.Record, error) bool) error {
	var leaves [][]byte
	size := x.report.Checkpoint.Size
	next, yielding := uint64(0), true
	flush := func() error {
		if err := log.Add(leaves...); err != nil {
			return err
		}
		for _, raw := range leaves {
			if yielding {
				yielding = yield(x.record(next, raw), nil)
			}
			next++
		}
		clear(x.records)
		leaves = leaves[:0]
		x.cfg.Progress(next, size)
		return ctx.Err()
	}
	for leaf, err := range x.tree.Entries(ctx, 0, size) {
		found := [][]byte{leaf.Bytes}
		var m *tlog.Mismatch
		switch {
		case errors.As(err, &m):
			x.report.Findings = append(x.report.Findings, verify.Finding{Code: verify.TreeMismatch, Accused: verify.TheLog, Index: m.Index, Detail: m.Error()})
			if leaf.Bytes == nil { // as many leaves as nobody can tell apart
				found = make([][]byte, max(m.Count, 1))
			}
		case err != nil:
			return fmt.Errorf("read log: %w", err)
		}
		if leaves = append(leaves, found...); len(leaves) >= chunk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// record is what the index must hold of a leaf: as open has made it, or without
// any openings.
func (x *examination) record(i uint64, raw []byte) index.Record {
	if made, ok := x.records[i]; ok {
		return made
	}
	e, err := entry.Parse(raw)
	if err != nil {
		e = nil
	}
	return index.From(i, e, index.Opened{})
}

// logFiles checks every file of the log's directory, those that no reader of
// today asks for included.
func (x *examination) logFiles(ctx context.Context) error {
	return x.dir.CheckFiles(ctx, x.tree, func(path string, problem error) {
		x.problem(string(verify.TreeMismatch), path, "%v", problem)
	})
}
