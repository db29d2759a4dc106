package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/wire"
)

// operator reaches the server of this store, which must be running.
func (a *app) operator() (*client.Client, server.Endpoint, error) {
	l, err := a.layout()
	if err != nil {
		return nil, server.Endpoint{}, err
	}
	e, err := server.ReadEndpoint(l)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, e, hint.With(errors.New("no server of this store is running"), "start it with `stele serve` or `stele up`, or name its store with --data DIR")
	case errors.Is(err, fs.ErrPermission):
		return nil, e, hint.With(err, "run this as the user who owns the store")
	case err != nil:
		return nil, e, err
	}
	c, err := client.New(client.Config{URL: cmp.Or(e.Local, e.URL), Pin: e.Pin, Secret: e.Secret})
	return c, e, err
}

// asOperator runs a command with the server of this store.
func (a *app) asOperator(do func(*client.Client, server.Endpoint) error) error {
	c, e, err := a.operator()
	if err != nil {
		return err
	}
	defer c.Close()
	return hint.Answer(do(c, e))
}

func (a *app) adminToken() *cobra.Command {
	var o tokenOptions
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Issue a join token or a reading token",
		Long: `Token prints a secret to hand over. A join token enrols one host, once, before it
expires; with --read the bearer may read the record until the token expires or is
revoked. It also holds the server's address and key, which its bearer pins.`,
		Example: `  stele admin token                            # for one host, within an hour
  stele admin token --host web-1 --for 15m
  stele admin token --role importer
  stele admin token --read --note "auditor" --for 30d
  stele admin token --list`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.asOperator(func(c *client.Client, e server.Endpoint) error { return a.token(cmd.Context(), c, e, o) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.read, "read", false, "reading token, usable any number of times until it expires or is revoked")
	f.StringVar(&o.role, "role", string(entry.Watcher), "role of the joining source: "+strings.Join(roles, ", "))
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles, cobra.ShellCompDirectiveNoFileComp)) // it is the name of a flag added above
	f.StringVar(&o.host, "host", "", "restrict a join token to this host")
	f.StringVar(&o.holds, "for", "", "validity: 15m, 12h, 30d (default 1h; with --read 30d)")
	f.StringVar(&o.url, "url", "", "address of the server for the bearer (default as configured)")
	f.StringVar(&o.note, "note", "", "note shown by --list")
	f.StringVar(&o.withdraw, "withdraw", "", "revoke the token with this id")
	f.BoolVar(&o.list, "list", false, "list issued tokens, without secrets")
	f.BoolVar(&o.json, "json", false, "JSON")
	return cmd
}

// roles are those of sources that can join.
var roles = []string{string(entry.Watcher), string(entry.Receiver), string(entry.Importer), string(entry.Person), string(entry.Monitor)}

type tokenOptions struct {
	list, json, read                       bool
	role, host, url, note, withdraw, holds string
}

// request is what the server is asked to give out.
func (o tokenOptions) request() (wire.TokenRequest, error) {
	req := wire.TokenRequest{Kind: wire.JoinToken, Role: entry.Role(o.role), Host: o.host, Note: o.note}
	if o.read {
		req = wire.TokenRequest{Kind: wire.ReadToken, Note: o.note}
	}
	if !slices.Contains(roles, o.role) {
		return req, usagef("--role: %.40q is none of %s", o.role, strings.Join(roles, ", "))
	}
	if o.read && o.host != "" {
		return req, usagef("--host is for tokens to join with")
	}
	if o.holds != "" {
		holds, ok := asking.Ago(o.holds)
		if !ok || holds < time.Second {
			return req, usagef("--for: %.40q is not a duration: want 15m, 12h, 30d", o.holds)
		}
		req.Seconds = int(holds / time.Second)
	}
	return req, nil
}

func (a *app) token(ctx context.Context, c *client.Client, e server.Endpoint, o tokenOptions) error {
	switch {
	case o.withdraw != "":
		if err := c.WithdrawToken(ctx, o.withdraw); err != nil {
			return err
		}
		a.talk("token %s revoked", o.withdraw)
		return nil
	case o.list:
		return a.listTokens(ctx, c, o.json)
	}
	req, err := o.request()
	if err != nil {
		return err
	}
	if o.url != "" {
		u, err := address(o.url)
		if err != nil {
			return err
		}
		e.URL = u.String()
	}
	given, err := c.GiveToken(ctx, req)
	if err != nil {
		return err
	}
	t := wire.Token{Kind: req.Kind, URL: e.URL, Pin: given.Pin, VKey: given.VKey, Secret: given.Secret}
	text, err := t.Reveal()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out, text)
	switch {
	case o.read:
		a.talk("valid until %s; its bearer runs: stele connect < TOKEN", render.When(given.Info.Expires))
	case req.Role == entry.Importer:
		a.talk("valid until %s, once; its bearer runs: stele import ndjson FILE --join - < TOKEN", render.When(given.Info.Expires))
	default:
		a.talk("valid until %s, once; on the host: stele watch --join - < TOKEN", render.When(given.Info.Expires))
	}
	return nil
}

func (a *app) listTokens(ctx context.Context, c *client.Client, asJSON bool) error {
	list, err := c.Tokens(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return eachJSON(a, list)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKIND\tROLE\tHOST\tEXPIRES\tUSED BY\tNOTE")
	for _, t := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Kind, cmp.Or(string(t.Role), "-"), cmp.Or(terminal.Escape(t.Host), "-"), render.When(t.Expires), cmp.Or(t.UsedBy, "-"), cmp.Or(terminal.Escape(t.Note), "-"))
	}
	return w.Flush()
}

// eachJSON prints one object a line.
func eachJSON[T any](a *app, list []T) error {
	enc := json.NewEncoder(a.out)
	for i := range list {
		if err := enc.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) adminSources() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "sources",
		Short:   "List enrolled sources and when each was heard",
		Example: `  stele admin sources`,
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.asOperator(func(c *client.Client, _ server.Endpoint) error {
				list, err := c.Sources(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return eachJSON(a, list)
				}
				w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "SOURCE\tROLE\tHOST\tENTRIES\tHEARD\tSTATE")
				for _, s := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", s.Source, s.Role, terminal.Escape(s.Host), s.Next, heard(s), state(s))
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func heard(s wire.SourceInfo) string {
	if s.Heard == "" {
		return "-"
	}
	return render.When(s.Heard)
}

func state(s wire.SourceInfo) string {
	switch {
	case s.Revoked:
		return "revoked"
	case s.Present:
		return "present"
	case s.Role == entry.Recorder:
		return "own"
	}
	return "silent"
}

func (a *app) adminRevoke() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke SOURCE --reason TEXT",
		Short: "Stop accepting a source",
		Long: `Revoke records that a source is no longer accepted. Its entries stay; entries it
signs later are reported as after-revoke.`,
		Example: `  stele admin revoke 6a8369d02818dd80edc9a09ddbcaf822 --reason "the host was scrapped"`,
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usagef("revoke needs --reason")
			}
			return a.asOperator(func(c *client.Client, _ server.Endpoint) error {
				out, err := c.Revoke(cmd.Context(), wire.Revoke{Source: args[0], Reason: reason})
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "revoked by entry %d\n", out.Index)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
