// Package examine re-checks everything: log, vault, keyring, index and what
// lies beside them, against the log's key and the newest checkpoint that was
// believed before.
//
// It trusts nothing it reads. Where evidence is bad it goes on, so that one
// altered byte does not hide another, and names what it found and where.
package examine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/index/sqlite"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/signature"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// Config says what to examine.
type Config struct {
	Layout         layout.Store
	Trust          trust.File
	Remote         *believed.Remote                                 // in place of Layout and Trust: a server elsewhere
	AtHand         func(*entry.LogKey) ([]verify.Checkpoint, error) // further checkpoints, under the log's key; nil: none
	SkipSignatures bool
	OnlyNew        bool                  // what came since the last examination in full
	Progress       func(done, of uint64) // nil: nobody
	Diag           *slog.Logger
}

// Report is the outcome of an examination.
type Report struct {
	verify.Verdict
	Checkpoint verify.Checkpoint
	Key        *entry.LogKey
	Missing    uint64            // entries that this copy of the log lacks, if it is known to be one
	Place      string            // where those are
	From       uint64            // leaves below it were examined in full before
	Problems   []finding.Finding // of files and rows of the index, each with its Where

	IndexBehind bool   // the index does not reach as far as the log; not a fault of anybody
	Unpublished uint64 // entries behind the checkpoint, which a writer has accepted
	Unfinished  bool   // the vault's last batch is not whole, and no entry needs it; likewise
	Remote      bool   // read from a server: its files were not looked at

	tree *tlog.Tree
}

// Bad reports whether anything but a source stands accused: the record is not true.
func (r *Report) Bad() bool {
	return slices.ContainsFunc(r.Problems, func(p finding.Finding) bool { return p.Code != finding.UnsafeStore }) || r.Verdict.Bad()
}

// Unsafe is how many files make the store unsafe, though its record may be true.
func (r *Report) Unsafe() (n int) {
	for _, p := range r.Problems {
		if p.Code == finding.UnsafeStore {
			n++
		}
	}
	return n
}

// examination is one run.
type examination struct {
	cfg         Config
	log         *believed.Log
	vault       *vault.Reader
	locs        map[entry.ID][]vault.Loc
	disclosures *believed.Disclosures // in place of vault and locs, where a server is read from
	report      *Report

	// What the index must hold of the leaves from first on that are examined now.
	// Whoever opens one of them sets its record, and nobody else does.
	first   uint64
	records []*index.Record
	cut     bool // a leaf is missing: those behind it are held against the index only

	illegible []span // leaves that are not those of the tree

	recorders map[entry.Source]bool // that the log enrols
	ended     bool                  // whoever wrote to the store last came to its end in good order
}

// Run reads everything once. An error means that something could not be
// looked at; what was looked at and is bad is in the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(uint64, uint64) {}
	}
	report, done := Report{}, make(chan error, 1)
	go func() { done <- run(ctx, cfg, &report) }()
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
		return &report, nil
	case <-ctx.Done():
	}
	// Whoever called it off does not wait for a slow disk, or for a file that is far
	// too long: nothing is written, so nothing has to be brought to an end.
	select {
	case <-done:
	case <-time.After(lastStep):
	}
	return nil, context.Cause(ctx)
}

// lastStep is how long a step may take that is under way when an examination is
// called off.
const lastStep = 500 * time.Millisecond

func run(ctx context.Context, cfg Config, report *Report) error {
	x := &examination{cfg: cfg, ended: cfg.Remote == nil && cfg.Layout.Ended(), report: report, locs: make(map[entry.ID][]vault.Loc), recorders: make(map[entry.Source]bool)}
	err := x.run(ctx)
	if x.vault != nil {
		err = errors.Join(err, x.vault.Close())
	}
	return err
}

