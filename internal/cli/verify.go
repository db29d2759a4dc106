package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/drift"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/progress"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

func (a *app) verify() *cobra.Command {
	var asJSON, onlyNew, strict, fast bool
	cmd := &cobra.Command{
		Use:   "verify [ENTRY | FILE]",
		Short: "Check that nothing was altered: the whole record, one entry, or a file on disk",
		Long: `Verify reads every entry, proof, disclosure and text, and every file of the
store, and believes nothing but the log's key and the checkpoint believed last
time. What is wrong is named; then the exit status is 3.

With --server it reads all that from a server, and believes it as little; the
server's files are for the server's own verify to check.

With an entry it checks that entry. With the path of a watched file it compares
the file on disk with the text last recorded of it.`,
		Example: `  stele verify
  stele verify --new
  stele verify 42
  stele verify /etc/ssh/sshd_config`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				for _, name := range []string{"new", "strict", "skip-signatures"} {
					if cmd.Flags().Changed(name) {
						return usagef("--%s is for the whole record, not for %s", name, args[0])
					}
				}
				return a.verifyOne(cmd.Context(), args[0], asJSON)
			}
			return a.verifyAll(cmd.Context(), verifyFlags{asJSON, onlyNew, strict, fast})
		},
	}
	a.addServer(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&asJSON, "json", false, "one JSON object")
	fl.BoolVar(&onlyNew, "new", false, "only what came since the last verified checkpoint")
	fl.BoolVar(&strict, "strict", false, "exit with 3 for findings against sources too")
	fl.BoolVar(&fast, "skip-signatures", false, "leave signatures unchecked, for speed")
	return cmd
}

type verifyFlags struct{ json, onlyNew, strict, fast bool }

