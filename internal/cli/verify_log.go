package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/progress"
	"github.com/stele-log/stele/internal/published"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/verify"
)

// publishedFlags say what of a log was handed out: its directory, its disclosures,
// and checkpoints of it that others have seen.
type publishedFlags struct {
	log, vkey, disclosures, believed string
	checkpoints                      []string
}

func (p *publishedFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&p.log, "log", "", "verify the log in this directory, and nothing of a store")
	fl.StringVar(&p.vkey, "vkey", "", "key of the log, with --log (default: the one that its entry 0 names)")
	fl.StringVar(&p.disclosures, "disclosures", "", "file of exported disclosures, with --log; they are taken as complete")
	fl.StringVar(&p.believed, "believed", "", "file with the checkpoint of the log that you believed before, with --log")
	fl.StringArrayVar(&p.checkpoints, "checkpoint", nil, "file with checkpoints of the log that others have seen; may be repeated")
}

// check refuses flags that say nothing together.
func (p *publishedFlags) check(cmd *cobra.Command, args []string) error {
	with, without := []string{"vkey", "disclosures", "believed"}, []string{"new", "server", "data", "token-file"}
	for _, name := range with {
		if p.log == "" && cmd.Flags().Changed(name) {
			return usagef("--%s needs --log", name)
		}
	}
	for _, name := range without {
		if p.log != "" && cmd.Flags().Changed(name) {
			return usagef("--%s and --log exclude each other", name)
		}
	}
	if p.log != "" && len(args) > 0 {
		return usagef("--log is for a whole log, not for %s", args[0])
	}
	return nil
}

// verifyPublished verifies a log by its directory alone.
func (a *app) verifyPublished(ctx context.Context, p publishedFlags, f verifyFlags) error {
	bar := progress.Start(a.err, "verifying")
	cfg := published.Config{Log: p.log, Disclosures: p.disclosures, SkipSignatures: f.fast, AtHand: opened(f.checkpoints), Progress: bar.At}
	if p.vkey != "" {
		key, err := entry.ParseLogKey(p.vkey)
		if err != nil {
			return usagef("--vkey: %w", err)
		}
		cfg.Key = key
	}
	if p.believed != "" {
		cfg.Believed = func(key *entry.LogKey) (*verify.Checkpoint, error) {
			cp, err := openCheckpoint(key, p.believed)
			return &cp, err
		}
	}
	rep, err := published.Examine(ctx, cfg)
	bar.Done()
	if err != nil {
		return err
	}
	if err := a.printPublished(rep, p, f); err != nil {
		return err
	}
	if rep.Bad() || f.strict && len(rep.Findings) > 0 {
		return errBadEvidence
	}
	return undecided(&rep.Verdict)
}

func (a *app) printPublished(rep *published.Report, p publishedFlags, f verifyFlags) error {
	if f.json {
		j := newJSONReport(&rep.Verdict, rep.Checkpoint)
		j.VKey, j.PassedOver = rep.Key.VKey(), rep.PassedOver
		return json.NewEncoder(a.out).Encode(j)
	}
	a.printFindings(&rep.Verdict, nil)
	a.printContests(rep.Contested)
	for i, n := range rep.PassedOver {
		if i == mostShown {
			fmt.Fprintf(a.out, "… %d more lines are no disclosures; --json has them all\n", len(rep.PassedOver)-i)
			break
		}
		fmt.Fprintf(a.out, "%s: line %d is no disclosure and was passed over\n", p.disclosures, n)
	}
	if p.vkey == "" {
		fmt.Fprintf(a.out, "the key is the one that the log itself names; compare it: %s\n", rep.Key.VKey())
	}
	what := fmt.Sprintf("%s, %s of %s", terminal.Entries(rep.Size), terminal.Count(rep.Changes, "change", "changes"), terminal.Count(rep.Sources, "source", "sources"))
	if p.disclosures == "" {
		what += "; without disclosures seals, bodies and histories were not checked"
	}
	switch stateOf(&rep.Verdict) {
	case "bad":
		fmt.Fprintf(a.out, "BAD: %s in %s\n", terminal.Count(len(rep.Findings), "finding", "findings"), what)
	case "contested":
		fmt.Fprintf(a.out, "CONTESTED: %s in %s\n", terminal.Count(len(rep.Contested), "tree", "trees"), what)
	case "unclear":
		fmt.Fprintf(a.out, "verified but for %s of a later version: %s\n", terminal.Entries(rep.NotUnderstood), what)
	default:
		fmt.Fprintf(a.out, "verified: %s\n", what)
	}
	return nil
}

// opened opens the checkpoints in files under the key of a log.
func opened(files []string) func(*entry.LogKey) ([]verify.Checkpoint, error) {
	return func(key *entry.LogKey) (list []verify.Checkpoint, err error) {
		for _, file := range files {
			some, err := openCheckpoints(key, file)
			if err != nil {
				return nil, err
			}
			list = append(list, some...)
		}
		return list, nil
	}
}

// openCheckpoint is openCheckpoints of a file with one.
func openCheckpoint(key *entry.LogKey, file string) (cp verify.Checkpoint, err error) {
	list, err := openCheckpoints(key, file)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%s: want one checkpoint, it has %d", file, len(list))
	}
	if err != nil {
		return cp, err
	}
	return list[0], nil
}

// maxCheckpoints bounds a file of checkpoints, in bytes.
const maxCheckpoints = 16 << 20

// openCheckpoints reads checkpoints that somebody gave, one after the other. That one
// is none is their mistake and accuses nobody.
func openCheckpoints(key *entry.LogKey, file string) (list []verify.Checkpoint, err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCheckpoints+1))
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	notes := checkpoints.Split(text)
	if len(notes) == 0 || len(text) > maxCheckpoints {
		return nil, fmt.Errorf("%s: want 1 to %d bytes of checkpoints", file, maxCheckpoints)
	}
	for i, note := range notes {
		cp, err := verify.OpenCheckpoint(key, note)
		if err != nil {
			return nil, fmt.Errorf("%s: note %d is no checkpoint of %s: %v", file, i+1, key.Origin(), err) // not wrapped: the log is not accused
		}
		list = append(list, cp)
	}
	return list, nil
}
