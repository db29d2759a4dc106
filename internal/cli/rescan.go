package cli

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/progress"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/rescan"
)

func (a *app) adminRescan() *cobra.Command {
	var again, asJSON bool
	cmd := &cobra.Command{
		Use:   "rescan",
		Short: "List secrets that were recorded in clear, by the rules of now",
		Long: `Rescan tries the rules of this program on every text, command and reason that is
recorded, and lists what they would mask by entry, line and key; values are never
printed. It goes on where it was interrupted, and where the rules are those of last
time looks only at what came since. A running server does the same by itself.
The exit status is 1 where something is listed.`,
		Example: `  stele admin rescan
  stele admin rescan --json | jq -r .path | sort | uniq -c`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.rescan(cmd.Context(), again, asJSON) },
	}
	cmd.Flags().BoolVar(&again, "again", false, "begin from the first entry")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func (a *app) rescan(ctx context.Context, again, asJSON bool) error {
	l, err := a.layout()
	if err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return hintRead(err)
	}
	file, err := a.belief(l)
	if err != nil {
		return err
	}
	rules, err := rescan.Rules()
	if err != nil {
		return err
	}
	bar := progress.Start(a.err, "rescanning")
	s, err := rescan.Run(ctx, rescan.Config{Layout: l, Trust: file, Rules: rules, Again: again, Diag: a.diag(), Progress: bar.At})
	bar.Done()
	if err != nil {
		return hintRead(err)
	}
	for _, p := range s.Places {
		if asJSON {
			err = json.NewEncoder(a.out).Encode(p)
		} else {
			err = render.Place(a.out, p)
		}
		if err != nil {
			return err
		}
	}
	a.talk("%d texts, commands and reasons in %d entries: %d values would be masked today", s.Texts, s.Next, s.Found())
	if s.More > 0 {
		a.talk("%d more are not listed: mend these, then rescan with --again", s.More)
	}
	if s.Found() > 0 {
		return hint.With(errSecretsRecorded, "change those secrets where they are used: whoever can read the record has read them")
	}
	return nil
}

var errSecretsRecorded = errors.New("secrets are recorded in clear")
