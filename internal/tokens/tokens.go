// Package tokens keeps the secrets that a server gave out, as digests: tokens to
// join with, which one source spends, and tokens to read with; and the operator's
// secret of this run. What its file holds opens nothing.
package tokens

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
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/wire"
)

// How long tokens are valid.
const (
	joinDefault = time.Hour
	joinMost    = 7 * 24 * time.Hour
	readDefault = 30 * 24 * time.Hour
	readMost    = 366 * 24 * time.Hour
)

// Refusals of a token. They do not tell whether a secret was nearly right.
var (
	ErrUnknown = errors.New("token is unknown or expired")
	ErrUsed    = errors.New("token was used by another source")
	ErrRole    = errors.New("token is for another role")
	ErrHost    = errors.New("token is for another host")
	ErrRequest = errors.New("token refused")
)

// Tokens are the secrets of one server. The file is written anew with every
// change. All methods may be called from any goroutine.
type Tokens struct {
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

// maxFile bounds the file of tokens: some 300 bytes each.
const maxFile = 64 << 20

// Open reads what was given out, and makes the operator's secret for this
// run: whoever can read the file it is in is the operator.
func Open(dir string, now func() time.Time) (t *Tokens, admin string, err error) {
	t = &Tokens{path: filepath.Join(dir, "tokens.json"), now: now}
	data, err := durable.ReadSmall(durable.OS, t.path, maxFile)
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

// IsAdmin reports whether a secret is the operator's.
func (t *Tokens) IsAdmin(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(sum[:], t.admin[:]) == 1
}

// find finds a valid token. The caller holds mu.
func (t *Tokens) find(kind wire.TokenKind, secret string) *given {
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

// Give makes a token and returns its secret.
func (t *Tokens) Give(r wire.TokenRequest) (secret string, info wire.TokenInfo, err error) {
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
			return 0, fmt.Errorf("%w: a reader has no role and no host", ErrRequest)
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
			return 0, fmt.Errorf("%w: for the role %q", ErrRequest, r.Role)
		}
	default:
		return 0, fmt.Errorf("%w: of the kind %q", ErrRequest, r.Kind)
	}
	if holds <= 0 || holds > most {
		return 0, fmt.Errorf("%w: at most %d days", ErrRequest, most/(24*time.Hour))
	}
	return holds, nil
}

// Reader says who reads with a secret; ok is false where the secret lets nobody
// read. Unlike a join token it is not spent.
func (t *Tokens) Reader(secret string) (r wire.Reader, ok bool) {
	if t.IsAdmin(secret) {
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

// Redeem spends a join token on a source. The same source may spend it again: an
// answer can get lost. It is written down before anything else is done with it.
func (t *Tokens) Redeem(secret string, role entry.Role, host string, src entry.Source) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.find(wire.JoinToken, secret)
	switch {
	case g == nil:
		return ErrUnknown
	case g.Role != role:
		return ErrRole
	case g.Host != "" && g.Host != host:
		return ErrHost
	case g.UsedBy == src.String():
		return nil
	case g.UsedBy != "":
		return ErrUsed
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

// Withdraw revokes a token.
func (t *Tokens) Withdraw(id string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(t.given), func(g given) bool { return g.id() == id })
	if len(kept) == len(t.given) {
		return false, nil
	}
	return true, t.write(kept)
}

// List describes every token, without its secret.
func (t *Tokens) List() []wire.TokenInfo {
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
func (t *Tokens) write(given []given) error {
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
