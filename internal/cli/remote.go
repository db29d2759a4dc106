package cli

import (
	"cmp"
	"context"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/login"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
)

// addServer adds the flags of a command that can read from a server.
func (a *app) addServer(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.server, "server", "", "ask the server at this address and verify what it shows (default $STELE_SERVER, else the store on this machine)")
	f.StringVar(&a.tokenFile, "token-file", "", "file with the reading token (default $STELE_TOKEN_FILE, else the one that stele connect keeps)")
	f.BoolVar(&a.isCopy, "copy", false, "the store is a copy, such as a backup: it may be older than what is believed of its log")
	_ = cmd.MarkFlagFilename("token-file") // it is the name of a flag added above
	_ = cmd.RegisterFlagCompletionFunc("server", a.completeServer)
}

// completeServer offers the servers this user has connected to.
func (a *app) completeServer(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return login.Kept(), cobra.ShellCompDirectiveNoFileComp
}

// isRemote reports whether a server is to be asked.
func (a *app) isRemote() bool { return a.serverName() != "" }

func (a *app) serverName() string {
	if a.server == "" && a.data == "" {
		return os.Getenv("STELE_SERVER")
	}
	return a.server
}

// address reads the address of a server as people type it.
func address(s string) (*url.URL, error) {
	u, err := login.Address(s)
	if err != nil {
		return nil, usageError{err}
	}
	return u, nil
}

// dial prepares to ask the server that flags or environment name.
func (a *app) dial() (*login.Remote, error) {
	if a.isCopy {
		return nil, usagef("--copy is for a store on this machine: name it with --data")
	}
	u, err := address(a.serverName())
	if err != nil {
		return nil, err
	}
	l, err := a.layout()
	if err != nil {
		return nil, err
	}
	t, err := login.Authority(u, cmp.Or(a.tokenFile, os.Getenv("STELE_TOKEN_FILE")), l)
	if err != nil {
		return nil, err
	}
	return login.Dial(u, t)
}

// believes is where it is kept what is believed of the log of a server.
func (a *app) believes(key *entry.LogKey) (trust.File, error) {
	dir := a.trust
	if dir == "" {
		var err error
		if dir, err = trust.Dir(); err != nil {
			return trust.File{}, err
		}
	}
	return trust.OfLog(dir, key.VKey())
}

// logOf is the log of that server, and what is believed of it.
func (a *app) logOf(r *login.Remote) (believed.Remote, error) {
	file, err := a.believes(r.Key)
	return believed.Remote{Read: r.Read, File: r.File, Key: r.Key, Trust: file}, err
}

// withRemote asks the server a question and hands a reader that answers it to do.
func (a *app) withRemote(ctx context.Context, q wire.Question, do func(*login.Remote, *history.Reader) error) error {
	r, err := a.dial()
	if err != nil {
		return err
	}
	defer r.Close()
	remote, err := a.logOf(r)
	if err != nil {
		return err
	}
	h, err := history.OpenRemote(ctx, remote, q, a.diag())
	if err != nil {
		return err
	}
	err = do(r, h)
	if closed := h.Close(); err == nil { // it would only say the same
		err = closed
	}
	return err
}
