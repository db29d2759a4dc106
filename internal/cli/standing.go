package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/wire"
)

// standing is a command about subjects as they stood at a time.
func (a *app) standing(use, short, example string, do func(*cobra.Command, *asking.Which, *history.Reader) error) *cobra.Command {
	var at string
	w := asking.Which{Out: a.out, Talk: a.talk}
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if w.At, err = moment("at", at); err != nil {
				return err
			}
			if len(args) == 1 {
				w.About(args[0])
			}
			return a.withReader(cmd.Context(), wire.Question{Ask: wire.AskGround}, func(r *history.Reader) error { return do(cmd, &w, r) })
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "as it was at this time: 10:05, yesterday, 2h, 2026-01-31, RFC 3339")
	cmd.Flags().StringVar(&w.Host, "host", "", "host name; * matches anything")
	a.addServer(cmd)
	return cmd
}

func (a *app) list() *cobra.Command {
	var asJSON bool
	cmd := a.standing("ls [HOST | [HOST:]PATH]", "What is recorded: the files there are, or were at a time", `  stele ls
  stele ls web-1 --at 10:05
  stele ls web-1:/etc/ssh`, func(cmd *cobra.Command, w *asking.Which, r *history.Reader) error {
		return w.List(cmd.Context(), r, asJSON)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func (a *app) restore() *cobra.Command {
	var to string
	cmd := a.standing("restore [HOST | [HOST:]PATH] --to DIR", "Write the recorded files of a moment into a new directory, never in place", `  stele restore web-1 --at 10:05 --to /tmp/web-1
  stele restore web-1:/etc/ssh --to ./ssh`, func(cmd *cobra.Command, w *asking.Which, r *history.Reader) error {
		if to == "" {
			return usagef("--to: name a directory to write into")
		}
		err := w.Restore(cmd.Context(), r, to)
		if errors.Is(err, asking.ErrOccupied) {
			return hint.With(err, "name one that is not there yet: nothing is ever written over")
		}
		return err
	})
	cmd.Flags().StringVar(&to, "to", "", "directory to write into, which is new or empty")
	return cmd
}

func (a *app) fleet() *cobra.Command {
	var key string
	var asJSON bool
	cmd := a.standing("fleet PATH", "Which hosts have which value, or the same text: who is unlike the others", `  stele fleet /etc/ssh/sshd_config --key PermitRootLogin
  stele fleet /etc/chrony/chrony.conf --host 'web-*'`, func(cmd *cobra.Command, w *asking.Which, r *history.Reader) error {
		if w.Path == "" {
			return usagef("name a path")
		}
		return w.Fleet(cmd.Context(), r, key, asJSON)
	})
	cmd.Flags().StringVar(&key, "key", "", "compare the value of this key, not the whole text")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}
