package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Enrol spends a join token on the source that calls, and returns the checkpoint
// under which its enrolment was proved. What the server answers is verified: the
// entry enrols this very key in this role, and it stands in the log of that key.
func (c *Client) Enrol(ctx context.Context, log *entry.LogKey, key *entry.PublicKey, secret string, role entry.Role, host body.Host) (verify.Checkpoint, entry.ID, error) {
	return c.Join(ctx, log, key, wire.Enrol{Secret: secret, Role: role, Host: host})
}

// Join is Enrol with everything that can be asked for.
func (c *Client) Join(ctx context.Context, log *entry.LogKey, key *entry.PublicKey, req wire.Enrol) (verify.Checkpoint, entry.ID, error) {
	role := req.Role
	var out wire.Enrolled
	if err := c.call(ctx, http.MethodPost, wire.PathEnrol, req, &out); err != nil {
		return verify.Checkpoint{}, entry.ID{}, err
	}
	e, err := entry.Parse(out.Note)
	if err != nil {
		return verify.Checkpoint{}, entry.ID{}, fmt.Errorf("the enrolment the server shows: %w", err)
	}
	if e.Kind != entry.Enrol || e.Open.Key == nil || e.Open.Key.VKey() != key.VKey() || e.Open.Role != role {
		return verify.Checkpoint{}, entry.ID{}, fmt.Errorf("entry %d, which the server shows, does not enrol this source as %s", out.Index, role)
	}
	none := verify.Checkpoint{Origin: log.Origin(), Root: entry.EmptyRoot}
	cp, err := out.Receipt.Check(log, none, []uint64{out.Index}, [][]byte{out.Note})
	return cp, e.ID(), err
}

// GiveToken asks for a token, as the operator.
func (c *Client) GiveToken(ctx context.Context, r wire.TokenRequest) (g wire.TokenGiven, err error) {
	err = c.call(ctx, http.MethodPost, wire.PathTokens, r, &g)
	return g, err
}

// Tokens lists the tokens that were given out, as the operator.
func (c *Client) Tokens(ctx context.Context) (l []wire.TokenInfo, err error) {
	err = c.call(ctx, http.MethodGet, wire.PathTokens, nil, &l)
	return l, err
}

// WithdrawToken makes a token hold no longer, as the operator.
func (c *Client) WithdrawToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, wire.PathTokens+"/"+url.PathEscape(id), nil, nil)
}

// Sources lists the sources enrolled, as the operator.
func (c *Client) Sources(ctx context.Context) (l []wire.SourceInfo, err error) {
	err = c.call(ctx, http.MethodGet, wire.PathSources, nil, &l)
	return l, err
}

// Revoke lets a source in no more, as the operator.
func (c *Client) Revoke(ctx context.Context, r wire.Revoke) (out wire.Revoked, err error) {
	err = c.call(ctx, http.MethodPost, wire.PathRevoke, r, &out)
	return out, err
}
