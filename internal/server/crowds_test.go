package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// crowds are the acts of many requests, and of who may come in.
var crowds = []threat{
	{
		"53 replay a captured batch", "", func(t *testing.T, d *door) {
			s, thief := d.join(t, 1), d.join(t, 2)
			subs := s.sign(t, "/etc/a", "/etc/b")
			first := s.post(t, subs...)
			for i, a := range s.post(t, subs...) {
				if !a.Duplicate || a.Index != first[i].Index {
					t.Errorf("entry %d again: %+v", i, a)
				}
			}
			if _, err := thief.Post(t.Context(), subs); status(t, err) != http.StatusForbidden {
				t.Errorf("by another source: %v", err)
			}
			if n := d.metric(t, `stele_entries_total{outcome="duplicate"}`); n != 2 {
				t.Errorf("%v duplicates counted", n)
			}
		}, "an answer that got lost", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			subs := s.sign(t, "/etc/a")
			s.post(t, subs...)
			s.post(t, append(subs, s.sign(t, "/etc/b")...)...)
		},
	},
	{
		"57 flood from one source", "flood", func(t *testing.T, d *door) {
			s, other := d.join(t, 1), d.join(t, 2)
			free := d.hold(t, s)
			defer free()
			_, err := s.Post(t.Context(), s.sign(t, "/etc/a"))
			if status(t, err) != http.StatusTooManyRequests || hint(err) == "" {
				t.Errorf("%v, hint %q", err, hint(err))
			}
			other.proves(t) // unharmed
		}, "a burst within its share", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			var wg sync.WaitGroup
			for i := range 8 {
				subs := s.sign(t, fmt.Sprintf("/etc/%d", i))
				wg.Go(func() {
					if _, err := s.Post(t.Context(), subs); err != nil {
						t.Errorf("hand in: %v", err)
					}
				})
			}
			wg.Wait()
		},
	},
	{
		"57 open more streams than there is use for", "flood", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			var err error
			for i := range server.MaxStreams + 1 {
				c := d.stranger(t, 1)
				_, err = c.Submit(t.Context(), s.sign(t, fmt.Sprintf("/etc/%d", i)))
			}
			if status(t, err) != http.StatusTooManyRequests {
				t.Errorf("one stream too many: %v", err)
			}
		}, "a stream after another", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			for i := range 2 * server.MaxStreams {
				c := s.again(t, d)
				if _, err := c.Submit(t.Context(), s.sign(t, fmt.Sprintf("/etc/%d", i))); err != nil {
					t.Fatal(err)
				}
				c.Close()
				eventually(t, "the end of the stream", func() bool { return d.Streams(s.key.Source()) == 0 })
			}
		},
	},
	{
		"60 use a join token again", "refused-enrolment", func(t *testing.T, d *door) {
			secret := d.token(t)
			must(t, d.enrols(t, 1, secret))
			if err := d.enrols(t, 2, secret); status(t, err) != http.StatusForbidden {
				t.Errorf("a second source on one token: %v", err)
			}
		}, "the answer got lost, and the same source asks again", func(t *testing.T, d *door) {
			secret := d.token(t)
			must(t, d.enrols(t, 1, secret))
			must(t, d.enrols(t, 1, secret))
		},
	},
	{
		"60 enrol a source that no host owns", "", func(t *testing.T, d *door) {
			must(t, d.enrols(t, 1, d.token(t)))
			d.mu.Lock()
			told := len(d.alerts) == 1 && d.alerts[0].Code == "enrolled" && d.alerts[0].About == d.stranger(t, 1).key.Source().String()
			d.mu.Unlock()
			if !told {
				t.Errorf("nobody was told: %+v", d.alerts)
			}
			d.await(t, "its enrolment on the record", func(e *entry.Entry) bool {
				return e.Kind == entry.Enrol && e.Open.Key.Source() == d.stranger(t, 1).key.Source()
			})
		}, "a token that nobody uses", func(t *testing.T, d *door) { d.token(t) },
	},
	{
		"a source that was revoked goes on with a stream", verify.AfterRevoke, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			_, err := s.Submit(t.Context(), s.sign(t, "/etc/a"))
			must(t, err)
			d.revoke(t, s)
			if _, err := s.Submit(t.Context(), s.sign(t, "/etc/b")); status(t, err) != http.StatusForbidden {
				t.Errorf("it is let in: %v", err)
			}
		}, "another one is revoked meanwhile", func(t *testing.T, d *door) {
			s, other := d.join(t, 1), d.join(t, 2)
			_, err := s.Submit(t.Context(), s.sign(t, "/etc/a"))
			must(t, err)
			d.revoke(t, other)
			_, err = s.Submit(t.Context(), s.sign(t, "/etc/b"))
			must(t, err)
		},
	},
	{
		"a source that was revoked goes on", verify.AfterRevoke, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.proves(t)
			d.revoke(t, s)
			if _, err := s.Post(t.Context(), s.sign(t, "/etc/b")); status(t, err) != http.StatusForbidden {
				t.Errorf("it is let in: %v", err)
			}
		}, "its host joins anew, with a new key", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.proves(t)
			d.revoke(t, s)
			d.join(t, 2).proves(t)
		},
	},
}

