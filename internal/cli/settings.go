package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/strictyaml"
	"github.com/stele-log/stele/internal/terminal"
)

func (a *app) settings() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "settings",
		Short: "Check Stele's own settings, or print the default ones",
		Example: `  stele settings check
  stele settings default > stele.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check [FILE]",
		Short: "Report all faults of a settings file",
		Long: `Check reports all faults of a settings file, one a line with its place, and exits
with 1 if there are any. Without FILE it reads ` + settings.Path + `.`,
		Example: `  stele settings check
  stele settings check ./stele.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("check takes one file, not %d", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			return a.checkSettings(append(args, settings.Path)[0])
		},
	}, &cobra.Command{
		Use:     "default",
		Short:   "Print the default settings, with comments",
		Example: `  stele settings default > stele.yaml`,
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.out, settings.DefaultFile())
			return err
		},
	})
	return cmd
}

// checkSettings prints what is wrong with a file as compilers do, a line each,
// for people and editors alike.
func (a *app) checkSettings(path string) error {
	_, err := settings.Load(path)
	var fault *strictyaml.Fault
	switch {
	case err == nil:
		_, err = fmt.Fprintf(a.out, "%s: no faults\n", terminal.Escape(path))
		return err
	case errors.As(err, &fault):
		fmt.Fprintln(a.err, terminal.EscapeText(err.Error()))
		return exitWith(exitError)
	case errors.Is(err, fs.ErrNotExist):
		return hint.With(err, "`stele settings default` prints one to begin with")
	}
	return err
}
