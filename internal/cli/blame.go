package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) blame() *cobra.Command {
	var at, key string
	b := asking.Blame{Out: a.out}
	cmd := &cobra.Command{
		Use:   "blame PATH",
		Short: "Who wrote each line of a configuration, or a key, when and why",
		Example: `  stele blame /etc/sudoers
  stele blame web-1:/etc/ssh/sshd_config --key PermitRootLogin
  stele blame /etc/prometheus/prometheus.yml --at 3d --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if b.At, err = moment("at", at); err != nil {
				return err
			}
			b.Name, b.Host = asking.Named(args[0], b.Host)
			q := wire.Question{Ask: wire.AskBlame, Name: []byte(b.Name), Host: []byte(b.Host), Until: b.At}
			return a.withReader(cmd.Context(), q, func(r *history.Reader) error {
				if key == "" {
					return hintName(b.Lines(cmd.Context(), r), b.Name)
				}
				err := b.Key(cmd.Context(), r, key)
				if errors.Is(err, asking.ErrNoKey) {
					return hint.With(err, "`stele log %s` lists its changes", b.Name)
				}
				return hintName(err, b.Name)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "text at this time")
	cmd.Flags().StringVar(&b.Host, "host", "", "host, if several have the path")
	cmd.Flags().StringVar(&key, "key", "", "who changed this key last: global.scrape_interval")
	cmd.Flags().Uint64Var(&b.Before, "before", 0, "with --key: the change before that entry")
	cmd.Flags().BoolVar(&b.JSON, "json", false, "one JSON object a line")
	a.addServer(cmd)
	return cmd
}
