package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
)

// defaultPort is where a server listens if nobody says otherwise.
const defaultPort = "7835"

// addServer adds the flags of a command that can read from a server.
func (a *app) addServer(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.server, "server", "", "ask the server at this address and verify what it shows (default $STELE_SERVER, else the store on this machine)")
	f.StringVar(&a.tokenFile, "token-file", "", "file with the reading token (default $STELE_TOKEN_FILE, else the one that stele connect keeps)")
	_ = cmd.MarkFlagFilename("token-file") // it is the name of a flag added above
	_ = cmd.RegisterFlagCompletionFunc("server", a.completeServer)
}

// completeServer offers the servers this user has connected to.
func (a *app) completeServer(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	dir, err := tokenDir()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*"+tokenSuffix)) // the pattern is valid
	for i, name := range found {
		name = strings.TrimSuffix(filepath.Base(name), tokenSuffix)
		at := strings.LastIndexByte(name, '_')
		found[i] = "https://" + name[:max(at, 0)] + ":" + name[at+1:]
	}
	return found, cobra.ShellCompDirectiveNoFileComp
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
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(trimURL(s))
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" {
		return nil, usagef("%.200q is not the address of a server: want https://HOST:PORT", s)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPort)
	}
	return u, nil
}

const tokenSuffix = ".token"

func tokenDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find a place for tokens: %w", err)
	}
	return filepath.Join(dir, "stele", "servers"), nil
}

// tokenPath is where the reading token for a server is kept.
func tokenPath(u *url.URL) (string, error) {
	dir, err := tokenDir()
	if err != nil {
		return "", err
	}
	host := strings.NewReplacer(":", ".", "%", ".").Replace(strings.ToLower(u.Hostname()))
	return filepath.Join(dir, host+"_"+u.Port()+tokenSuffix), nil
}

// remote is a server that somebody reads from.
type remote struct {
	*client.Client
	url *url.URL
	key *entry.LogKey // of its log; believed
}

// dial prepares to ask the server that flags or environment name.
func (a *app) dial() (*remote, error) {
	u, err := address(a.serverName())
	if err != nil {
		return nil, err
	}
	t, err := a.authority(u)
	if err != nil {
		return nil, err
	}
	return a.dialAs(u, t)
}

func (a *app) dialAs(u *url.URL, t wire.Token) (*remote, error) {
	key, err := entry.ParseLogKey(t.VKey)
	if err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	c, err := client.New(client.Config{URL: u.String(), Pin: t.Pin, Secret: t.Secret})
	return &remote{c, u, key}, err
}

// authority finds what lets this user read from a server: a token in a file, or on
// the machine of the server the operator's secret of its run.
func (a *app) authority(u *url.URL) (wire.Token, error) {
	path := a.tokenFile
	if path == "" {
		path = os.Getenv("STELE_TOKEN_FILE")
	}
	if path != "" {
		return readToken(path)
	}
	path, err := tokenPath(u)
	if err != nil {
		return wire.Token{}, err
	}
	t, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if t, ok := a.operatorOf(u); ok {
		return t, nil
	}
	return t, withHint(fmt.Errorf("there is no token to read from %s", u),
		"ask its operator for one (`stele admin token --read`), then: stele connect < token")
}

// readToken reads a token that nobody else can read.
func readToken(path string) (wire.Token, error) {
	info, err := os.Stat(path)
	if err != nil {
		return wire.Token{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return wire.Token{}, withHint(fmt.Errorf("%s can be read by others than its owner", path), "chmod 600 %s", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return wire.Token{}, err
	}
	t, err := wire.ParseToken(wire.ReadToken, string(b))
	if err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// operatorOf is the operator's authority, where the server with that port serves
// the store on this machine. Its key is pinned like any other's, so that the
// secret goes to no other server.
func (a *app) operatorOf(u *url.URL) (wire.Token, bool) {
	l, err := a.layout()
	if err != nil {
		return wire.Token{}, false
	}
	e, err := server.ReadEndpoint(l)
	if err != nil {
		return wire.Token{}, false
	}
	own, err := address(e.URL)
	if err != nil || own.Port() != u.Port() {
		return wire.Token{}, false
	}
	return wire.Token{Kind: wire.ReadToken, URL: e.URL, Pin: e.Pin, VKey: e.VKey, Secret: e.Secret}, true
}

// believes is where it is kept what is believed of the log of a server.
func (a *app) believes(key *entry.LogKey) (trust.Note, error) {
	dir := a.trust
	if dir == "" {
		var err error
		if dir, err = trust.Dir(); err != nil {
			return trust.Note{}, err
		}
	}
	return trust.OfLog(dir, key.VKey())
}

// logOf is the log of that server, and what is believed of it.
func (a *app) logOf(r *remote) (believed.Far, error) {
	note, err := a.believes(r.key)
	return believed.Far{Read: r.Read, File: r.File, Key: r.key, Trust: note}, err
}

// withFar asks the server a question and hands a reader that answers it to do.
func (a *app) withFar(ctx context.Context, q wire.Question, do func(*remote, *history.Reader) error) error {
	r, err := a.dial()
	if err != nil {
		return err
	}
	defer r.Close()
	far, err := a.logOf(r)
	if err != nil {
		return err
	}
	h, err := history.OpenFar(ctx, far, q, a.diag())
	if err != nil {
		return err
	}
	err = do(r, h)
	if closed := h.Close(); err == nil { // it would only say the same
		err = closed
	}
	return err
}
