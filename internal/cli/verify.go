package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/monitor"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

func (a *app) verify() *cobra.Command {
	var asJSON, onlyNew, strict, fast bool
	var p publishedFlags
	cmd := &cobra.Command{
		Use:   "verify [ENTRY | FILE]",
		Short: "Check that nothing was altered: the whole record, one entry, or a file on disk",
		Long: `Verify reads every entry, proof, disclosure and text, and every file of the
store, and believes nothing but the log's key and the checkpoint believed last
time. What is wrong is named; then the exit status is 3.

With --server it reads all that from a server, and believes it as little; the
server's files are for the server's own verify to check.

With --log it reads the directory of a log, wherever that came from, and with
--disclosures what was exported of it, and nothing of a store. A checkpoint of
that log which somebody else has seen is given with --checkpoint: it proves that
the log was rewritten, or that it was not.

With an entry it checks that entry. With the path of a watched file it compares
the file on disk with the text last recorded of it.`,
		Example: `  stele verify
  stele verify --new
  stele verify --log DIR/log --vkey "$(stele admin key)" --disclosures disclosures.ndjson
  stele verify 42
  stele verify /etc/ssh/sshd_config`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(cmd, args); err != nil {
				return err
			}
			if len(args) == 1 {
				for _, name := range []string{"new", "strict", "skip-signatures", "checkpoint"} {
					if cmd.Flags().Changed(name) {
						return usagef("--%s is for the whole record, not for %s", name, args[0])
					}
				}
				return a.verifyOne(cmd.Context(), args[0], asJSON)
			}
			f := verifyFlags{asJSON, onlyNew, strict, fast, p.checkpoints}
			if p.log != "" {
				return a.verifyPublished(cmd.Context(), p, f)
			}
			return a.verifyAll(cmd.Context(), f)
		},
	}
	a.addServer(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&asJSON, "json", false, "one JSON object")
	fl.BoolVar(&onlyNew, "new", false, "only what came since the last verified checkpoint")
	fl.BoolVar(&strict, "strict", false, "exit with 3 for findings against sources too")
	p.flags(cmd)
	fl.BoolVar(&fast, "skip-signatures", false, "leave signatures unchecked, for speed")
	return cmd
}

type verifyFlags struct {
	json, onlyNew, strict, fast bool
	checkpoints                 []string // files
}

func (a *app) verifyAll(ctx context.Context, f verifyFlags) error {
	cfg := monitor.Config{SkipSignatures: f.fast, OnlyNew: f.onlyNew, Diag: a.diag(), AtHand: opened(f.checkpoints)}
	if a.isRemote() {
		r, err := a.dial()
		if err != nil {
			return err
		}
		defer r.Close()
		far, err := a.logOf(r)
		if err != nil {
			return err
		}
		cfg.Far, cfg.Trust = &far, far.Trust
		return a.examine(ctx, cfg, f)
	}
	var err error
	if cfg.Layout, err = a.layout(); err != nil {
		return err
	}
	if cfg.Trust, err = a.belief(cfg.Layout); err != nil {
		return err
	}
	return a.examine(ctx, cfg, f)
}

func (a *app) examine(ctx context.Context, cfg monitor.Config, f verifyFlags) error {
	bar := a.progress("verifying")
	cfg.Progress = bar.at
	rep, err := monitor.Examine(ctx, cfg)
	bar.done()
	if err != nil {
		return hintRead(err)
	}
	if err := a.printReport(rep, f); err != nil {
		return err
	}
	switch {
	case !rep.Far && slices.ContainsFunc(rep.Findings, func(x verify.Finding) bool { return x.Code == verify.Shrunk }):
		return withHint(errBadEvidence, shrunkHint, cfg.Trust.Path())
	case rep.Bad() || f.strict && len(rep.Findings) > 0:
		return errBadEvidence
	}
	if err := undecided(&rep.Verdict); err != nil {
		return err
	}
	return a.remember(cfg.Trust, rep)
}

// remember keeps the checkpoint that was found good.
func (a *app) remember(note trust.Note, rep *monitor.Report) error {
	belief, ok, err := note.Read()
	if err != nil {
		return err
	}
	if ok {
		if cp, err := belief.Open(); err == nil && cp.Size >= rep.Checkpoint.Size && belief.Verified >= rep.Checkpoint.Size {
			return nil
		}
	}
	belief.VKey, belief.Verified = rep.VKey, rep.Checkpoint.Size
	belief.Checkpoint = string(rep.Checkpoint.Note)
	return note.Write(belief)
}

func (a *app) printReport(rep *monitor.Report, f verifyFlags) error {
	if !f.json {
		a.printVerdict(rep)
		return nil
	}
	j := newJSONReport(&rep.Verdict, rep.Checkpoint)
	j.From, j.Remote = rep.From, rep.Far
	for _, p := range rep.Problems {
		j.Findings = append(j.Findings, jsonFinding{p.Code, "store", nil, p.Where, p.Detail})
	}
	if rep.Bad() {
		j.State, j.Status = "bad", exitBad
	}
	return json.NewEncoder(a.out).Encode(j)
}

