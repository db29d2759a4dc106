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
	"github.com/stele-log/stele/internal/render"
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
	if f.json {
		if err := json.NewEncoder(a.out).Encode(render.OfPublished(rep)); err != nil {
			return err
		}
	} else {
		render.Published(a.out, rep, render.Given{Key: p.vkey != "", Disclosures: p.disclosures})
	}
	if rep.Bad() || f.strict && anything(&rep.Verdict) {
		return errBadEvidence
	}
	return undecided(&rep.Verdict)
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
