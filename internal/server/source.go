package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/tokens"
	"github.com/stele-log/stele/internal/wire"
)

// enrol lets in the source whose key the connection shows, for a join token.
func (s *Server) enrol(w http.ResponseWriter, r *http.Request) error {
	key := mtls.Peer(r.TLS)
	if key == nil {
		return refuse(http.StatusUnauthorized, "", "no certificate of a source was shown")
	}
	var req wire.Enrol
	if err := receiveUpTo(w, r, maxStranger, &req); err != nil {
		return err
	}
	if req.Host.Name == "" || len(req.Host.Name) > 253 {
		return refuse(http.StatusBadRequest, "", "the host has no name of 1 to 253 bytes")
	}
	follows, err := followed(req.Follows)
	if err != nil {
		return refuse(http.StatusBadRequest, "", "the source to follow: %w", err)
	}
	if err := s.mayEnrol(r, key.Source(), req.Role); err != nil {
		return err
	}
	switch err := s.tokens.Redeem(req.Secret, req.Role, req.Host.Name, key.Source()); {
	case errors.Is(err, tokens.ErrUnknown), errors.Is(err, tokens.ErrUsed), errors.Is(err, tokens.ErrRole), errors.Is(err, tokens.ErrHost):
		s.found(oddity{code: finding.RefusedEnrolment, detail: fmt.Sprintf("%s, as source %s for host %q: %v", r.RemoteAddr, key.Source(), req.Host.Name, err)})
		return refuse(http.StatusForbidden, "ask the operator for a new one: stele admin token", "%w", err)
	case err != nil:
		return err
	}
	var out wire.Enrolled
	err = s.keeper.use(r.Context(), func(ctx context.Context, srv *store.Store) error {
		if _, err := srv.Replace(ctx, key, req.Role, &req.Host, follows); err != nil {
			return err
		}
		return enrolment(ctx, srv, key.Source(), &out)
	})
	if err != nil {
		return err
	}
	s.metrics.findings.WithLabelValues(string(finding.Enrolled)).Inc()
	f := oddity{code: finding.Enrolled, source: key.Source(), detail: fmt.Sprintf("as %s of host %q, from %s", req.Role, req.Host.Name, r.RemoteAddr)}
	if tell, _ := s.findings.due(f, s.cfg.Now()); tell { // it may ask again and again, with the token it has spent
		s.alert(f)
	}
	return reply(w, &out)
}

// mayEnrol says why a source that is enrolled already cannot be once more. It is
// asked before a token is spent.
func (s *Server) mayEnrol(r *http.Request, src entry.Source, role entry.Role) error {
	return s.keeper.use(r.Context(), func(_ context.Context, srv *store.Store) error {
		en, ok := srv.Enrolment(src)
		var why error
		switch {
		case ok && en.Revoked:
			why = fmt.Errorf("source %s was revoked", src)
		case ok && en.Role != role:
			why = fmt.Errorf("source %s is enrolled as %s, not as %s", src, en.Role, role)
		default:
			return nil
		}
		s.found(oddity{code: finding.RefusedEnrolment, detail: fmt.Sprintf("%s: %v", r.RemoteAddr, why)})
		return refuse(http.StatusForbidden, "", "%w", why)
	})
}

// followed reads the name of a source that is replaced; none is nil.
func followed(name string) (*entry.Source, error) {
	if name == "" {
		return nil, nil
	}
	src, err := entry.ParseSource(name)
	return &src, err
}

func enrolment(ctx context.Context, srv *store.Store, src entry.Source, out *wire.Enrolled) error {
	en, ok := srv.Enrolment(src)
	if !ok {
		return fmt.Errorf("source %s is not enrolled", src)
	}
	out.Index = en.Index
	rec, err := srv.Receipt(ctx, 0, []uint64{en.Index})
	if err != nil {
		return err
	}
	out.Receipt = *rec
	out.Note, err = srv.Entry(ctx, en.Index)
	return err
}

// receipt proves to a source that entries stand in the log.
func (s *Server) receipt(w http.ResponseWriter, c *call) error {
	var req wire.ReceiptRequest
	if err := receive(w, c.Request, &req); err != nil {
		return err
	}
	if len(req.Indexes) > wire.MaxReceipt {
		return refuse(http.StatusRequestEntityTooLarge, "", "receipt for %d entries requested, the limit is %d", len(req.Indexes), wire.MaxReceipt)
	}
	return s.prove(w, c, req.Believed, req.Indexes)
}

