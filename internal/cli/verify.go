package cli

import (
	"context"
	"encoding/json"
	"errors"
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
	"github.com/stele-log/stele/internal/render"
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
store, and trusts nothing but the log's key and the newest checkpoint verified
before. Bad evidence is named, and the exit status is 3.

With --server it reads the record from a server and trusts it no more than that;
the files of the server are checked by verify on the server.

With --log it reads the directory of a log, wherever that came from, and with
--disclosures what was exported of it, and nothing of a store. A checkpoint of
that log which somebody else has seen is given with --checkpoint: it proves that
the log was rewritten, or that it was not.

With an entry it checks that entry. With the path of a watched file it compares
the file on disk with its last recorded text.`,
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
	fl.BoolVar(&onlyNew, "new", false, "only entries after the last verified checkpoint")
	fl.BoolVar(&strict, "strict", false, "exit with 3 for findings that accuse sources, and for those on the record, too")
	p.flags(cmd)
	fl.BoolVar(&fast, "skip-signatures", false, "do not check signatures, for speed")
	return cmd
}

type verifyFlags struct {
	json, onlyNew, strict, fast bool
	checkpoints                 []string // files
}

func (a *app) verifyAll(ctx context.Context, f verifyFlags) error {
	cfg := examine.Config{SkipSignatures: f.fast, OnlyNew: f.onlyNew, Diag: a.diag(), AtHand: opened(f.checkpoints)}
	if a.isRemote() {
		r, err := a.dial()
		if err != nil {
			return err
		}
		defer r.Close()
		remote, err := a.logOf(r)
		if err != nil {
			return err
		}
		cfg.Remote, cfg.Trust = &remote, remote.Trust
		cfg.AtHand = a.handedOn(ctx, r, cfg.AtHand)
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
	if f.json {
		if err := json.NewEncoder(a.out).Encode(render.OfStore(rep)); err != nil {
			return err
		}
	} else {
		render.Store(a.out, rep)
	}
	switch {
	case !rep.Remote && slices.ContainsFunc(rep.Findings, func(x verify.Finding) bool { return x.Code == verify.Shrunk }):
		return hint.With(errBadEvidence, shrunkHint)
	case rep.Bad() || f.strict && anything(&rep.Verdict):
		return errBadEvidence
	}
	if err := undecided(&rep.Verdict); err != nil {
		return err
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

var errContested = errors.New("sources saw trees that this log has not, and no checkpoint at hand decides")

// anything reports whether there is anything that --strict does not pass.
func anything(v *verify.Verdict) bool { return len(v.Findings) > 0 || v.Recorded > 0 }

// undecided is why a verdict that accuses nobody is not good either, or nil.
func undecided(v *verify.Verdict) error {
	if len(v.Contested) > 0 {
		return hint.With(errContested, "run `stele status --checkpoints > FILE` on a host named above, then: stele verify --checkpoint FILE")
	}
	if v.NotUnderstood > 0 {
		return fmt.Errorf("of a later version: %s", terminal.Entries(v.NotUnderstood))
	}
	return nil
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
		fmt.Fprintf(a.out, "entry %d: %s\n", i, render.Proof(v.Proof))
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
		a.talk("not checked: %d secrets in it, for want of the watcher's key", v.Secrets)
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
			Detail: fmt.Sprintf("%s differs from its text in entry %d, recorded %s", path, rec.Version.Index, render.When(rec.View.Time)),
		}, "`stele log --path %s` shows its history; if no watcher runs, start one with `stele up`", path)
	}
	if !asJSON {
		fmt.Fprintf(a.out, "%s equals its text in entry %d, recorded %s\n", terminal.Escape(path), rec.Version.Index, render.When(rec.View.Time))
	}
	return nil
}