// TestQueueFull: when all that can be held is held, whoever comes is told to wait,
// and is not accused of anything; once there is room it goes on.
func TestQueueFull(t *testing.T) {
	d := open(t, small)
	s := d.join(t, 9)
	var free []func()
	for n := range 4 {
		free = append(free, d.hold(t, d.join(t, n)))
	}
	subs := s.sign(t, "/etc/a")
	if _, err := s.Post(t.Context(), subs); status(t, err) != http.StatusTooManyRequests || hint(err) == "" {
		t.Errorf("%v, hint %q", err, hint(err))
	}
	d.join(t, 8)
	if resp := say(t, d.dial(t, certificate(t, 8)), raw("POST", wire.PathEntries, "x")); resp == nil || resp.Header.Get("Retry-After") == "" {
		t.Errorf("nothing says when to come again: %+v", resp)
	}
	for _, f := range free {
		f()
	}
	eventually(t, "room", func() bool {
		_, err := s.Post(t.Context(), subs)
		return err == nil
	})
	if told := d.told(); len(told) > 0 {
		t.Errorf("told %q", told)
	}
}

// TestGoneButHeld: what a sender handed in takes its room for as long as the store
// has it in hand, though the sender does not wait for the answer.
func TestGoneButHeld(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	head := s.chain.Head()
	one := s.sign(t, "/etc/a")
	s.chain = record.NewChain(s.key, head)
	other := s.sign(t, "/etc/b") // a fork, which is told of
	s.post(t, one...)
	told, held := make(chan struct{}, 1), make(chan struct{})
	must(t, d.Store(t.Context(), func(_ context.Context, srv *store.Store) error {
		srv.Tell(func(*verify.Finding, entry.ID) { told <- struct{}{}; <-held })
		return nil
	}))
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := s.Post(ctx, other)
		gone <- err
	}()
	<-told
	leave()
	if err := <-gone; err == nil {
		t.Error("it was answered")
	}
	s.Close() // the server sees it go
	time.Sleep(100 * time.Millisecond)
	if d.queued(t) == 0 {
		t.Error("the room is given away, and the store still has the entries in hand")
	}
	close(held)
	eventually(t, "the room", func() bool { return d.queued(t) == 0 })
}

// hold has a source take its whole share of the queue, and keep it.
func (d *door) hold(t *testing.T, s *source) (free func()) {
	t.Helper()
	cert, err := mtls.Source(seed(s.n))
	must(t, err)
	c := d.dial(t, &cert)
	const share = 64 << 10
	want := d.queued(t) + share
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n", wire.PathEntries, share)
	eventually(t, "the share to be taken", func() bool { return d.queued(t) == want })
	return func() { c.Close() }
}

// dial opens a connection to the server on which anything can be said.
func (d *door) dial(t *testing.T, cert *tls.Certificate, protocols ...string) *tls.Conn {
	t.Helper()
	cfg := mtls.ClientConfig(d.endpoint.Pin, cert)
	cfg.NextProtos = protocols
	c, err := tls.Dial("tcp", d.url[len("https://"):], cfg)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	must(t, c.SetDeadline(time.Now().Add(5*time.Minute)))
	t.Cleanup(func() { c.Close() })
	return c
}

func (d *door) token(t *testing.T) (secret string) {
	t.Helper()
	given, err := d.operator(t).GiveToken(t.Context(), wire.TokenRequest{Kind: wire.JoinToken, Role: entry.Watcher})
	must(t, err)
	return given.Secret
}

// enrols has the n-th source spend a token.
func (d *door) enrols(t *testing.T, n int, secret string) error {
	t.Helper()
	s := d.stranger(t, n)
	_, _, err := s.Enrol(t.Context(), s.log, s.key.Public(), secret, entry.Watcher, body.Host{Name: fmt.Sprintf("host-%d", n)})
	return err
}

func (d *door) revoke(t *testing.T, s *source) {
	t.Helper()
	_, err := d.operator(t).Revoke(t.Context(), wire.Revoke{Source: s.key.Source().String(), Reason: "scrapped"})
	must(t, err)
}
