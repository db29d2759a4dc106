package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/history"
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
			r, err := a.reader(cmd.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			i, _, err := a.findEntry(cmd.Context(), r, args[0])
			if err != nil {
				return err
			}
			v, err := r.Entry(cmd.Context(), i)
			if err != nil {
				return err
			}
			return a.askToExplain(v, watcher.Request{Do: "explain", About: v.ID, Reason: reason, Ticket: ticket})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().StringVar(&ticket, "ticket", "", "reference into a change-management system")
	return cmd
}

func (a *app) askToExplain(v *history.View, req watcher.Request) error {
	socket, err := a.socket()
	if err != nil {
		return err
	}
	reply, done, err := watcher.Ask(socket, req)
	if err != nil {
		return withHint(err, "a remark is signed by the watcher; start it with `stele up`")
	}
	defer done()
	fmt.Fprintf(a.out, "entry %d explained by entry %d\n", v.Index, reply.Index)
	return nil
}
