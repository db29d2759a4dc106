package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
)

// errBusy says that the queue, or a source's share of it, is full.
var errBusy = errors.New("the server holds as much as it can")

// reserve sets bytes of the queue aside for a source, or says that there are
// none to be had.
func (s *Server) reserve(p *peer, n int64) (release func(), err error) {
	if !p.share.TryAcquire(n) {
		s.found(oddity{code: finding.Flood, source: p.ID, detail: "this source brings more than its share of what the server can hold"})
		return nil, fmt.Errorf("%w of this source", errBusy)
	}
	if !s.queue.TryAcquire(n) {
		p.share.Release(n)
		return nil, errBusy
	}
	return s.releaser(p, n), nil
}

// wait is reserve for a stream: the sender is held up instead of sent away.
func (s *Server) wait(ctx context.Context, p *peer, n int64) (release func(), err error) {
	if err := p.share.Acquire(ctx, n); err != nil {
		return nil, err
	}
	if err := s.queue.Acquire(ctx, n); err != nil {
		p.share.Release(n)
		return nil, err
	}
	return s.releaser(p, n), nil
}

func (s *Server) releaser(p *peer, n int64) func() {
	s.metrics.queued.Add(float64(n))
	return func() {
		s.queue.Release(n)
		p.share.Release(n)
		s.metrics.queued.Sub(float64(n))
	}
}

// cost is what a body of that size takes of the queue, an empty one too.
func (s *Server) cost(n int64) int64 { return min(n+1024, s.peers.share) }

// entries takes a batch.
func (s *Server) entries(w http.ResponseWriter, c *call) error {
	if c.ContentLength < 0 {
		return refuse(http.StatusLengthRequired, "", "the length of the request is not given")
	}
	if c.ContentLength > s.cfg.Request {
		return fmt.Errorf("request of %d bytes: %w", c.ContentLength, wire.ErrTooLarge)
	}
	release, err := s.reserve(c.peer, s.cost(c.ContentLength))
	if err != nil {
		return err
	}
	defer release()
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.cfg.allowed.body)); err != nil {
		return err
	}
	b, err := wire.ReadBody(c.Body, int(c.ContentLength))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "", "read the request: %w", err)
	}
	b, more, err := s.decompress(c, b)
	if err != nil {
		return err
	}
	defer more()
	subs, err := wire.ReadBatch(b)
	if errors.Is(err, wire.ErrTooLarge) {
		return err
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "", "%w", err)
	}
	answers, err := s.submit(c.Context(), c, subs)
	if err != nil {
		return err
	}
	return reply(w, answers)
}

// decompress undoes the Content-Encoding of a request. What it will take is in
// the head of the frame, and set aside before a byte is written.
func (s *Server) decompress(c *call, b []byte) (plain []byte, release func(), err error) {
	switch c.Header.Get("Content-Encoding") {
	case "":
		return b, func() {}, nil
	case "zstd":
	default:
		return nil, nil, refuse(http.StatusUnsupportedMediaType, "", "the Content-Encoding can be zstd or absent")
	}
	full, err := wire.PlainSize(b)
	if err != nil {
		return nil, nil, refuse(http.StatusBadRequest, "", "decompress the request: %w", err)
	}
	if full > uint64(s.cfg.Request) {
		return nil, nil, fmt.Errorf("request of %d bytes: %w", full, wire.ErrTooLarge)
	}
	// What came is set aside already; a request alone always finds room.
	size := int64(len(b))
	if release, err = s.reserve(c.peer, s.cost(size+int64(full))-s.cost(size)); err != nil {
		return nil, nil, err
	}
	if plain, err = wire.Unpack(b, int(full)); err != nil {
		release()
		return nil, nil, refuse(http.StatusBadRequest, "", "%w", err)
	}
	return plain, release, nil
}

