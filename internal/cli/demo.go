package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/tour"
)

func (a *app) demo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "A tour in a temporary directory, without root, in a minute",
		Long: `Demo makes a directory with configuration of several agents, records it, edits
real files, shows who, what, when and why, then alters one byte of the record and
shows how verification fails. It removes everything it made.`,
		Example: `  stele demo`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "stele-demo-")
			if err != nil {
				return err
			}
			own := &app{in: a.in, out: a.out, err: a.err, data: filepath.Join(dir, "store"), trust: filepath.Join(dir, "trust")}
			d := &tour.Tour{Dir: dir, Store: layout.Store{Dir: own.data}, Trust: own.trust, Machine: own.machine, Out: a.out, Err: a.err}
			return errors.Join(d.Take(cmd.Context()), os.RemoveAll(dir))
		},
	}
}

// machine opens a watcher and a server of the store at hand over paths, which tells of
// what this process itself does there too.
func (a *app) machine(ctx context.Context, paths ...string) (*daemon.Machine, error) {
	p, err := a.process(layout.Store{Dir: a.data})
	if err != nil {
		return nil, err
	}
	return p.OpenMachine(ctx, daemon.UpOptions{WatchOptions: daemon.WatchOptions{Paths: paths, OwnEvents: true}})
}