func (a *app) printVerdict(rep *monitor.Report) {
	a.printFindings(&rep.Verdict, rep.Problems)
	signatures := "signatures, "
	if !rep.Signatures {
		signatures = ""
	}
	what := fmt.Sprintf("%s, %s, %d disclosures and texts of %s", entries(rep.Size), count(rep.Changes, "change", "changes"), rep.Disclosed, count(rep.Sources, "source", "sources"))
	if rep.From > 0 {
		what = fmt.Sprintf("entries %d to %d", rep.From, rep.Size)
	}
	a.printContests(rep.Contested)
	if rep.Bad() {
		fmt.Fprintf(a.out, "BAD: %s in %s\n", count(len(rep.Findings)+len(rep.Problems), "finding", "findings"), what)
		return
	}
	if len(rep.Contested) > 0 {
		fmt.Fprintf(a.out, "CONTESTED: %s in %s\n", count(len(rep.Contested), "tree", "trees"), what)
		return
	}
	if rep.Far {
		fmt.Fprintf(a.out, "verified: %s; tree, %schains and seals agree\n", what, signatures)
		fmt.Fprintln(a.out, "not looked at: the server's index, its keyring, and its files byte by byte; `stele verify` on the server does that")
	} else {
		fmt.Fprintf(a.out, "verified: %s; tree, %schains, seals, files and index agree\n", what, signatures)
	}
	if rep.IndexBehind {
		fmt.Fprintln(a.out, "the index does not reach as far as the log; `stele up` or `stele admin reindex` brings it up to date")
	}
	if rep.Unpublished > 0 {
		fmt.Fprintf(a.out, "%d more entries were accepted and are under no checkpoint yet\n", rep.Unpublished)
	}
	if rep.Unfinished {
		fmt.Fprintln(a.out, "a writer ended in the middle of a batch that it told nobody of; the next `stele up` or `stele serve` removes the rest of it")
	}
	if rep.Erased > 0 {
		fmt.Fprintf(a.out, "erased: %s, on the record\n", count(rep.Erased, "line", "lines"))
	}
}

// verifyOne checks one entry, or a file on disk.
func (a *app) verifyOne(ctx context.Context, name string, asJSON bool) error {
	path, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	q := wire.Question{Ask: wire.AskVerify, Name: []byte(name)}
	isFile := filepath.IsAbs(name)
	if _, err := os.Lstat(name); err == nil {
		isFile = true
	}
	if isFile {
		q.Name, q.Host = []byte(path), []byte(hostName())
	}
	return a.withReader(ctx, q, func(r *history.Reader) error {
		i, err := resolve(ctx, r, name)
		if err != nil {
			if isFile {
				return a.verifyFile(ctx, r, path, asJSON)
			}
			return err
		}
		return a.verifyEntry(ctx, r, i, asJSON)
	})
}

func (a *app) verifyEntry(ctx context.Context, r *history.Reader, i uint64, asJSON bool) error {
	v, err := r.Examined(ctx, i)
	if err != nil {
		return err
	}
	if asJSON {
		if err := json.NewEncoder(a.out).Encode(v); err != nil {
			return err
		}
	} else {
		for _, f := range v.Findings {
			fmt.Fprintf(a.out, "%s: %s\n", f.Code, terminal.Escape(f.Detail))
		}
		fmt.Fprintf(a.out, "entry %d: %s\n", i, proofText(v.Proof))
	}
	if v.Proof.State == history.Bad {
		return errBadEvidence
	}
	return nil
}

// jsonFile says whether a file on disk is what was recorded of it last.
type jsonFile struct {
	Path     string `json:"path"`
	State    string `json:"state"` // same or drift
	Index    uint64 `json:"index"`
	Recorded string `json:"recorded"`
}

// verifyFile holds a file on disk against the text last recorded of it. What is
// on disk is redacted in the same way first, so nothing secret is printed.
func (a *app) verifyFile(ctx context.Context, r *history.Reader, path string, asJSON bool) error {
	rec, err := r.Recorded(ctx, path, hostName())
	if err != nil {
		return hintName(err, path)
	}
	same, err := a.sameAsDisk(path, rec)
	if err != nil {
		return err
	}
	if asJSON {
		j := jsonFile{path, "same", rec.Version.Index, rec.View.Time}
		if !same {
			j.State = "drift"
		}
		if err := json.NewEncoder(a.out).Encode(j); err != nil {
			return err
		}
	}
	if !same {
		return withHint(&verify.Finding{
			Code: "drift", Accused: "disk", Index: rec.Version.Index,
			Detail: fmt.Sprintf("%s is not what entry %d recorded at %s", path, rec.Version.Index, rec.View.Time),
		}, "`stele log --path %s` shows its history; if no watcher runs, start one with `stele up`", path)
	}
	if !asJSON {
		fmt.Fprintf(a.out, "%s is what entry %d recorded at %s\n", terminal.Escape(path), rec.Version.Index, rec.View.Time)
	}
	return nil
}

// bar is a progress bar on a terminal, and nothing elsewhere.
type bar struct{ p *progressbar.ProgressBar }

func (a *app) progress(what string) *bar {
	if !onTerminal(a.err) {
		return &bar{}
	}
	return &bar{progressbar.NewOptions64(-1, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount())}
}

func (b *bar) at(done, of uint64) {
	if b.p == nil {
		return
	}
	if b.p.GetMax64() != int64(of) {
		b.p.ChangeMax64(int64(of))
	}
	_ = b.p.Set64(int64(done)) // a bar that cannot be drawn must not stop the work
}

func (b *bar) done() {
	if b.p != nil {
		_ = b.p.Finish()
	}
}
