// Package login says how somebody on this machine may read from a server: by a
// reading token that is kept in a file of theirs, or as the operator of the
// server that runs here. The token says which key the server has and which key
// its log has; no other is believed.
package login

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/wire"
)

// defaultPort is where a server listens if nobody says otherwise.
const defaultPort = "7835"

// ErrAddress says that a text is not the address of a server.
var ErrAddress = errors.New("not the address of a server: want https://HOST:PORT")

// Address reads the address of a server as people type it. The error is
// [ErrAddress].
func Address(s string) (*url.URL, error) {
	text := s
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("%.200q is %w", text, ErrAddress)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPort)
	}
	return u, nil
}

// Remote is a server that somebody reads from.
type Remote struct {
	*client.Client
	URL *url.URL
	Key *entry.LogKey // of its log; believed
}

// Dial prepares to read from the server at u with a token.
func Dial(u *url.URL, t wire.Token) (*Remote, error) {
	key, err := entry.ParseLogKey(t.VKey)
	if err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	c, err := client.New(client.Config{URL: u.String(), Pin: t.Pin, Secret: t.Secret})
	return &Remote{c, u, key}, err
}

// Authority finds what lets this user read from a server: the token in file, the
// one that was kept, or on the machine of the server, whose store is at l, the
// operator's secret of its run.
func Authority(u *url.URL, file string, l layout.Store) (wire.Token, error) {
	if file != "" {
		return read(file)
	}
	path, err := tokenPath(u)
	if err != nil {
		return wire.Token{}, err
	}
	t, err := read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if t, ok := operatorOf(u, l); ok {
		return t, nil
	}
	return t, hint.With(fmt.Errorf("no reading token for %s", u),
		"ask its operator for one (`stele admin token --read`), then: stele connect < token")
}

// operatorOf is the operator's authority, where the server with that port serves
// the store at l. Its key is pinned like any other's, so that the secret goes to
// no other server.
func operatorOf(u *url.URL, l layout.Store) (wire.Token, bool) {
	e, err := server.ReadEndpoint(l)
	if err != nil {
		return wire.Token{}, false
	}
	own, err := Address(e.URL)
	if err != nil || own.Port() != u.Port() {
		return wire.Token{}, false
	}
	return wire.Token{Kind: wire.ReadToken, URL: e.URL, Pin: e.Pin, VKey: e.VKey, Secret: e.Secret}, true
}
