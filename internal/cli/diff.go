package cli

import (
	"bufio"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) diff() *cobra.Command {
	var since, until, host string
	var text bool
	cmd := &cobra.Command{
		Use:   "diff [PATH | ENTRY[/CHANGE] | HOST:[PATH] HOST:[PATH]]",
		Short: "Differences made by a change, between two times, or between two hosts",
		Example: `  stele diff 42
  stele diff /etc/prometheus/prometheus.yml --since 3d
  stele diff --since 10m --host web-1
  stele diff web-1: web-2:`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := moment("since", since)
			if err != nil {
				return err
			}
			to, err := moment("until", until)
			if err != nil {
				return err
			}
			q := diffQuestion{args: args, host: host, since: from, until: to, text: text}
			if len(args) == 0 && from.IsZero() {
				return usagef("nothing to compare: name an entry, a path, two hosts, or a time with --since")
			}
			return a.answerDiff(cmd.Context(), q)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "compare with the text at this time")
	cmd.Flags().StringVar(&until, "until", "", "compare up to the text at this time")
	cmd.Flags().BoolVar(&text, "text", false, "the lines alone, without what they mean")
	cmd.Flags().StringVar(&host, "host", "", "host, if several have the path; without a path: what became of this host")
	a.addServer(cmd)
	return cmd
}

type diffQuestion struct {
	args         []string
	host         string
	since, until time.Time
	text         bool
}

func (a *app) answerDiff(ctx context.Context, q diffQuestion) error {
	d := asking.Diff{Text: q.text, Out: bufio.NewWriter(a.out), Talk: a.talk}
	flush := func(err error) error { return errors.Join(err, d.Out.Flush()) }
	switch len(q.args) {
	case 0:
		f := history.Filter{Host: q.host, Since: q.since, Until: q.until}
		return a.withReader(ctx, f.Question(asking.CheckedAtMost), func(r *history.Reader) error { return flush(d.Net(ctx, r, f)) })
	case 2:
		one, other, err := asking.Two(q.args[0], q.args[1])
		if err != nil {
			return usageError{err}
		}
		return a.withReader(ctx, wire.Question{Ask: wire.AskGround}, func(r *history.Reader) error {
			return flush(d.Subjects(ctx, r, one, other, q.until))
		})
	}
	name, host := asking.Named(q.args[0], q.host)
	ask := wire.Question{Ask: wire.AskDiff, Name: []byte(name), Host: []byte(host), Since: q.since, Until: q.until}
	return a.withReader(ctx, ask, func(r *history.Reader) error {
		pairs, err := r.Pairs(ctx, name, host, q.since, q.until)
		if err != nil {
			return hintName(err, name)
		}
		if len(pairs) == 0 {
			a.talk("entry %s changed no file; `stele show %s` describes it", name, name)
		}
		return flush(d.Pairs(ctx, r, pairs))
	})
}