func (a *app) verifyAll(ctx context.Context, f verifyFlags) error {
	cfg := examine.Config{SkipSignatures: f.fast, OnlyNew: f.onlyNew, Diag: a.diag()}
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

func (a *app) examine(ctx context.Context, cfg examine.Config, f verifyFlags) error {
	bar := progress.Start(a.err, "verifying")
	cfg.Progress = bar.At
	rep, err := examine.Run(ctx, cfg)
	bar.Done()
	if err != nil {
		return hintRead(err)
	}
	if err := a.printReport(rep, f); err != nil {
		return err
	}
	switch {
	case !rep.Far && slices.ContainsFunc(rep.Findings, func(x verify.Finding) bool { return x.Code == verify.Shrunk }):
		return hint.With(errBadEvidence, shrunkHint)
	case rep.Bad() || f.strict && len(rep.Findings) > 0:
		return errBadEvidence
	case rep.NotUnderstood > 0:
		return fmt.Errorf("of a later version: %s", terminal.Entries(rep.NotUnderstood))
	}
	if err := a.remember(ctx, cfg.Trust, rep); err != nil || rep.Unsafe() == 0 {
		return err
	}
	return fmt.Errorf("the record is true, but the store is unsafe: %s", terminal.Count(rep.Unsafe(), "file", "files"))
}

// remember keeps the checkpoint that was found good.
func (a *app) remember(ctx context.Context, file trust.File, rep *examine.Report) error {
	_, err := file.Grow(ctx, trust.Growth{Key: rep.Key, Checkpoint: rep.Checkpoint, Verified: rep.Checkpoint.Size, Continues: rep.Continues})
	return err
}

type jsonReport struct {
	State         string        `json:"state"` // verified, unsafe or bad
	Size          uint64        `json:"size"`
	From          uint64        `json:"from"`
	Changes       uint64        `json:"changes"`
	Disclosed     uint64        `json:"disclosed"`
	Erased        uint64        `json:"erased"`
	Duplicates    uint64        `json:"duplicates"`
	NotUnderstood uint64        `json:"not_understood"`
	Sources       int           `json:"sources"`
	Signatures    bool          `json:"signatures"`
	Remote        bool          `json:"remote,omitempty"`  // the server's files were not looked at
	Missing       uint64        `json:"missing,omitempty"` // of an older copy: entries that the log is known to have
	Checkpoint    string        `json:"checkpoint"`
	Findings      []jsonFinding `json:"findings"`
}

type jsonFinding struct {
	Code    string  `json:"code"`
	Accused string  `json:"accused"`
	Index   *uint64 `json:"index,omitempty"`
	Where   string  `json:"where,omitempty"`
	Detail  string  `json:"detail"`
}

func (a *app) printReport(rep *examine.Report, f verifyFlags) error {
	if !f.json {
		a.printVerdict(rep)
		return nil
	}
	j := jsonReport{
		"verified", rep.Size, rep.From, rep.Changes, rep.Disclosed, rep.Erased, rep.Duplicates, rep.NotUnderstood,
		rep.Sources, rep.Signatures, rep.Far, rep.Missing, string(rep.Checkpoint.Note),
		[]jsonFinding{},
	}
	switch {
	case rep.Bad():
		j.State = "bad"
	case rep.Unsafe() > 0:
		j.State = "unsafe"
	}
	for _, x := range rep.Findings {
		j.Findings = append(j.Findings, jsonFinding{string(x.Code), string(x.Accused), &x.Index, "", x.Detail})
	}
	for _, p := range rep.Problems {
		j.Findings = append(j.Findings, jsonFinding{string(p.Code), string(p.Accused), nil, p.Where, p.Detail})
	}
	return json.NewEncoder(a.out).Encode(j)
}

// mostShown is how many findings people are shown.
const mostShown = 30

func (a *app) printVerdict(rep *examine.Report) {
	for i, x := range rep.Findings {
		if i == mostShown {
			fmt.Fprintf(a.out, "… %d more findings; --json has them all\n", len(rep.Findings)-i)
			break
		}
		fmt.Fprintf(a.out, "%-8s %-18s entry %d: %s\n", x.Accused, x.Code, x.Index, terminal.Escape(x.Detail))
	}
	for i, p := range rep.Problems {
		if i == mostShown {
			fmt.Fprintf(a.out, "… %d more places; --json has them all\n", len(rep.Problems)-i)
			break
		}
		fmt.Fprintf(a.out, "%-8s %-18s %s: %s\n", p.Accused, p.Code, terminal.Escape(p.Where), terminal.Escape(p.Detail))
	}
	signatures := "signatures, "
	if !rep.Signatures {
		signatures = ""
	}
	what := fmt.Sprintf("%s, %s, %d disclosures and texts of %s", terminal.Entries(rep.Size), terminal.Count(rep.Changes, "change", "changes"), rep.Disclosed, terminal.Count(rep.Sources, "source", "sources"))
	if rep.From > 0 {
		what = fmt.Sprintf("entries %d to %d", rep.From, rep.Size)
	}
	if rep.Bad() {
		fmt.Fprintf(a.out, "BAD: %s in %s\n", terminal.Count(len(rep.Findings)+len(rep.Problems), "finding", "findings"), what)
		return
	}
	if rep.Far {
		fmt.Fprintf(a.out, "verified: %s; tree, %schains and seals agree\n", what, signatures)
		fmt.Fprintln(a.out, "not looked at: the server's index, its keyring, and its files byte by byte; `stele verify` on the server does that")
	} else {
		fmt.Fprintf(a.out, "verified: %s; tree, %schains, seals, files and index agree\n", what, signatures)
	}
	if rep.Missing > 0 {
		fmt.Fprintf(a.out, "an older copy: %s of the log believed at %s are missing from it; nothing was remembered\n", terminal.Entries(rep.Missing), terminal.Escape(rep.Place))
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
		fmt.Fprintf(a.out, "erased: %s, on the record\n", terminal.Count(rep.Erased, "line", "lines"))
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
		q.Name, q.Host = []byte(path), []byte(daemon.HostName())
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
	rec, err := r.Recorded(ctx, path, daemon.HostName())
	if err != nil {
		return hintName(err, path)
	}
	l, err := a.layout()
	if err != nil {
		return err
	}
	v, err := drift.Compare(l, path, rec)
	if err != nil {
		return err
	}
	if v.Secrets > 0 {
		a.talk("not looked at: whether the %d secrets in it are the same, for which the watcher's key is needed", v.Secrets)
	}
	if asJSON {
		j := jsonFile{path, "same", rec.Version.Index, rec.View.Time}
		if !v.Same {
			j.State = "drift"
		}
		if err := json.NewEncoder(a.out).Encode(j); err != nil {
			return err
		}
	}
	if !v.Same {
		return hint.With(&verify.Finding{
			Code: finding.Drift, Accused: finding.Host, Index: rec.Version.Index,
			Detail: fmt.Sprintf("%s is not what entry %d recorded at %s", path, rec.Version.Index, rec.View.Time),
		}, "`stele log --path %s` shows its history; if no watcher runs, start one with `stele up`", path)
	}
	if !asJSON {
		fmt.Fprintf(a.out, "%s is what entry %d recorded at %s\n", terminal.Escape(path), rec.Version.Index, rec.View.Time)
	}
	return nil
}
