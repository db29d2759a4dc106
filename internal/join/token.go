package join

import (
	"io"

	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/wire"
)

// maxToken bounds what is read where a token is expected.
const maxToken = 64 << 10

// Token reads a token of that kind: text itself, or from in where text is -.
func Token(kind wire.TokenKind, in io.Reader, text string) (wire.Token, error) {
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(in, maxToken))
		if err != nil {
			return wire.Token{}, err
		}
		text = string(b)
	}
	t, err := wire.ParseToken(kind, text)
	switch {
	case err == nil:
		return t, nil
	case kind == wire.ReadToken:
		return t, hint.With(err, "`stele admin token --read` on the server makes one; give it on standard input")
	}
	return t, hint.With(err, "`stele admin token` on the server makes one")
}
