// Package published verifies a log as whoever keeps it publishes it: the directory
// of the log and, where they were handed out, its disclosures.
//
// It needs nothing of a store and believes nothing but the log's key. What is
// examined, and what is found, is what docs/format.md says, so that any other
// verifier of that page says the same about the same bytes.
package published

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/signature"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/verify"
)

// Config says what to examine.
type Config struct {
	Log         string        // the directory of the log
	Key         *entry.LogKey // nil: the one that entry 0 names, for want of a better word
	Disclosures string        // a file of exported disclosures; empty: none are at hand

	// Believed opens the checkpoint believed before, and AtHand others, under the
	// log's key. Nil: there are none.
	Believed func(*entry.LogKey) (*verify.Checkpoint, error)
	AtHand   func(*entry.LogKey) ([]verify.Checkpoint, error)

	SkipSignatures bool
	Progress       func(done, of uint64) // nil: nobody
}

// Report is the outcome.
type Report struct {
	verify.Verdict
	Key        *entry.LogKey
	Checkpoint verify.Checkpoint // zero where there is none that is good
	PassedOver []int             // numbers of lines, from 1, that are no disclosures
}

// examination is one run.
type examination struct {
	cfg    Config
	dir    *tlog.Dir
	log    *verify.Log
	tree   tree
	faults faults
	report *Report
}

// Examine reads everything once. An error means that something could not be
// looked at; what was looked at and is bad is in the report.
func Examine(ctx context.Context, cfg Config) (_ *Report, err error) {
	dir, err := tlog.OpenDir(cfg.Log)
	if err != nil {
		return nil, err
	}
	if cfg.Progress == nil {
		cfg.Progress = func(uint64, uint64) {}
	}
	x := &examination{cfg: cfg, dir: dir, report: &Report{}}
	if x.report.Key, err = x.key(ctx); err != nil {
		return nil, err
	}
	if x.report.Checkpoint, err = x.checkpoint(); err != nil {
		var f *verify.Finding
		if errors.As(err, &f) { // without a checkpoint there is nothing to go by
			x.report.Findings = append(x.report.Findings, *f)
			return x.report, nil
		}
		return nil, err
	}
	if err := x.run(ctx); err != nil {
		return nil, err
	}
	return x.report, nil
}

// key is the key of the log: the one given, or the one in its entry 0.
func (x *examination) key(ctx context.Context) (*entry.LogKey, error) {
	if x.cfg.Key != nil {
		return x.cfg.Key, nil
	}
	for _, width := range x.widths() {
		data, _, err := x.dir.ReadTile(ctx, sumdb.Tile{H: tileHeight, L: bundle, N: 0, W: width})
		if err != nil {
			continue // the next one, or nobody, says it
		}
		leaves, _ := tlog.SplitBundle(data, 1)
		for _, leaf := range leaves {
			if e, err := entry.Parse(leaf); err == nil && e.Open.Log != nil && e.Open.Log.Sound() {
				return e.Open.Log, nil
			}
		}
	}
	return nil, errors.New("entry 0 names no key of the log: give it with --vkey")
}

// widths are the widths of the first bundle as it may be there: full, or any partial
// one.
func (x *examination) widths() []int {
	first := sumdb.Tile{H: tileHeight, L: bundle, N: 0, W: tileWidth}
	partial, _ := x.dir.Partials(first) // nothing listed, nothing read
	return append([]int{tileWidth}, partial...)
}

func (x *examination) checkpoint() (verify.Checkpoint, error) {
	cp, err := x.dir.Checkpoint(x.report.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return cp, &verify.Finding{Code: verify.BadCheckpoint, Accused: verify.TheLog, Detail: "the log has no checkpoint"}
	}
	return cp, err
}

func (x *examination) run(ctx context.Context) (err error) {
	cfg := verify.Config{
		Key: x.report.Key, Checkpoint: x.report.Checkpoint, SkipSignatures: x.cfg.SkipSignatures,
		RootAt:    func(size uint64) (entry.Hash, error) { return x.tree.rootAt(size) },
		Signature: new(signature.Verifier).Verify,
	}
	if err := x.hold(&cfg); err != nil {
		return err
	}
	if x.cfg.Disclosures != "" {
		d, err := openDisclosures(x.cfg.Disclosures)
		if err != nil {
			return err
		}
		defer d.Close()
		cfg.Open, cfg.Leaf = d.of, func(i uint64) ([]byte, error) { return x.leaf(ctx, i) }
		x.report.PassedOver = d.passedOver
	}
	x.log = verify.NewLog(cfg)
	if err := x.files(ctx); err != nil {
		return err
	}
	x.report.Verdict, err = x.log.Finish()
	return err
}

// hold opens the checkpoints at hand.
func (x *examination) hold(cfg *verify.Config) (err error) {
	if x.cfg.Believed != nil {
		if cfg.Believed, err = x.cfg.Believed(x.report.Key); err != nil {
			return err
		}
	}
	if x.cfg.AtHand != nil {
		cfg.AtHand, err = x.cfg.AtHand(x.report.Key)
	}
	return err
}

// files reads every file that the checkpoint asks for.
func (x *examination) files(ctx context.Context) error {
	if err := x.leaves(ctx); err != nil {
		return err
	}
	cp := x.report.Checkpoint
	whole := false
	if x.tree.size == cp.Size {
		root, err := x.tree.rootAt(cp.Size)
		if err != nil {
			return err
		}
		whole = root == cp.Root
	}
	var err error
	if whole {
		err = x.hashTiles(ctx)
	} else {
		x.tree, err = x.hashTree(ctx) // step 3 goes by the stored hashes, or by nothing
	}
	for _, f := range x.faults.list() {
		x.log.Fault(f)
	}
	return err
}

// faults are files that are missing or do not agree: the first few by name.
type faults struct {
	named []string
	seen  map[string]bool
	more  int
}

const mostNamed = 16

func (f *faults) add(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	switch {
	case f.seen[what]:
	case len(f.named) == mostNamed:
		f.more++
	default:
		if f.seen == nil {
			f.seen = make(map[string]bool)
		}
		f.seen[what] = true
		f.named = append(f.named, what)
	}
}

func (f *faults) list() []string {
	if f.more == 0 {
		return f.named
	}
	return append(f.named, fmt.Sprintf("%d more files", f.more))
}
