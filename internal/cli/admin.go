package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/index/sqlite"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/trust"
)

func (a *app) admin() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Administer a store",
		Example: `  stele admin token
  stele admin sources
  stele admin key > log.vkey`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.adminToken(), a.adminSources(), a.adminRevoke(), a.adminRescan(),
		&cobra.Command{
			Use:     "reindex",
			Short:   "Build the index anew from log and vault",
			Example: `  stele admin reindex`,
			Args:    exactly(0),
			RunE: func(cmd *cobra.Command, _ []string) error {
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
				return a.reindex(cmd.Context(), l, file)
			},
		},
		&cobra.Command{
			Use:     "key",
			Short:   "Print the log's public key, all that a verifier needs",
			Example: `  stele admin key > log.vkey`,
			Args:    exactly(0),
			RunE: func(*cobra.Command, []string) error {
				l, err := a.layout()
				if err != nil {
					return err
				}
				key, err := l.LogKey()
				if err != nil {
					return hintRead(cmp.Or(l.Check(), err)) // that there is no store says more than that it has no key
				}
				fmt.Fprintln(a.out, key.VKey())
				return nil
			},
		},
	)
	return cmd
}

// reindex removes the index and lets the server build it again.
func (a *app) reindex(ctx context.Context, l layout.Store, file trust.File) error {
	start := time.Now()
	lock, err := durable.LockFile(l.Lock())
	if errors.Is(err, durable.ErrLocked) {
		return hint.With(err, "stop the process that writes to this store first")
	}
	if err != nil {
		return err
	}
	if err := errors.Join(sqlite.Remove(l.Index()), lock.Release()); err != nil {
		return err
	}
	a.talk("building the index anew")
	srv, err := store.Open(ctx, store.Config{Layout: l, Trust: file, Version: version(), Diag: a.diag()})
	if err != nil {
		return err
	}
	if err := srv.Stop(ctx); err != nil {
		return err
	}
	a.talk("the index was built in %s", time.Since(start).Round(time.Millisecond))
	return nil
}
