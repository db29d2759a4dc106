package server_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/wire"
)

// oneWay is how long a byte is under way on the slow link.
const oneWay = 50 * time.Millisecond

// slowLink is a connection on which everything takes its time, in either
// direction. It counts how often its user, after writing, had to wait for an answer.
type slowLink struct {
	net.Conn
	out, in chan parcel
	rest    []byte // of a parcel that was not read as a whole
	wrote   atomic.Bool
	turns   *atomic.Int64
	once    sync.Once
	done    chan struct{}
}

type parcel struct {
	due  time.Time
	data []byte
	err  error
}

// slowDial connects over a slow link.
func slowDial(turns *atomic.Int64) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		turns.Add(1) // the handshake of TCP
		<-time.After(2 * oneWay)
		l := &slowLink{Conn: conn, out: make(chan parcel, 4096), in: make(chan parcel, 4096), turns: turns, done: make(chan struct{})}
		go l.carry()
		go l.fetch()
		return l, nil
	}
}

func (l *slowLink) carry() {
	for {
		select {
		case p := <-l.out:
			<-time.After(time.Until(p.due))
			if _, err := l.Conn.Write(p.data); err != nil {
				return
			}
		case <-l.done:
			return
		}
	}
}

func (l *slowLink) fetch() {
	for {
		b := make([]byte, 64<<10)
		n, err := l.Conn.Read(b)
		select {
		case l.in <- parcel{time.Now().Add(oneWay), b[:n], err}:
		case <-l.done:
			return
		}
		if err != nil {
			return
		}
	}
}

func (l *slowLink) Write(b []byte) (int, error) {
	l.wrote.Store(true)
	l.out <- parcel{time.Now().Add(oneWay), append([]byte(nil), b...), nil}
	return len(b), nil
}

func (l *slowLink) Read(b []byte) (int, error) {
	if len(l.rest) == 0 {
		if l.wrote.Swap(false) {
			l.turns.Add(1)
		}
		select {
		case p := <-l.in:
			<-time.After(time.Until(p.due))
			if p.err != nil {
				return 0, p.err
			}
			l.rest = p.data
		case <-l.done:
			return 0, net.ErrClosed
		}
	}
	n := copy(b, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *slowLink) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Conn.Close()
}

// TestSlowLink: on a link where an answer takes 100 ms a command asks once, however
// much it looks at.
func TestSlowLink(t *testing.T) {
	d := open(t)
	for n := 1; n <= 3; n++ {
		s := d.join(t, n)
		var paths []string
		for i := range 60 {
			paths = append(paths, fmt.Sprintf("/etc/agent/%d.conf", i%7))
		}
		s.recorded(t, paths...)
	}
	secret := d.readToken(t, "").Secret
	path, host := []byte("/etc/agent/3.conf"), []byte("host-2")
	newest := history.Filter{Kinds: []string{"change", "gap", "finding", "remark", "erase", "revoke"}, Limit: 50}
	for name, c := range map[string]struct {
		q  wire.Question
		do func(context.Context, *history.Reader) error
	}{
		"log": {newest.Question(50), func(ctx context.Context, r *history.Reader) error {
			n := 0
			for v, err := range r.Log(ctx, newest, 50) {
				if err != nil || v.Proof.State != history.Verified {
					return fmt.Errorf("%+v, %w", v, err)
				}
				n++
			}
			if n != 50 {
				return fmt.Errorf("%d entries", n)
			}
			return nil
		}},
		"show": {wire.Question{Ask: wire.AskShow, Name: []byte("100")}, func(ctx context.Context, r *history.Reader) error {
			_, err := r.Entry(ctx, 100)
			return err
		}},
		"diff": {wire.Question{Ask: wire.AskDiff, Name: path, Host: host}, func(ctx context.Context, r *history.Reader) error {
			pairs, err := r.Pairs(ctx, string(path), string(host), time.Time{}, time.Time{})
			if err == nil {
				_, _, err = r.Texts(ctx, pairs[0])
			}
			return err
		}},
		"blame": {wire.Question{Ask: wire.AskBlame, Name: path, Host: host}, func(ctx context.Context, r *history.Reader) error {
			_, _, err := r.Blamed(ctx, string(path), string(host), time.Time{})
			return err
		}},
		"cat": {wire.Question{Ask: wire.AskCat, Name: path, Host: host}, func(ctx context.Context, r *history.Reader) error {
			v, err := r.Version(ctx, string(path), string(host), time.Time{})
			if err == nil {
				_, err = r.Text(ctx, v.Index, v.K)
			}
			return err
		}},
		"status": {wire.Question{Ask: wire.AskStatus}, func(ctx context.Context, r *history.Reader) error {
			_, _, err := r.Summary(ctx)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked, turns atomic.Int64
			remote := d.remote(t, d.client(t, client.Config{Secret: secret, Dial: slowDial(&turns)}))
			read := remote.Read
			remote.Read = func(ctx context.Context, q wire.Question) (*wire.Evidence, error) {
				asked.Add(1)
				return read(ctx, q)
			}
			remote.File = func(context.Context, string, int64) ([]byte, error) {
				return nil, fmt.Errorf("a file of the log is asked for")
			}
			start := time.Now()
			r, err := history.OpenRemote(t.Context(), remote, c.q, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if err := c.do(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d question, %d turns of the link, in %s", asked.Load(), turns.Load(), time.Since(start).Round(time.Millisecond))
			if n := asked.Load(); n != 1 {
				t.Errorf("%d questions", n)
			}
		})
	}
}
