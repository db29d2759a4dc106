package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) connect() *cobra.Command {
	var forget bool
	cmd := &cobra.Command{
		Use:   "connect [--server URL] < TOKEN",
		Short: "Keep a reading token, for reading from a server",
		Long: `Connect reads a reading token from standard input, tries it, and keeps it in a
file that only you can read. From then on the reading commands take --server URL.
The token says which key the server has and which key its log has: no other is
believed. --server names another address of the same server.`,
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
	cmd.Flags().StringVar(&a.server, "server", "", "address by which you reach the server (default as the token says)")
	cmd.Flags().BoolVar(&forget, "forget", false, "remove the token for that server")
	_ = cmd.RegisterFlagCompletionFunc("server", a.completeServer) // it is the name of a flag added above
	return cmd
}

func (a *app) keepToken(ctx context.Context) error {
	b, err := io.ReadAll(io.LimitReader(a.in, 64<<10))
	if err != nil {
		return err
	}
	t, err := wire.ParseToken(wire.ReadToken, string(b))
	if err != nil {
		return withHint(err, "`stele admin token --read` on the server makes one; give it on standard input")
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
	if err := writeToken(u, t); err != nil {
		return err
	}
	a.talk("connected    %s, a log of %s; the token holds until %s", u, entries(size), who.Expires)
	a.talk("next         stele log --server %s", u)
	return nil
}

// tryToken reads with a token, and so comes to believe in the log.
func (a *app) tryToken(ctx context.Context, u *url.URL, t wire.Token) (who wire.Reader, size uint64, err error) {
	r, err := a.dialAs(u, t)
	if err != nil {
		return who, 0, err
	}
	defer r.Close()
	if who, err = r.Identity(ctx); err != nil {
		return who, 0, err
	}
	far, err := a.logOf(r)
	if err != nil {
		return who, 0, err
	}
	log, answer, err := far.Open(ctx, wire.Question{Ask: wire.AskGround})
	if err != nil {
		return who, 0, err
	}
	return who, log.Checkpoint().Size, answer.Close()
}

func writeToken(u *url.URL, t wire.Token) error {
	path, err := tokenPath(u)
	if err != nil {
		return err
	}
	text, err := t.Reveal()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, []byte(text+"\n"), 0o600)
}

func (a *app) forgetToken() error {
	if a.server == "" {
		return usagef("--forget needs --server")
	}
	u, err := address(a.server)
	if err != nil {
		return err
	}
	path, err := tokenPath(u)
	if err != nil {
		return err
	}
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no token for %s is kept here", u)
	} else if err != nil {
		return err
	}
	a.talk("forgotten    the token for %s; the operator withdraws it with `stele admin token --withdraw`", u)
	return nil
}
