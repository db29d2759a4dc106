package server

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/tokens"
	"github.com/stele-log/stele/internal/wire"
)

// Endpoint is how the operator reaches the server: it lies in a file that only
// the owner of the store can read, and holds for one run.
type Endpoint struct {
	URL    string `json:"url"`   // by which others reach it, and what tokens say
	Local  string `json:"local"` // by which commands on this machine do
	Pin    string `json:"pin"`
	VKey   string `json:"vkey"`
	Secret string `json:"secret"`
}

// String hides the secret.
func (e Endpoint) String() string { return e.URL }

// GoString hides the secret.
func (e Endpoint) GoString() string { return e.URL }

// Write puts the endpoint where commands on this machine find it.
func (e Endpoint) Write(l layout.Store) error {
	b, err := json.Marshal(struct {
		URL    string `json:"url"`
		Local  string `json:"local"`
		Pin    string `json:"pin"`
		VKey   string `json:"vkey"`
		Secret string `json:"secret"`
	}(e))
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, l.Endpoint(), b, 0o600)
}

// maxEndpoint bounds what is read as an endpoint.
const maxEndpoint = 64 << 10

// ReadEndpoint reads what Write wrote.
func ReadEndpoint(l layout.Store) (e Endpoint, err error) {
	b, err := durable.ReadSmall(durable.OS, l.Endpoint(), maxEndpoint)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("%s: %w", l.Endpoint(), err)
	}
	return e, nil
}

func (s *Server) giveToken(w http.ResponseWriter, r *http.Request) error {
	var req wire.TokenRequest
	if err := receive(w, r, &req); err != nil {
		return err
	}
	secret, info, err := s.tokens.Give(req)
	if errors.Is(err, tokens.ErrRequest) {
		return refuse(http.StatusBadRequest, "", "%w", err)
	}
	if err != nil {
		return err
	}
	return reply(w, wire.TokenGiven{Info: info, Secret: secret, Pin: s.pin, VKey: s.vkey})
}

func (s *Server) listTokens(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, s.tokens.List())
}

func (s *Server) withdrawToken(w http.ResponseWriter, r *http.Request) error {
	found, err := s.tokens.Withdraw(r.PathValue("id"))
	if err != nil {
		return err
	}
	if !found {
		return refuse(http.StatusNotFound, "`stele admin token --list` lists them", "no token has that id")
	}
	return reply(w, struct{}{})
}

func (s *Server) listSources(w http.ResponseWriter, r *http.Request) error {
	infos := []wire.SourceInfo{}
	now := s.clock.Now()
	err := s.keeper.use(r.Context(), func(ctx context.Context, srv *store.Store) error {
		sources, err := srv.Sources(ctx)
		for i := range sources {
			src := &sources[i]
			info := wire.SourceInfo{Source: src.Source.String(), Role: src.Role, Host: src.Host}
			if src.Head != nil {
				info.Next = src.Head.Seq + 1
			}
			if en, ok := srv.Enrolment(src.Source); ok {
				info.Revoked = en.Revoked
			}
			if p := s.peers.known(src.Source); p != nil && !p.Heard().IsZero() {
				info.Present, info.Heard = p.Here(now), p.Heard().Time.UTC().Format(time.RFC3339)
			}
			infos = append(infos, info)
		}
		return err
	})
	if err != nil {
		return err
	}
	return reply(w, infos)
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	var req wire.Revoke
	if err := receive(w, r, &req); err != nil {
		return err
	}
	b, err := hex.DecodeString(req.Source)
	if err != nil || len(b) != 16 {
		return refuse(http.StatusBadRequest, "`stele admin sources` lists them", "%.80q is not a source: 32 hexadecimal digits", req.Source)
	}
	src := entry.Source(b)
	var out wire.Revoked
	err = s.keeper.use(r.Context(), func(ctx context.Context, srv *store.Store) (err error) {
		if _, ok := srv.Enrolment(src); !ok {
			return refuse(http.StatusNotFound, "`stele admin sources` lists them", "source %s is not enrolled", src)
		}
		out.Index, err = srv.Revoke(ctx, src, req.Reason)
		return err
	})
	if err != nil {
		return err
	}
	s.cfg.Diag.Warn("source revoked", "source", src)
	return reply(w, out)
}
