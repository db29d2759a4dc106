package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/wire"
)

// stream is one open stream: submissions go out in order and answers come back
// in the same order, so that many can be under way at once.
type stream struct {
	out    *io.PipeWriter
	buf    *bufio.Writer
	taken  *atomic.Int64 // reads of what is handed in, by the connection
	cancel context.CancelFunc

	write sync.Mutex // one batch is written at a time
	frame []byte     // the one being written; kept for its memory

	mu      sync.Mutex
	pending []*batch // that wait for answers, oldest first
	dead    error
}

// batch waits for the answers to its entries.
type batch struct {
	want    int
	answers []wire.Answer
	done    chan error
}

// Submit hands in entries on a stream, which it opens at need. After an error
// nothing is known of the outcome.
func (c *Client) Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	if len(subs) == 0 {
		return nil, nil
	}
	s, err := c.opened(ctx)
	if err != nil {
		return nil, err
	}
	stop := s.hurry(ctx, c.cfg.Clock, c.patience)
	b, err := s.send(subs)
	stop()
	if err != nil {
		c.drop(s)
		return nil, err
	}
	late, stop := ends(c.cfg.Clock, c.patience)
	defer stop()
	select {
	case err = <-b.done:
	case <-late:
		err = fmt.Errorf("%w: no answer within %s", wire.ErrUnreachable, c.patience)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		c.drop(s)
		return nil, err
	}
	return b.answers, nil
}

// opened is the open stream.
func (c *Client) opened(ctx context.Context) (*stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream != nil {
		return c.stream, nil
	}
	s, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	c.stream = s
	return s, nil
}

func (c *Client) open(ctx context.Context) (*stream, error) {
	own, cancel := context.WithCancel(context.Background()) // the stream outlives whoever opened it
	pr, pw := io.Pipe()
	taken := new(atomic.Int64)
	req, err := c.request(own, http.MethodPost, wire.PathStream, &counted{pr, taken})
	if err != nil {
		cancel()
		return nil, err
	}
	stop := context.AfterFunc(ctx, cancel)
	called := c.cfg.Clock.AfterFunc(answerTimeout, cancel)
	resp, err := c.http.Do(req)
	called()
	stop()
	if err != nil {
		cancel()
		return nil, unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer cancel()
		defer resp.Body.Close()
		return nil, statusError(resp)
	}
	s := &stream{out: pw, buf: bufio.NewWriterSize(pw, 64<<10), taken: taken, cancel: cancel}
	go s.read(resp.Body)
	return s, nil
}

// drop forgets a stream that failed; the next Submit opens another.
func (c *Client) drop(s *stream) {
	c.mu.Lock()
	if c.stream == s {
		c.stream = nil
	}
	c.mu.Unlock()
	s.close(wire.ErrUnreachable)
}

// counted counts the reads of what a stream hands in.
type counted struct {
	*io.PipeReader
	reads *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	c.reads.Add(1)
	return c.PipeReader.Read(b)
}

// hurry ends the stream, until it is stopped, when ctx ends or the server takes
// nothing any more: a write to a server that does not read would wait for ever.
func (s *stream) hurry(ctx context.Context, clock *patience.Clock, within time.Duration) (stop func()) {
	done := make(chan struct{})
	go func() {
		for before := s.taken.Load(); ; {
			late, stop := ends(clock, within)
			select {
			case <-done:
				stop()
				return
			case <-ctx.Done():
				stop()
				s.close(ctx.Err())
				return
			case <-late:
			}
			now := s.taken.Load()
			if now == before {
				s.close(fmt.Errorf("%w: it took nothing for %s", wire.ErrUnreachable, within))
				return
			}
			before = now
		}
	}()
	return func() { close(done) }
}

// ends is closed once patience has ended, unless it is stopped before.
func ends(clock *patience.Clock, within time.Duration) (late <-chan struct{}, stop func()) {
	c := make(chan struct{})
	return c, clock.AfterFunc(within, func() { close(c) })
}

// maxFrameKept bounds the memory a stream keeps between two frames.
const maxFrameKept = 1 << 20

// send writes a batch and queues it for its answers.
func (s *stream) send(subs []wire.Submission) (*batch, error) {
	b := &batch{want: len(subs), done: make(chan error, 1)}
	s.write.Lock()
	defer s.write.Unlock()
	s.mu.Lock()
	if s.dead != nil {
		s.mu.Unlock()
		return nil, s.dead
	}
	s.pending = append(s.pending, b)
	s.mu.Unlock()
	for i := range subs {
		p, err := subs[i].AppendBinary(s.frame[:0])
		if err == nil {
			err = wire.WriteSubmission(s.buf, p)
		}
		if s.frame = p; cap(p) > maxFrameKept {
			s.frame = nil
		}
		if err != nil {
			return nil, s.failed(err)
		}
	}
	if err := s.buf.Flush(); err != nil {
		return nil, s.failed(err)
	}
	return b, nil
}

// failed is why the stream ended, which tells more than that a write failed.
func (s *stream) failed(err error) error {
	s.close(unreachable(err))
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// read hands answers to the batches they belong to until the stream ends.
func (s *stream) read(body io.ReadCloser) {
	defer body.Close()
	in := bufio.NewReader(body)
	for {
		frame, err := wire.ReadFrame(in, maxAnswer)
		if err != nil {
			s.close(unreachable(err))
			return
		}
		var g struct {
			Answers []wire.Answer `json:"answers"`
			wire.Problem
			Status int `json:"status"`
		}
		switch err := json.Unmarshal(frame, &g); {
		case err != nil:
			s.close(fmt.Errorf("the answer of the server: %w", err))
			return
		case g.Status != 0:
			s.close(&wire.StatusError{Status: g.Status, Why: g.Error, Hint: g.Hint})
			return
		}
		if err := s.answered(g.Answers); err != nil {
			s.close(err)
			return
		}
	}
}

func (s *stream) answered(answers []wire.Answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(answers) > 0 {
		if len(s.pending) == 0 {
			return errors.New("the server gives answers to entries it was not handed")
		}
		b := s.pending[0]
		n := min(b.want-len(b.answers), len(answers))
		b.answers, answers = append(b.answers, answers[:n]...), answers[n:]
		if len(b.answers) == b.want {
			s.pending = s.pending[1:]
			b.done <- nil
		}
	}
	return nil
}

// close ends the stream and tells whoever waits, with the first reason given.
func (s *stream) close(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead == nil {
		s.dead = why
	}
	for _, b := range s.pending {
		b.done <- s.dead
	}
	s.pending = nil
	s.out.CloseWithError(io.EOF)
	s.cancel()
}
