package bench

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/wire"
)

// Signature is the least a server can do: it knows who is at the other end,
// reads what comes, and verifies the signature. It keeps nothing.
type Signature struct {
	measuredFar
	where Where
}

func signatureFar(string) (any, func() error, error) {
	where, stop, err := serveFar(http.HandlerFunc(verifyOnly))
	return &Signature{where: where}, stop, err
}

// Where implements the call of that name.
func (s *Signature) Where(_ None, out *Where) error {
	*out = s.where
	return nil
}

func verifyOnly(w http.ResponseWriter, r *http.Request) {
	answers, err := verified(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answers)
}

func verified(r *http.Request) ([]wire.Answer, error) {
	key := mtls.Peer(r.TLS)
	if key == nil {
		return nil, errors.New("no certificate of a source was shown")
	}
	b, err := wire.ReadBody(r.Body, int(r.ContentLength))
	if err != nil {
		return nil, err
	}
	if r.Header.Get("Content-Encoding") == "zstd" {
		size, err := wire.PlainSize(b)
		if err != nil || size > wire.MaxBatch {
			return nil, errors.Join(wire.ErrTooLarge, err)
		}
		if b, err = wire.Unpack(b, int(size)); err != nil {
			return nil, err
		}
	}
	subs, err := wire.ReadBatch(b)
	if err != nil {
		return nil, err
	}
	for i := range subs {
		e, err := entry.Parse(subs[i].Note)
		if err != nil {
			return nil, err
		}
		if err := e.Verify(key); err != nil {
			return nil, err
		}
	}
	return make([]wire.Answer, len(subs)), nil
}
