package wire

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// TokenKind says what a token lets its bearer do.
type TokenKind string

// The kinds of tokens.
const (
	JoinToken TokenKind = "join" // enrol one source, once
)

// Token is what an operator hands over so that somebody can reach a server:
// where it is, whom to believe, and the secret to show. It is itself a secret.
type Token struct {
	Kind   TokenKind `json:"-"`
	URL    string    `json:"u"`
	Pin    string    `json:"p"` // of the server's certificate, as mtls.Pin
	VKey   string    `json:"k"` // of the log
	Secret string    `json:"s"` // base64url of 32 random bytes
}

const tokenPrefix = "stele-"

// String hides the secret. [Token.Reveal] renders the token.
func (t Token) String() string { return tokenPrefix + string(t.Kind) + "-[secret]" }

// GoString hides the secret.
func (t Token) GoString() string { return t.String() }

// Reveal renders the token, for the one who is to have it.
func (t Token) Reveal() (string, error) {
	b, err := json.Marshal(t)
	return tokenPrefix + string(t.Kind) + "-" + base64.RawURLEncoding.EncodeToString(b), err
}

// errToken does not repeat what was read: it may be most of a secret.
var errToken = errors.New("this is not a whole token")

// ParseToken reads a token of that kind.
func ParseToken(kind TokenKind, s string) (Token, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), tokenPrefix+string(kind)+"-")
	if !ok {
		return Token{}, fmt.Errorf("%w: it does not begin with %s%s-", errToken, tokenPrefix, kind)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil {
		return Token{}, fmt.Errorf("%w: characters are missing or were changed", errToken)
	}
	t := Token{Kind: kind}
	if err := json.Unmarshal(b, &t); err != nil {
		return Token{}, fmt.Errorf("%w: characters are missing or were changed", errToken)
	}
	if u, err := url.Parse(t.URL); err != nil || u.Scheme != "https" || u.Host == "" || t.Pin == "" || t.VKey == "" || t.Secret == "" {
		return Token{}, fmt.Errorf("%w: a part of it is empty", errToken)
	}
	return t, nil
}
