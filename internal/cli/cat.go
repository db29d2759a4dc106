package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/progress"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) cat() *cobra.Command {
	var at, host string
	cmd := &cobra.Command{
		Use:   "cat PATH | ENTRY[/CHANGE]",
		Short: "The text of a configuration at a time, as it was recorded",
		Example: `  stele cat /etc/ssh/sshd_config
  stele cat /etc/ssh/sshd_config --at 2026-03-01 --host web-1
  stele cat 42/0`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := moment("at", at)
			if err != nil {
				return err
			}
			name, host := asking.Named(args[0], host)
			q := wire.Question{Ask: wire.AskCat, Name: []byte(name), Host: []byte(host), Until: until}
			return a.withReader(cmd.Context(), q, func(r *history.Reader) error {
				return a.printText(cmd.Context(), r, name, host, until)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "text at this time: 2h, 2026-01-31, RFC 3339")
	cmd.Flags().StringVar(&host, "host", "", "host, if several have the path")
	a.addServer(cmd)
	return cmd
}

func (a *app) printText(ctx context.Context, r *history.Reader, name, host string, until time.Time) error {
	v, err := r.Version(ctx, name, host, until)
	if err != nil {
		return hintName(err, name)
	}
	text, err := r.TextOf(ctx, v)
	if errors.Is(err, history.ErrNoText) || errors.Is(err, history.ErrErased) {
		return hint.With(err, "`stele show %d` describes the change", v.Index)
	}
	if err != nil {
		return err
	}
	if progress.OnTerminal(a.out) {
		text = []byte(terminal.EscapeText(string(text)))
	}
	_, err = a.out.Write(text)
	return err
}
