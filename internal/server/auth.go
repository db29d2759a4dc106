package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// handler answers one request; its error becomes the answer.
type handler func(w http.ResponseWriter, r *http.Request) error

// problem is an error with the status it is answered with.
type problem struct {
	status int
	why    error
	hint   string
}

func (p *problem) Error() string { return p.why.Error() }

func (p *problem) Unwrap() error { return p.why }

func refuse(status int, hint, format string, args ...any) error {
	return &problem{status, fmt.Errorf(format, args...), hint}
}

// statusOf is the status an error is answered with, and a word on what to do.
func statusOf(err error) (status int, hint string) {
	var p *problem
	var tooMuch *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p.status, p.hint
	case durable.DiskFull(err):
		return http.StatusInsufficientStorage, "the server's disk is full; keep the entries and send them again"
	case errors.Is(err, errBusy):
		return http.StatusTooManyRequests, "wait and send it again"
	case errors.As(err, &tooMuch), errors.Is(err, wire.ErrTooLarge):
		return http.StatusRequestEntityTooLarge, "send less at once"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, ""
	}
	return http.StatusServiceUnavailable, "keep what you have and send it again"
}

// plain turns a handler into one of net/http.
func (s *Server) plain(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		status, hint := statusOf(err)
		s.metrics.refused.WithLabelValues(strconv.Itoa(status)).Inc()
		s.cfg.Diag.Debug("request refused", "path", r.URL.Path, "from", r.RemoteAddr, "status", status, "error", err)
		if status == http.StatusTooManyRequests || status >= 500 {
			w.Header().Set("Retry-After", "1")
		}
		if status == http.StatusServiceUnavailable {
			err = errors.New("the server cannot do this at the moment") // the rest is for its operator
		}
		w.Header().Set("Content-Type", "application/json")
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replyTimeout)) // without one the answer is only slow
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(wire.Problem{Error: err.Error(), Hint: hint})
	})
}

// guard refuses requests that call this server by a name that is not its own: a
// page in a browser could otherwise have a name of its own point here.
func (s *Server) guard(next http.Handler) http.Handler {
	own := append([]string{"localhost"}, s.cfg.Names...)
	if name, err := os.Hostname(); err == nil {
		own = append(own, name)
	}
	for i, name := range own {
		own[i] = strings.ToLower(name)
	}
	wrong := s.plain(func(http.ResponseWriter, *http.Request) error {
		return refuse(http.StatusMisdirectedRequest, "add the name to `names` in the settings of the server", "this server does not have that name")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		rc.SetWriteDeadline(time.Time{}) // that of the request before, on a connection that was kept
		if r.Body != http.NoBody {
			rc.SetReadDeadline(time.Now().Add(s.cfg.allowed.body)) // or nobody would end the wait for a body that nobody wants
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if net.ParseIP(host) == nil && !slices.Contains(own, host) {
			wrong.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// call is a request of a source that may come in.
type call struct {
	*http.Request
	source entry.Source
	role   entry.Role
	peer   *peer
}

// source lets in sources that are enrolled and not revoked.
func (s *Server) source(h func(http.ResponseWriter, *call) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		key := mtls.Peer(r.TLS)
		if key == nil {
			return refuse(http.StatusUnauthorized, "enrol with a join token: stele watch --join - < TOKEN", "no certificate of a source was shown")
		}
		c := &call{Request: r, source: key.Source()}
		err := s.keeper.use(r.Context(), func(_ context.Context, srv *store.Store) (err error) {
			c.role, err = s.letIn(srv, c.source, r.RemoteAddr)
			return err
		})
		if err != nil {
			return err
		}
		c.peer = s.peers.of(c.source)
		s.heard(c)
		return h(w, c)
	}
}

// letIn says which role a source comes in with, if it does. It is asked again for
// each group of a stream, which may outlive the enrolment it began under.
func (s *Server) letIn(srv *store.Store, src entry.Source, from string) (entry.Role, error) {
	en, ok := srv.Enrolment(src)
	switch {
	case !ok:
		s.found(oddity{code: verify.UnknownKey, detail: fmt.Sprintf("%s speaks as source %s, which is not enrolled: a new key, or one of another log", from, src)})
		return "", refuse(http.StatusForbidden, "enrol with a join token: stele watch --join - < TOKEN", "source %s is not enrolled in this log", src)
	case en.Revoked:
		s.found(oddity{code: verify.AfterRevoke, source: src, detail: from + " speaks as this source, which was revoked"})
		return "", refuse(http.StatusForbidden, "", "source %s was revoked", src)
	}
	return en.Role, nil
}

func bearer(r *http.Request) string {
	secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return secret
}

// operator lets in who can read the operator's secret on the server.
func (s *Server) operator(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !s.tokens.IsAdmin(bearer(r)) {
			return refuse(http.StatusUnauthorized, "run the command on the server, as the user who owns the store", "only the operator of the server may do this")
		}
		return h(w, r)
	}
}

// Bounds of the JSON of a request, in bytes. A source may ask about many paths.
const (
	maxStranger = 16 << 10 // of somebody who has not enrolled yet
	maxMessage  = 256 << 10
	maxLarge    = 8 << 20
)

// receive reads the JSON of a request.
func receive(w http.ResponseWriter, r *http.Request, v any) error {
	return receiveUpTo(w, r, maxMessage, v)
}

func receiveLarge(w http.ResponseWriter, r *http.Request, v any) error {
	return receiveUpTo(w, r, maxLarge, v)
}

func receiveUpTo(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return err
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows it")
		}
	}
	var tooMuch *http.MaxBytesError
	if errors.As(err, &tooMuch) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "", "the request is not the JSON it should be: %w", err)
	}
	return nil
}

func reply(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replyTimeout))
	w.Write(b) // if this fails nobody is there any more
	return nil
}
