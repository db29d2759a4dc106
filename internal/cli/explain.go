package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) explain() *cobra.Command {
	var reason, ticket string
	cmd := &cobra.Command{
		Use:   "explain ENTRY --reason TEXT [--ticket REF]",
		Short: "Give the reason for a change afterwards",
		Long: `Explain records a remark about an entry. The watcher on this machine signs it
and names who gave it, as the kernel tells. The entry itself stays as it is.
Whoever can reach the watcher may explain what it recorded, 60 times an hour;
root and its own user may explain any entry. Everybody can reach the packaged
service, root and its own user any other watcher. A reason of the actor's own,
or of root, is shown before one that others give.
Without a store on this machine the watcher asks its server for the entry.`,
		Example: `  stele explain 42 --reason "silence the flapping disk alert" --ticket OPS-7`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason+ticket) == "" {
				return usagef("explain needs --reason or --ticket")
			}
			req := watcher.Request{Do: "explain", Reason: reason, Ticket: ticket}
			if err := a.about(cmd.Context(), args[0], &req); err != nil {
				return err
			}
			return a.askToExplain(cmd.Context(), args[0], req)
		},
	}
	a.addServer(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().StringVar(&ticket, "ticket", "", "reference into a change-management system")
	return cmd
}

// about names the entry in a request: by its id, as a store or a server proves it.
// On a host with neither the watcher looks an index up, with the authority it has.
func (a *app) about(ctx context.Context, ref string, req *watcher.Request) error {
	if id, err := entry.ParseHash(ref); err == nil {
		req.About = id.String()
	}
	err := a.withReader(ctx, wire.Question{Ask: wire.AskShow, Name: []byte(ref)}, func(r *history.Reader) error {
		i, err := resolve(ctx, r, ref)
		if err != nil {
			return err
		}
		v, err := r.Entry(ctx, i)
		if err == nil {
			req.Index, req.About = &i, v.ID
		}
		return err
	})
	if !errors.Is(err, layout.ErrNoStore) {
		return err
	}
	if req.About != "" {
		return usagef("there is no store here to find an id in; name the entry by its index")
	}
	i, bad := strconv.ParseUint(ref, 10, 64)
	if bad != nil {
		return usagef("%.80q is not an index or an entry id", ref)
	}
	req.Index = &i
	return nil
}

func (a *app) askToExplain(ctx context.Context, ref string, req watcher.Request) error {
	socket, err := a.socket()
	if err != nil {
		return err
	}
	reply, done, err := watcher.Ask(ctx, socket, req)
	if err != nil {
		return hintWatcher(err, "a remark is signed by the watcher; start it with `stele up` or `stele watch`")
	}
	defer done()
	if reply.Spooled {
		fmt.Fprintf(a.out, "entry %s explained by entry %s, which the watcher keeps until the server takes it\n", terminal.Escape(ref), reply.ID)
		return nil
	}
	fmt.Fprintf(a.out, "entry %s explained by entry %d\n", terminal.Escape(ref), reply.Index)
	return nil
}
