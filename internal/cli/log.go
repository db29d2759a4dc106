package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
)

// newestOnTerminal is how many entries log shows to people.
const newestOnTerminal = 50

func (a *app) log() *cobra.Command {
	var f filterFlags
	var not []string
	var all bool
	l := asking.Log{Out: a.out, Talk: a.talk}
	cmd := &cobra.Command{
		Use:   "log [PATH…]",
		Short: "What changed, who did it and why: newest first",
		Example: `  stele log --since 2h
  stele log /etc/ssh -p --since yesterday
  stele log --host 'web-*' --agent sshd --since 2026-01-01 --until 2026-02-01
  stele log --key PermitRootLogin --unexplained
  stele log -S 10.0.0.7 web-1:/etc/haproxy
  stele log --actor jane --path /etc/ssh --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.log(&l, args, not); err != nil {
				return err
			}
			if !all && len(l.Filter.Kinds) == 0 {
				l.Filter.Kinds = []string{"change", "gap", "finding", "remark", "erase", "revoke"}
			}
			if !l.JSON && !cmd.Flags().Changed("limit") {
				l.Filter.Limit = newestOnTerminal
			}
			return a.withReader(cmd.Context(), l.Question(), func(r *history.Reader) error {
				err := l.Print(cmd.Context(), r)
				switch {
				case errors.Is(err, asking.ErrBad):
					return hint.With(errBadEvidence, "`stele verify` names the findings")
				case errors.Is(err, asking.ErrAgent):
					return usagef("--agent: %w", err)
				}
				return err
			})
		},
	}
	f.add(cmd)
	a.addServer(cmd)
	fl := cmd.Flags()
	fl.IntVarP(&l.Filter.Limit, "limit", "n", 0, "show at most N entries (0: all; default 50, with --json all)")
	fl.BoolVar(&l.JSON, "json", false, "one JSON object a line")
	fl.BoolVarP(&l.Patch, "patch", "p", false, "with the lines that differ")
	fl.StringVarP(&l.Came, "search", "S", "", "changes by which this text came or went")
	fl.StringVar(&l.Match.Key, "key", "", "changes of this key, or below it: global.scrape_interval")
	fl.StringVar(&l.Match.Reason, "reason", "", "this text in the reason or the ticket")
	fl.BoolVar(&l.Match.Unexplained, "unexplained", false, "changes without a reason")
	fl.StringArrayVar(&not, "not", nil, "leave out actor=, host=, agent=, path=, kind= or reason=; may be given several times")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(allKinds, cobra.ShellCompDirectiveNoFileComp)) // it was added above
	fl.BoolVar(&all, "all", false, "entries of every kind, roll calls and enrolments too")
	return cmd
}

// log puts what the flags and arguments ask for into the question.
func (f *filterFlags) log(l *asking.Log, args, not []string) error {
	limit := l.Filter.Limit
	filter, err := f.filter(time.Now())
	if err != nil {
		return err
	}
	if limit < 0 {
		return usagef("--limit: %d is not a number of entries", limit)
	}
	l.Filter, l.Filter.Limit = filter, limit
	for _, s := range not {
		x, err := asking.ParseExclusion(s)
		if err != nil {
			return usagef("--not: %w", err)
		}
		l.Match.Not = append(l.Match.Not, x)
	}
	if err := l.About(args); err != nil {
		return usageError{err}
	}
	return nil
}
