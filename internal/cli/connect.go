package cli

import (
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/join"
	"github.com/stele-log/stele/internal/login"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) connect() *cobra.Command {
	var forget bool
	cmd := &cobra.Command{
		Use:   "connect [--server URL] < TOKEN",
		Short: "Store a reading token for a server",
		Long: `Connect reads a reading token from standard input, tries it, and stores it in a
file that only you can read. From then on the reading commands take --server URL.
The token pins the key of the server and the key of its log.
--server names another address of the same server.`,
		Example: `  stele connect < token
  stele log --server https://log.example.org:7835
  stele connect --forget --server https://log.example.org:7835`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if forget {
				return a.forgetToken()
			}
			return a.keepToken(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&a.server, "server", "", "address of the server from here (default: the one in the token)")
	cmd.Flags().BoolVar(&forget, "forget", false, "remove the token for that server")
	_ = cmd.RegisterFlagCompletionFunc("server", a.completeServer) // it is the name of a flag added above
	return cmd
}

func (a *app) keepToken(ctx context.Context) error {
	t, err := join.Token(wire.ReadToken, a.in, "-")
	if err != nil {
		return err
	}
	name := t.URL
	if a.server != "" {
		name = a.server
	}
	u, err := address(name)
	if err != nil {
		return err
	}
	who, size, err := a.tryToken(ctx, u, t)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", u, err)
	}
	if err := login.Keep(u, t); err != nil {
		return err
	}
	a.talk("connected    %s, a log of %s; token valid until %s", u, terminal.Entries(size), render.When(who.Expires))
	a.talk("next         stele log --server %s", u)
	return nil
}

// tryToken reads with a token, and so comes to believe in the log.
func (a *app) tryToken(ctx context.Context, u *url.URL, t wire.Token) (who wire.Reader, size uint64, err error) {
	r, err := login.Dial(u, t)
	if err != nil {
		return who, 0, err
	}
	defer r.Close()
	if who, err = r.Identity(ctx); err != nil {
		return who, 0, err
	}
	remote, err := a.logOf(r)
	if err != nil {
		return who, 0, err
	}
	log, answer, err := remote.Open(ctx, wire.Question{Ask: wire.AskGround})
	if err != nil {
		return who, 0, err
	}
	return who, log.Checkpoint().Size, answer.Close()
}

func (a *app) forgetToken() error {
	if a.server == "" {
		return usagef("--forget needs --server")
	}
	u, err := address(a.server)
	if err != nil {
		return err
	}
	if err := login.Forget(u); err != nil {
		return err
	}
	a.talk("forgotten    the token for %s; its operator revokes it with `stele admin token --withdraw`", u)
	return nil
}
