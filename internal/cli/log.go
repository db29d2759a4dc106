package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/render"
)

// newestOnTerminal is how many entries log shows to people.
const newestOnTerminal = 50

// checkedAtMost is how many entries log checks one by one; more are shown
// unchecked, and verify is the command to check them all.
const checkedAtMost = 1000

func (a *app) log() *cobra.Command {
	var f filterFlags
	var limit int
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "log",
		Short: "What changed: newest first",
		Example: `  stele log --since 2h
  stele log --host 'web-*' --agent sshd --since 2026-01-01 --until 2026-02-01
  stele log --actor jane --path /etc/ssh --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			if !all && len(filter.Kinds) == 0 {
				filter.Kinds = []string{"change", "gap", "finding", "remark", "erase", "revoke"}
			}
			if limit < 0 {
				return usagef("--limit: %d is not a number of entries", limit)
			}
			if filter.Limit = limit; !asJSON && !cmd.Flags().Changed("limit") {
				filter.Limit = newestOnTerminal
			}
			return a.withReader(cmd.Context(), filter.Question(checkedAtMost), func(r *history.Reader) error {
				return a.printLog(cmd.Context(), r, filter, asJSON)
			})
		},
	}
	f.add(cmd)
	a.addServer(cmd)
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "show at most N entries (0: all; default 50, with --json all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(allKinds, cobra.ShellCompDirectiveNoFileComp)) // it was added above
	cmd.Flags().BoolVar(&all, "all", false, "entries of every kind, roll calls and enrolments too")
	return cmd
}

func (a *app) printLog(ctx context.Context, r *history.Reader, f history.Filter, asJSON bool) error {
	out := bufio.NewWriter(a.out)
	defer out.Flush()
	shown, bad := 0, false
	for v, err := range r.Log(ctx, f, checkedAtMost) {
		if err != nil {
			return err
		}
		shown++
		bad = bad || v.Proof.State == history.Bad
		if asJSON {
			if err := json.NewEncoder(out).Encode(v); err != nil {
				return err
			}
			continue
		}
		render.Summary(out, v, f)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if shown == 0 && !asJSON {
		a.talk("no entry matches")
	}
	if bad {
		return hint.With(errBadEvidence, "`stele verify` names the findings")
	}
	return nil
}
