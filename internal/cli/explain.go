package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
)

func (a *app) explain() *cobra.Command {
	var reason, ticket string
	cmd := &cobra.Command{
		Use:   "explain ENTRY --reason TEXT [--ticket REF]",
		Short: "Give the reason for a change afterwards",
		Long: `Explain records a remark about an entry. The watcher on this machine signs it
and names who gave it, as the kernel tells. The entry itself stays as it is.`,
		Example: `  stele explain 42 --reason "silence the flapping disk alert" --ticket OPS-7`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" && ticket == "" {
				return usagef("explain needs --reason or --ticket")
			}
			id, err := a.entryID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.askToExplain(args[0], watcher.Request{Do: "explain", About: id, Reason: reason, Ticket: ticket})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().StringVar(&ticket, "ticket", "", "reference into a change-management system")
	return cmd
}

// entryID is the id of an entry. A host without a store takes ids as they are.
func (a *app) entryID(ctx context.Context, ref string) (string, error) {
	r, err := a.reader(ctx)
	if errors.Is(err, server.ErrNoStore) {
		if id, bad := entry.ParseHash(ref); bad == nil {
			return id.String(), nil
		}
		return "", withHint(err, "name the entry by its id, as `stele show` prints it on the server")
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	i, _, err := a.findEntry(ctx, r, ref)
	if err != nil {
		return "", err
	}
	v, err := r.Entry(ctx, i)
	if err != nil {
		return "", err
	}
	return v.ID, nil
}

func (a *app) askToExplain(ref string, req watcher.Request) error {
	socket, err := a.socket()
	if err != nil {
		return err
	}
	reply, done, err := watcher.Ask(socket, req)
	if err != nil {
		return withHint(err, "a remark is signed by the watcher; start it with `stele up` or `stele watch`")
	}
	defer done()
	fmt.Fprintf(a.out, "entry %s explained by entry %d\n", terminal.Escape(ref), reply.Index)
	return nil
}