// proofSize is about what the proof of one entry takes in memory.
const proofSize = 4 << 10

func (s *Server) prove(w http.ResponseWriter, c *call, believed uint64, indexes []uint64) error {
	release, err := s.reserve(c.peer, s.cost(int64(len(indexes))*proofSize))
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(c.Context(), waitTimeout)
	defer cancel()
	var out *wire.Receipt
	err = s.keeper.use(ctx, func(ctx context.Context, srv *store.Store) (err error) {
		out, err = srv.Receipt(ctx, believed, indexes)
		return err
	})
	var beyond *store.BeyondError
	if errors.As(err, &beyond) {
		return refuse(http.StatusNotFound, "", "%w", err)
	}
	if err != nil {
		return err
	}
	return reply(w, out)
}

// beat takes a sign of life and answers with the newest checkpoint, proved
// consistent with what the source believes.
func (s *Server) beat(w http.ResponseWriter, c *call) error {
	var req wire.Beat
	if err := receive(w, c.Request, &req); err != nil {
		return err
	}
	if err := s.beats(c.Context(), c.peer, req); err != nil {
		return err
	}
	return s.prove(w, c, req.Believed, nil)
}

// head says where the log sees the chain of the source.
func (s *Server) head(w http.ResponseWriter, c *call) error {
	var out wire.Head
	err := s.keeper.use(c.Context(), func(ctx context.Context, srv *store.Store) error {
		h, note, err := srv.SignedHead(ctx, c.source)
		out = wire.Head{Next: h.Next, Prev: tlog.Hash(h.Prev), Note: note}
		return err
	})
	if err != nil {
		return err
	}
	return reply(w, out)
}

// latest names the latest changes of subjects. A watcher asks about its own
// host, which its enrolment names; others about what they were told.
func (s *Server) latest(w http.ResponseWriter, c *call) error {
	var req wire.LatestRequest
	if c.ContentLength < 0 {
		return refuse(http.StatusLengthRequired, "", "the length of the request is not given")
	}
	release, err := s.reserve(c.peer, s.cost(4*min(c.ContentLength, maxLarge))) // read, decoded, answered
	if err != nil {
		return err
	}
	defer release()
	if err := receiveLarge(w, c.Request, &req); err != nil {
		return err
	}
	if len(req.Paths) > wire.MaxLatest {
		return refuse(http.StatusRequestEntityTooLarge, "", "%d paths requested, the limit is %d", len(req.Paths), wire.MaxLatest)
	}
	var held []func()
	defer func() {
		for _, release := range held {
			release()
		}
	}()
	room := func(bytes int) error { // what a question of a few bytes is answered with
		release, err := s.reserve(c.peer, 3*int64(bytes))
		if err == nil {
			held = append(held, release)
		}
		return err
	}
	var out []wire.Latest
	err = s.keeper.use(c.Context(), func(ctx context.Context, srv *store.Store) (err error) {
		sub := index.Subject{Host: req.Host, Told: true}
		if c.role == entry.Watcher {
			sub.Told = false
			if sub.Host, err = c.peer.hostName(ctx, srv); err != nil {
				return err
			}
		}
		subs := make([]index.Subject, len(req.Paths))
		for i, p := range req.Paths {
			sub.Path = string(p)
			subs[i] = sub
		}
		out, err = srv.Show(ctx, subs, room)
		return err
	})
	if err != nil {
		return err
	}
	return reply(w, out)
}

// hostName is the host the source was enrolled with.
func (p *peer) hostName(ctx context.Context, srv *store.Store) (string, error) {
	p.mu.Lock()
	host := p.host
	p.mu.Unlock()
	if host != "" {
		return host, nil
	}
	host, err := srv.HostOf(ctx, p.ID)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.host = host
	return host, nil
}

// imported says how many rows of a file an importer has brought.
func (s *Server) imported(w http.ResponseWriter, c *call) error {
	if c.role != entry.Importer {
		return refuse(http.StatusForbidden, "", "this is for importers")
	}
	var out wire.Imported
	err := s.keeper.use(c.Context(), func(ctx context.Context, srv *store.Store) (err error) {
		out.Rows, err = srv.Imported(ctx, c.URL.Query().Get("file"))
		return err
	})
	if err != nil {
		return err
	}
	return reply(w, out)
}

// healthy says that the process lives.
func (s *Server) healthy(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, struct{}{})
}

// ready says that entries are taken.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	if err := s.keeper.use(ctx, func(_ context.Context, srv *store.Store) error { return srv.Err() }); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