func (x *examination) run(ctx context.Context) error {
	steps := []func(context.Context) error{x.format, x.inventory, x.files, x.openLog, x.openVault, x.contents, x.keys, x.logFiles}
	if x.cfg.Remote != nil {
		steps = []func(context.Context) error{x.openRemote, x.remoteLeaves}
	}
	for _, step := range steps {
		err := step(ctx)
		var f *verify.Finding
		if errors.As(err, &f) { // without this step the next ones have nothing to go by
			x.stop(f)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stop notes the finding behind which nothing can be examined; the file it is about
// is named where it is one.
func (x *examination) stop(f *verify.Finding) {
	if f.Code != verify.BadCheckpoint || x.cfg.Remote != nil {
		x.report.Findings = append(x.report.Findings, *f)
		return
	}
	p := finding.At(f.Code, filepath.Join(x.cfg.Layout.Log(), "checkpoint"), "%s", f.Detail)
	p.Accused = f.Accused
	x.report.Problems = append(x.report.Problems, p)
}

func (x *examination) problem(code verify.Code, where, format string, args ...any) {
	x.report.Problems = append(x.report.Problems, finding.At(code, where, format, args...))
}

// named reports whether something is said of a file already.
func (x *examination) named(path string) bool {
	return slices.ContainsFunc(x.report.Problems, func(p finding.Finding) bool { return p.Where == path })
}

// format checks that this is a store.
func (x *examination) format(context.Context) error {
	err := x.cfg.Layout.Check()
	if errors.Is(err, layout.ErrNoStore) || errors.Is(err, layout.ErrNewer) {
		return err
	}
	if err != nil {
		x.problem(finding.Damaged, x.cfg.Layout.Format(), "%v", err)
	}
	return nil
}

// files checks what lies beside log, vault and index.
func (x *examination) files(context.Context) error {
	for path, err := range x.cfg.Layout.CheckKeys() {
		if !x.named(path) {
			x.problem(finding.Damaged, path, "%v", err)
		}
	}
	for _, f := range store.Loose(x.cfg.Layout) {
		if !x.named(f.Where) {
			x.report.Problems = append(x.report.Problems, f)
		}
	}
	return nil
}

// keys names the keys that are not those of this log. A copy may do without any.
// Which recorders a log enrols nobody knows where its leaves are not those of its tree,
// or none are under a checkpoint yet.
func (x *examination) keys(context.Context) error {
	unknown := slices.ContainsFunc(x.report.Findings, func(f verify.Finding) bool { return f.Code == verify.TreeMismatch }) ||
		x.log.Empty() // whoever writes has not published its first entry
	for _, f := range store.Foreign(x.cfg.Layout, x.log.Key, func(src entry.Source) bool { return unknown || x.recorders[src] }) {
		if _, err := os.Lstat(f.Where); x.cfg.Trust.IsCopy() && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if !x.named(f.Where) {
			x.report.Problems = append(x.report.Problems, f)
		}
	}
	return nil
}

// enrols notes the recorders that a leaf enrols.
func (x *examination) enrols(leaf []byte) {
	if !bytes.HasPrefix(leaf, []byte("stele/entry/v1\nenrol\n")) {
		return
	}
	if e, err := entry.Parse(leaf); err == nil && e.Open.Role == entry.Recorder && e.Open.Key != nil {
		x.recorders[e.Open.Key.Source()] = true
	}
}

// openLog opens the log. The leaves are examined whatever was believed before.
func (x *examination) openLog(context.Context) error {
	var err error
	if x.log, err = believed.Open(x.cfg.Layout, x.cfg.Trust); err != nil {
		return err
	}
	if x.log.Empty() && !x.cfg.Layout.Writing() { // who writes has not come to sign its first entry
		return believed.ErrNothing
	}
	x.report.Checkpoint, x.report.Key, x.report.tree = x.log.Checkpoint(), x.log.Key, x.log.Tree
	if x.cfg.Trust.IsCopy() {
		x.report.Missing, x.report.Place = x.log.Missing(), x.log.Place()
	}
	if x.cfg.OnlyNew {
		x.report.From = x.log.Verified()
	}
	_, err = x.log.Before()
	var damaged *trust.Damaged
	if errors.As(err, &damaged) {
		x.problem(finding.Damaged, damaged.Path, "belief: %s", damaged.Why)
	}
	return nil
}

// Continues proves that the tree that was examined continues a smaller one.
func (r *Report) Continues(ctx context.Context, before verify.Checkpoint) error {
	return r.tree.Consistent(ctx, before)
}

// openVault finds every entry's disclosures, without a word from the index.
func (x *examination) openVault(context.Context) error {
	l := x.cfg.Layout
	var err error
	if x.vault, err = vault.OpenReader(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring(), Log: x.cfg.Diag}); err != nil {
		if !x.named(l.Vault()) {
			x.problem(finding.Damaged, l.Vault(), "%v", err)
		}
		return nil
	}
	err = x.vault.Places(func(id entry.ID, loc vault.Loc) { x.locs[id] = append(x.locs[id], loc) })
	if err != nil && !errors.As(err, new(*vault.Damage)) { // checkVault names the damage
		return fmt.Errorf("read vault: %w", err)
	}
	return nil
}

// contents examines vault, entries and index side by side: none of them waits
// for the verdict on another.
func (x *examination) contents(ctx context.Context) error {
	var damage []vault.Damage
	var mismatches []finding.Finding
	records := make(chan []index.Record, 2)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		damage, err = x.checkVault()
		return err
	})
	g.Go(func() error {
		defer close(records)
		return x.leaves(ctx, records)
	})
	g.Go(func() (err error) {
		mismatches, err = x.checkIndex(ctx, records)
		for range records { // the leaves are examined to their end, whatever the index is
		}
		return err
	})
	err := g.Wait()
	x.damaged(damage)
	x.report.Problems = append(x.report.Problems, x.legible(mismatches)...)
	return err
}

