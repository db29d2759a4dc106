package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/wire"
)

// Bounds of how long tokens hold.
const (
	joinDefault = time.Hour
	joinMost    = 7 * 24 * time.Hour
	readDefault = 30 * 24 * time.Hour
	readMost    = 366 * 24 * time.Hour
)

// Refusals of a token. They do not tell whether a secret was nearly right.
var (
	errNoToken      = errors.New("the token is unknown, or its time has passed")
	errTokenUsed    = errors.New("the token was used by another source")
	errTokenRole    = errors.New("the token is for another role")
	errTokenHost    = errors.New("the token is for another host")
	errTokenRequest = errors.New("no such token is given out")
)

// tokens are the secrets this server gave out, as digests: what the file holds
// opens nothing. It is written anew with every change.
type tokens struct {
	path string
	now  func() time.Time

	mu    sync.Mutex
	admin [32]byte // digest of the operator's secret
	given []given
}

// given is one token without its secret.
type given struct {
	Digest  []byte         `json:"digest"` // SHA-256 of the secret
	Kind    wire.TokenKind `json:"kind"`
	Role    entry.Role     `json:"role,omitempty"`
	Host    string         `json:"host,omitempty"`
	Note    string         `json:"note,omitempty"`
	Expires time.Time      `json:"expires"`
	UsedBy  string         `json:"used_by,omitempty"`
}

// openTokens reads what was given out, and makes the operator's secret for this
// run: whoever can read the file it is in is the operator.
func openTokens(dir string, now func() time.Time) (t *tokens, admin string, err error) {
	t = &tokens{path: filepath.Join(dir, "tokens.json"), now: now}
	data, err := os.ReadFile(t.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", err
	}
	if err == nil {
		if err := json.Unmarshal(data, &t.given); err != nil {
			return nil, "", fmt.Errorf("%s: %w", t.path, err)
		}
	}
	admin = newSecret()
	t.admin = sha256.Sum256([]byte(admin))
	return t, admin, nil
}

func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// isAdmin reports whether a secret is the operator's.
func (t *tokens) isAdmin(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(sum[:], t.admin[:]) == 1
}

// find finds a token that still holds. The caller holds mu.
func (t *tokens) find(kind wire.TokenKind, secret string) *given {
	sum := sha256.Sum256([]byte(secret))
	var found *given
	for i := range t.given {
		g := &t.given[i]
		if subtle.ConstantTimeCompare(sum[:], g.Digest) == 1 && g.Kind == kind && t.now().Before(g.Expires) {
			found = g
		}
	}
	return found
}

// give makes a token and returns its secret.
func (t *tokens) give(r wire.TokenRequest) (secret string, info wire.TokenInfo, err error) {
	holds, err := validity(r)
	if err != nil {
		return "", info, err
	}
	secret = newSecret()
	sum := sha256.Sum256([]byte(secret))
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	kept := slices.DeleteFunc(slices.Clone(t.given), func(g given) bool { return now.After(g.Expires) })
	g := given{Digest: sum[:], Kind: r.Kind, Role: r.Role, Host: r.Host, Note: r.Note, Expires: now.Add(holds)}
	return secret, g.info(), t.write(append(kept, g))
}

// validity says how long the token asked for is to hold.
func validity(r wire.TokenRequest) (time.Duration, error) {
	holds, most := time.Duration(r.Seconds)*time.Second, joinMost
	switch r.Kind {
	case wire.ReadToken:
		if r.Role != "" || r.Host != "" {
			return 0, fmt.Errorf("%w: a reader has no role and no host", errTokenRequest)
		}
		if most = readMost; holds == 0 {
			holds = readDefault
		}
	case wire.JoinToken:
		if holds == 0 {
			holds = joinDefault
		}
		switch r.Role {
		case entry.Watcher, entry.Receiver, entry.Importer, entry.Person, entry.Monitor:
		default:
			return 0, fmt.Errorf("%w: for the role %q", errTokenRequest, r.Role)
		}
	default:
		return 0, fmt.Errorf("%w: of the kind %q", errTokenRequest, r.Kind)
	}
	if holds <= 0 || holds > most {
		return 0, fmt.Errorf("%w: it could hold for %d days at the most", errTokenRequest, most/(24*time.Hour))
	}
	return holds, nil
}

// reader says who reads with a secret; ok is false where the secret lets nobody
// read. Unlike a join token it is not spent.
func (t *tokens) reader(secret string) (r wire.Reader, ok bool) {
	if t.isAdmin(secret) {
		return wire.Reader{}, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.find(wire.ReadToken, secret)
	if g == nil {
		return r, false
	}
	return wire.Reader{ID: g.id(), Note: g.Note, Expires: g.info().Expires}, true
}

// redeem spends a join token on a source. The same source may spend it again: an
// answer can get lost. It is written down before anything else is done with it.
func (t *tokens) redeem(secret string, role entry.Role, host string, src entry.Source) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.find(wire.JoinToken, secret)
	switch {
	case g == nil:
		return errNoToken
	case g.Role != role:
		return errTokenRole
	case g.Host != "" && g.Host != host:
		return errTokenHost
	case g.UsedBy == src.String():
		return nil
	case g.UsedBy != "":
		return errTokenUsed
	}
	digest := g.Digest
	spent := slices.Clone(t.given)
	for i := range spent {
		if subtle.ConstantTimeCompare(spent[i].Digest, digest) == 1 {
			spent[i].UsedBy = src.String()
		}
	}
	return t.write(spent)
}

// withdraw makes a token hold no longer.
func (t *tokens) withdraw(id string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(t.given), func(g given) bool { return g.id() == id })
	if len(kept) == len(t.given) {
		return false, nil
	}
	return true, t.write(kept)
}

func (t *tokens) list() []wire.TokenInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	infos := make([]wire.TokenInfo, 0, len(t.given))
	for i := range t.given {
		infos = append(infos, t.given[i].info())
	}
	return infos
}

// write replaces the file. A crash leaves the old one or the new one. The caller
// holds mu.
func (t *tokens) write(given []given) error {
	data, err := json.MarshalIndent(given, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS, t.path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write down tokens: %w", err)
	}
	t.given = given
	return nil
}

func (g *given) id() string { return hex.EncodeToString(g.Digest[:8]) }

func (g *given) info() wire.TokenInfo {
	return wire.TokenInfo{
		ID: g.id(), Kind: g.Kind, Role: g.Role, Host: g.Host, Note: g.Note,
		Expires: g.Expires.UTC().Format(time.RFC3339), UsedBy: g.UsedBy,
	}
}