// submit hands entries of one source to the store. It stays until the store is
// done with them, though the sender has gone: for as long they are in memory, and
// the room that was set aside for them must not be given to others.
func (s *Server) submit(ctx context.Context, c *call, subs []wire.Submission) (answers []wire.Answer, err error) {
	for i := range subs {
		if !signedBy(subs[i].Note, c.source) {
			return nil, refuse(http.StatusForbidden, "", "submission %d is not an entry of the source that sends it", i)
		}
	}
	c.peer.Hear(s.clock.Now())
	start := time.Now()
	err = s.keeper.use(context.WithoutCancel(ctx), func(ctx context.Context, srv *store.Store) (err error) {
		if _, err = s.letIn(srv, c.source, c.RemoteAddr); err == nil {
			answers, err = srv.Submit(ctx, subs)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.metrics.submitted(answers, time.Since(start))
	return answers, nil
}

// signedBy reports whether a note claims to be an entry of that source. What is
// not an entry at all passes: intake says what is wrong with it.
func signedBy(note []byte, src entry.Source) bool {
	lines := bytes.SplitN(note[:min(len(note), 256)], []byte("\n"), 4)
	if len(lines) < 4 {
		return true
	}
	name, _, _ := bytes.Cut(lines[2], []byte(" "))
	return len(name) != 32 || string(name) == src.String()
}

// Bounds of what a stream hands to the store at once.
const (
	groupMost  = 512
	groupBytes = 4 << 20
	maxStreams = 4 // of one source
)

// reply to one group of a stream, or the end of it.
type groupAnswer struct {
	Answers []wire.Answer `json:"answers,omitempty"`
	wire.Problem
	Status int `json:"status,omitempty"`
}

// stream takes frames, one submission each, and answers them in order, group by
// group, until the sender ends it.
func (s *Server) stream(w http.ResponseWriter, c *call) error {
	if c.ProtoMajor < 2 {
		return refuse(http.StatusHTTPVersionNotSupported, "", "a stream needs HTTP/2")
	}
	if !c.peer.streamBegins() {
		s.found(oddity{code: finding.Flood, source: c.source, detail: fmt.Sprintf("this source opens more than %d streams at a time", maxStreams)})
		return fmt.Errorf("%w of streams of this source", errBusy)
	}
	defer c.peer.streamEnds()
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Time{}); err != nil { // it may be quiet
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(http.StatusOK)
	if err := rc.Flush(); err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	groups := make(chan group, 2)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(groups)
		s.readGroups(ctx, rc, c, groups)
	})
	for g := range groups {
		a := s.answerGroup(ctx, c, g)
		b, err := json.Marshal(a)
		if err == nil {
			err = errors.Join(rc.SetWriteDeadline(time.Now().Add(replyTimeout)), wire.WriteFrame(w, b), rc.Flush())
		}
		if err != nil || a.Status != 0 {
			break
		}
	}
	cancel()
	c.Body.Close() // ends the reader
	for g := range groups {
		g.release()
	}
	reading.Wait()
	return nil
}

// group is what goes to the store at once, or why the stream must end.
type group struct {
	subs    []wire.Submission
	held    []func()
	problem error
}

func (g *group) release() {
	for _, f := range g.held {
		f()
	}
	g.held = nil
}

func (s *Server) answerGroup(ctx context.Context, c *call, g group) groupAnswer {
	defer g.release()
	err := g.problem
	if err == nil {
		var answers []wire.Answer
		if answers, err = s.submit(ctx, c, g.subs); err == nil {
			return groupAnswer{Answers: answers}
		}
	}
	status, hint := statusOf(err)
	s.metrics.refused.WithLabelValues(fmt.Sprint(status)).Inc()
	if status == http.StatusServiceUnavailable {
		err = errors.New("the server cannot do this at the moment")
	}
	return groupAnswer{Status: status, Problem: wire.Problem{Error: err.Error(), Hint: hint}}
}

// groupReader gathers what has arrived on a stream.
type groupReader struct {
	s    *Server
	rc   *http.ResponseController
	peer *peer
	in   *bufio.Reader
	next *wire.Announced // of a submission that was not read yet; nil: none
}

// readGroups hands on group after group until the stream ends.
func (s *Server) readGroups(ctx context.Context, rc *http.ResponseController, c *call, out chan<- group) {
	r := &groupReader{s, rc, c.peer, bufio.NewReader(c.Body), nil} // small: most streams are idle
	send := func(g group) bool {
		select {
		case out <- g:
			return true
		case <-ctx.Done():
			g.release()
			return false
		}
	}
	for {
		g, err := r.group(ctx)
		if len(g.subs) > 0 && !send(g) {
			return
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return
		default:
			send(group{problem: err})
			return
		}
	}
}

// group reads until the group is full, nothing more has arrived, or there is no
// room for more: a group that waits for room while it holds some could wait for
// ever.
func (r *groupReader) group(ctx context.Context) (g group, err error) {
	size := 0
	for len(g.subs) < groupMost && size < groupBytes {
		if len(g.subs) > 0 && r.next == nil && r.in.Buffered() == 0 {
			return g, nil
		}
		if err := r.head(); err != nil {
			return g, err
		}
		release, err := r.room(ctx, len(g.subs) == 0)
		if err != nil || release == nil {
			return g, err
		}
		sub, err := r.body()
		if err != nil {
			release()
			return g, err
		}
		size += max(r.next.Stored, r.next.Plain)
		g.subs, g.held, r.next = append(g.subs, sub), append(g.held, release), nil
	}
	return g, nil
}

// head reads what is announced of the next submission. A stream may be quiet for
// as long as it likes before one.
func (r *groupReader) head() error {
	if r.next != nil {
		return nil
	}
	a, err := wire.ReadAnnounced(r.in, int(r.s.cfg.Request))
	if err != nil {
		return frameError(err)
	}
	r.next = &a
	return nil
}

// room sets aside what the next submission takes; nil if there is none and the caller
// would not wait.
func (r *groupReader) room(ctx context.Context, wait bool) (func(), error) {
	n := r.s.cost(r.next.Most())
	if wait {
		return r.s.wait(ctx, r.peer, n)
	}
	if !r.peer.share.TryAcquire(n) {
		return nil, nil
	}
	if !r.s.queue.TryAcquire(n) {
		r.peer.share.Release(n)
		return nil, nil
	}
	return r.s.releaser(r.peer, n), nil
}

// body reads a submission. Within one the sender may not be slow.
func (r *groupReader) body() (sub wire.Submission, err error) {
	if r.in.Buffered() < r.next.Stored {
		if err := r.rc.SetReadDeadline(time.Now().Add(r.s.cfg.allowed.body)); err != nil {
			return sub, err
		}
		defer r.rc.SetReadDeadline(time.Time{})
	}
	sub, err = r.next.Read(r.in)
	return sub, frameError(err)
}

func frameError(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, wire.ErrTooLarge) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return refuse(http.StatusBadRequest, "", "read a frame: %w", err)
}

func (p *peer) streamBegins() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams >= maxStreams {
		return false
	}
	p.streams++
	return true
}

func (p *peer) streamEnds() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams--
}
