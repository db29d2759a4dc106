package histories

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// wires are the connections of one host. They are cut when the host is cut off,
// when it crashes, and when the server does.
type wires struct {
	addr func() string // of the server; empty: it is down

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

var errCut = errors.New("the network is cut")

func (w *wires) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	addr := w.addr()
	w.mu.Lock()
	cut := w.cut || addr == ""
	w.mu.Unlock()
	if cut {
		return nil, errCut
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, errors.Join(errCut, c.Close())
	}
	w.open[c] = true
	return conn{c, w}, nil
}

type conn struct {
	net.Conn
	w *wires
}

func (c conn) Close() error {
	c.w.mu.Lock()
	delete(c.w.open, c.Conn)
	c.w.mu.Unlock()
	return c.Conn.Close()
}

// set cuts the host off, or lets it through again.
func (w *wires) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		w.drop()
	}
}

// reset ends the connections there are.
func (w *wires) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop()
}

// drop ends the connections. The caller holds mu.
func (w *wires) drop() {
	for c := range w.open {
		c.Close()
		delete(w.open, c)
	}
}

// road is what lies between a watcher and the server: it loses, repeats and
// delays whole requests, and it is where a server lies to this one host.
type road struct {
	watcher.Server
	reverse bool                                              // a fault put in on purpose
	reign   func() int                                        // of the server that is asked
	took    func(int, []wire.Submission, []wire.Answer) error // told what the server accepted
	clock   *patience.Clock                                   // of the host

	mu      sync.Mutex
	bad     float64               // how likely a request comes to harm
	dice    map[string]*rand.Rand // for each kind of request, so that they do not disturb each other
	seed    [2]uint64
	delayed [][]wire.Submission
	lie     *lie                            // nil: the truth
	heard   map[verify.Code]patience.Moment // when that was last untrue of the server
	early   []byte                          // the first checkpoint ever shown
}

// mishap is what becomes of a request.
type mishap int

const (
	arrives mishap = iota
	lost
	answerLost
	repeated
	late // lost, and delivered after a later one
)

func (r *road) roll(kind string) mishap {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.dice[kind]
	if d == nil {
		d = rand.New(rand.NewPCG(r.seed[0], r.seed[1]^uint64(len(kind)+int(kind[0])<<8)))
		r.dice[kind] = d
	}
	if d.Float64() >= r.bad {
		return arrives
	}
	return lost + mishap(d.IntN(4))
}

// setBad says how likely a request comes to harm from now on.
func (r *road) setBad(bad float64) (was float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, r.bad = r.bad, bad
	return was
}

func (r *road) telling() *lie {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lie
}

func (r *road) tell(l *lie) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lie = l
}

// drop loses what is under way, as connections do when a host crashes.
func (r *road) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delayed = nil
}

func (r *road) Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	if l := r.telling(); l != nil && l.submit != nil {
		return nil, l.submit()
	}
	switch r.roll("submit") {
	case lost:
		return nil, fmt.Errorf("%w: lost", wire.ErrUnreachable)
	case late:
		r.mu.Lock()
		r.delayed = append(r.delayed, subs)
		r.mu.Unlock()
		return nil, fmt.Errorf("%w: late", wire.ErrUnreachable)
	case answerLost:
		_, err := r.send(ctx, subs)
		return nil, errors.Join(wire.ErrUnreachable, err)
	case repeated:
		if _, err := r.send(ctx, subs); err != nil {
			return nil, err
		}
	}
	answers, err := r.send(ctx, subs)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	again := r.delayed
	r.delayed = nil
	r.mu.Unlock()
	for _, old := range again { // behind what was sent later
		if _, err := r.send(ctx, old); err != nil {
			break
		}
	}
	return answers, nil
}

func (r *road) send(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	began := r.reign()
	if r.reverse && len(subs) > 1 {
		return r.sendReversed(ctx, began, subs)
	}
	answers, err := r.Server.Submit(ctx, subs)
	if err != nil {
		return nil, err
	}
	r.hears(finding.NoAnswer)
	return answers, r.took(began, subs, answers)
}

func (r *road) sendReversed(ctx context.Context, began int, subs []wire.Submission) ([]wire.Answer, error) {
	answers := make([]wire.Answer, len(subs))
	for i := len(subs) - 1; i >= 0; i-- {
		a, err := r.Server.Submit(ctx, subs[i:i+1])
		if err != nil {
			return nil, err
		}
		answers[i] = a[0]
	}
	return answers, r.took(began, subs, answers)
}

// ask lets a question come to harm.
func (r *road) ask(kind string, do func() error) error {
	switch r.roll(kind) {
	case lost, late:
		return fmt.Errorf("%w: lost", wire.ErrUnreachable)
	case answerLost:
		return errors.Join(wire.ErrUnreachable, do())
	case repeated:
		if err := do(); err != nil {
			return err
		}
	}
	return do()
}

func (r *road) Receipt(ctx context.Context, believed uint64, indexes []uint64) (rec *wire.Receipt, err error) {
	err = r.ask("receipt", func() (err error) {
		rec, err = r.Server.Receipt(ctx, believed, indexes)
		return err
	})
	if err == nil {
		r.hears(finding.NoReceipt)
	}
	return r.shown(rec, err)
}

func (r *road) Beat(ctx context.Context, b wire.Beat) (rec *wire.Receipt, err error) {
	err = r.ask("beat", func() (err error) {
		rec, err = r.Server.Beat(ctx, b)
		return err
	})
	return r.shown(rec, err)
}

// shown is a receipt as the lie of the hour has it.
func (r *road) shown(rec *wire.Receipt, err error) (*wire.Receipt, error) {
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.early == nil {
		r.early = rec.Checkpoint
	}
	if r.lie != nil && r.lie.receipt != nil {
		return r.lie.receipt(r, rec)
	}
	return rec, nil
}

// hears notes an answer of the server, with which it does not owe that any more.
func (r *road) hears(owed verify.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heard == nil {
		r.heard = make(map[verify.Code]patience.Moment)
	}
	r.heard[owed] = r.clock.Now()
}

// heardAt is when the server last gave what it is now said to owe.
func (r *road) heardAt(owed verify.Code) patience.Moment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard[owed]
}

// first is the first checkpoint that was ever shown to the host.
func (r *road) first() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.early
}

func (r *road) Head(ctx context.Context, src entry.Source) (h record.Head, note []byte, err error) {
	err = r.ask("head", func() (err error) {
		h, note, err = r.Server.Head(ctx, src)
		return err
	})
	if l := r.telling(); err == nil && l != nil && l.head != nil {
		h, note = l.head(h, note)
	}
	return h, note, err
}

func (r *road) Latest(ctx context.Context, host string, paths []string) (all []wire.Latest, err error) {
	err = r.ask("latest", func() (err error) {
		all, err = r.Server.Latest(ctx, host, paths)
		return err
	})
	return all, err
}

// lie is one way in which a server does not tell the truth.
type lie struct {
	code    verify.Code // by which the watcher must name it
	silent  bool        // it shows only with time
	begin   bool        // it is told to a watcher that begins
	submit  func() error
	head    func(record.Head, []byte) (record.Head, []byte)
	receipt func(*road, *wire.Receipt) (*wire.Receipt, error)
}

func status(code int) error { return &wire.StatusError{Status: code, Why: "so it says"} }
