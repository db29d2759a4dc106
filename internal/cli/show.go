package cli

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) show() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ENTRY",
		Short: "Everything about one entry, checked",
		Example: `  stele show 42
  stele show 9pLKzGHsIqXKZzCk+v8PcmRqB6Dx3mFPgrcGs7Hy5nE= --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := wire.Question{Ask: wire.AskShow, Name: []byte(args[0])}
			return a.withReader(cmd.Context(), q, func(r *history.Reader) error {
				return a.showEntry(cmd.Context(), r, args[0], asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	a.addServer(cmd)
	return cmd
}

func (a *app) showEntry(ctx context.Context, r *history.Reader, ref string, asJSON bool) error {
	i, err := resolve(ctx, r, ref)
	if err != nil {
		return err
	}
	v, err := r.Told(ctx, i)
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(a.out).Encode(v)
	} else {
		render.Entry(a.out, v)
	}
	if err == nil && v.Proof.State == history.Bad {
		return hint.With(errBadEvidence, "`stele verify` examines the whole record")
	}
	return err
}