// checkVault checks every byte of vault and keyring.
func (x *examination) checkVault() (damage []vault.Damage, err error) {
	if x.vault == nil {
		return nil, nil
	}
	if _, err := x.vault.Check(func(d vault.Damage) { damage = append(damage, d) }); err != nil {
		return nil, fmt.Errorf("check vault: %w", err)
	}
	return damage, nil
}

// open returns what disclosures the vault has for an entry, and makes what the
// index must hold of it on the way. It is called from several goroutines.
func (x *examination) open(i uint64, e *entry.Entry) ([]seal.Disclosure, error) {
	if x.disclosures != nil {
		return x.disclosures.Of(i, e), nil
	}
	var all []seal.Disclosure
	o := index.Opened{What: make([]*body.What, len(e.What))}
	for _, loc := range x.locs[e.ID()] {
		rec, err := x.vault.At(loc)
		if err != nil {
			continue // checkVault names the damage; here it is a missing disclosure
		}
		ds := disclosures(rec)
		all, o = append(all, ds...), store.Opened(e, loc, rec, ds)
	}
	if at := i - x.first; i >= x.first && at < uint64(len(x.records)) {
		made := index.From(i, e, o)
		x.records[at] = &made
	}
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

// leaves examines every entry and hands on what the index must hold of it.
func (x *examination) leaves(ctx context.Context, records chan<- []index.Record) error {
	believed, _ := x.log.Before() // openLog has named what is wrong with it
	cfg := verify.Config{
		Key: x.log.Key, Checkpoint: x.report.Checkpoint, SkipSignatures: x.cfg.SkipSignatures, Open: x.open, From: x.report.From,
		RootAt: func(size uint64) (entry.Hash, error) { return x.log.Tree.RootAt(ctx, size) },
		Leaf:   func(i uint64) ([]byte, error) { return x.log.Tree.Entry(ctx, i) },

		Signature: new(signature.Verifier).Verify,
		Believed:  believed,
	}
	var err error
	if x.cfg.AtHand != nil {
		if cfg.AtHand, err = x.cfg.AtHand(x.log.Key); err != nil {
			return err
		}
	}
	cfg.AtHand = append(cfg.AtHand, untold(x.seen(), x.report.From)...)
	log := verify.NewLog(cfg)
	if err := x.pass(ctx, log, records); err != nil {
		return err
	}
	if !x.report.Remote {
		if err := x.unpublished(ctx, records); err != nil {
			return err
		}
	}
	v, err := log.Finish()
	if err != nil {
		return err
	}
	for i := range v.Findings {
		if f := (*verify.Finding)(nil); errors.As(x.log.Explain(&v.Findings[i]), &f) {
			v.Findings[i] = *f
		}
	}
	v.Findings = append(x.report.Findings, v.Findings...)
	x.report.Verdict = v
	return nil
}

// pass feeds every leaf to verify.
func (x *examination) pass(ctx context.Context, log *verify.Log, records chan<- []index.Record) error {
	var leaves [][]byte
	flush := func() error {
		for left := leaves; len(left) > 0; {
			n, err := x.opened(ctx, len(left))
			if err != nil {
				return err
			}
			made, err := x.take(log, left[:n])
			if err != nil {
				return err
			}
			x.cfg.Progress(x.first, x.report.Checkpoint.Size)
			select {
			case records <- made:
			case <-ctx.Done():
				return ctx.Err()
			}
			left = left[n:]
		}
		leaves = leaves[:0]
		return nil
	}
	for leaf, err := range x.log.Tree.Entries(ctx, 0, x.report.Checkpoint.Size) {
		found := [][]byte{leaf.Bytes}
		var m *tlog.Mismatch
		switch {
		case errors.As(err, &m):
			x.report.Findings = append(x.report.Findings, verify.Finding{Code: verify.TreeMismatch, Accused: verify.TheLog, Index: m.Index, Detail: m.Error()})
			at := x.first + uint64(len(leaves))
			gone := span{at, at + 1}
			if leaf.Bytes == nil { // as many leaves as nobody can tell apart: verify gets those before them
				if err := flush(); err != nil {
					return err
				}
				found, x.cut = make([][]byte, max(m.Count, 1)), true
				gone.to = math.MaxUint64
			}
			x.illegible = append(x.illegible, gone)
		case err != nil:
			return fmt.Errorf("read log: %w", err)
		}
		x.enrols(leaf.Bytes)
		if leaves = append(leaves, found...); len(leaves) >= chunk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// take examines the next leaves and returns what the index must hold of them: as
// open has made it, or by looking again where nobody opened them.
func (x *examination) take(log *verify.Log, leaves [][]byte) ([]index.Record, error) {
	x.records = make([]*index.Record, len(leaves))
	if !x.cut {
		if err := log.Add(leaves...); err != nil {
			return nil, err
		}
	}
	out := make([]index.Record, len(leaves))
	for k, made := range x.records {
		if made != nil {
			out[k] = *made
			continue
		}
		out[k] = x.recordOf(x.first+uint64(k), leaves[k])
	}
	x.first, x.records = x.first+uint64(len(leaves)), nil
	return out, nil
}

// unpublished hands on what the index may hold of entries that no checkpoint
// covers yet: a writer that is killed leaves some between log and checkpoint.
// They are not examined; the writer's own note, which logFiles holds against the
// tree, says that they are there.
func (x *examination) unpublished(ctx context.Context, records chan<- []index.Record) error {
	from := x.report.Checkpoint.Size
	tree, err := x.log.Dir.Integrated(x.report.Checkpoint.Origin)
	if err != nil {
		return ignoreEvidence(err)
	}
	if tree.Checkpoint().Size <= from {
		return nil
	}
	var made []index.Record
	for leaf, err := range tree.Entries(ctx, from, max(from, tree.Checkpoint().Size)) {
		if err != nil {
			return ignoreEvidence(err) // rows of the index beyond it have nothing to stand on
		}
		made = append(made, x.recordOf(leaf.Index, leaf.Bytes))
	}
	x.report.Unpublished = uint64(len(made))
	select {
	case records <- made:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ignoreEvidence drops what another step of the examination names.
func ignoreEvidence(err error) error {
	if errors.As(err, new(*tlog.Mismatch)) || errors.As(err, new(*verify.Finding)) {
		return nil
	}
	return err
}

// recordOf is what the index must hold of a leaf that is not examined.
func (x *examination) recordOf(i uint64, leaf []byte) index.Record {
	e, err := entry.Parse(leaf)
	if err != nil {
		return index.From(i, nil, index.Opened{})
	}
	var o index.Opened
	for _, loc := range x.locs[e.ID()] {
		if rec, err := x.vault.At(loc); err == nil {
			o = store.Opened(e, loc, rec, disclosures(rec))
		}
	}
	return index.From(i, e, o)
}

// checkIndex compares the index with every leaf; not where only new leaves are
// examined.
func (x *examination) checkIndex(ctx context.Context, records <-chan []index.Record) ([]finding.Finding, error) {
	if x.report.From > 0 {
		return nil, nil
	}
	idx, err := sqlite.Open(ctx, sqlite.Config{Path: x.cfg.Layout.Index(), ReadOnly: true, Log: x.cfg.Diag})
	if errors.Is(err, index.ErrVersion) && !(x.ended && isEmpty(x.cfg.Layout.Index())) { // the next writer, or reader, builds it anew
		x.report.IndexBehind = true
		return nil, nil
	}
	if err != nil {
		at := x.cfg.Layout.Index()
		if odd := (*durable.OddFile)(nil); errors.As(err, &odd) { // beside it
			at = odd.Path
		}
		return []finding.Finding{finding.At(finding.IndexMismatch, at, "%v", err)}, nil
	}
	bad, err := idx.Check(ctx, each(records))
	problems := x.mismatches(bad)
	if errors.Is(err, index.ErrDamaged) { // it was compared as far as it can be read
		problems, err = append(problems, finding.At(finding.IndexMismatch, x.cfg.Layout.Index(), "%v", err)), nil
	}
	if err == nil && x.ended {
		var n int64
		if n, err = idx.Surplus(ctx); n > 0 {
			problems = append(problems, finding.At(finding.UnsafeStore, x.cfg.Layout.Index(), "%d bytes more than the database has: run `stele admin reindex`", n))
		}
	}
	if err := errors.Join(err, idx.Close()); err != nil {
		return nil, fmt.Errorf("check index: %w", err)
	}
	return problems, nil
}

func isEmpty(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() == 0
}

// each yields records one by one.
func each(records <-chan []index.Record) iter.Seq2[index.Record, error] {
	return func(yield func(index.Record, error) bool) {
		for batch := range records {
			for _, r := range batch {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// mismatches says what is wrong with the index, and whether it is only behind.
func (x *examination) mismatches(bad []index.Mismatch) (problems []finding.Finding) {
	writing := x.cfg.Layout.Writing()
	for _, m := range bad {
		if m.Tail && (writing || m.Detail == "missing") {
			// Index and checkpoint follow the log at their own pace, and a crash or a
			// full disk may stop the index short: the next writer catches up.
			x.report.IndexBehind = true
			continue
		}
		f := finding.At(finding.IndexMismatch, m.Table, "%s in table %s", m.Detail, m.Table)
		if m.Index != index.NoEntry {
			f.Index, f.Where = &m.Index, fmt.Sprintf("entry %d", m.Index)
		}
		problems = append(problems, f)
	}
	return problems
}

// logFiles checks every file of the log's directory, those that no reader of
// today asks for included.
func (x *examination) logFiles(ctx context.Context) error {
	return x.log.Dir.CheckFiles(ctx, x.log.Tree, func(path string, problem error) {
		what := problem.Error()
		if m := new(tlog.Mismatch); errors.As(problem, &m) {
			what = m.What()
		}
		code, full := verify.TreeMismatch, filepath.Join(x.cfg.Layout.Log(), filepath.FromSlash(path))
		if do := tlog.Beside(path, problem); do != "" {
			code, what = finding.UnsafeStore, what+": "+do
		}
		x.problem(code, full, "%s", what)
	})
}
