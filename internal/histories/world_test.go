package histories

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

const hosts = 20

// template is a store in which every host is enrolled and nothing else is: where
// each history begins.
type template struct {
	place
	pin       string
	logKey    *entry.LogKey
	forger    *forger
	catalogue *catalogue.Catalogue
	redactor  *redact.Redactor
	keys      []entry.SecretKey // of the hosts, and one more that no host has
}

func newTemplate(t *testing.T) *template {
	t.Helper()
	tm := &template{place: place{t.TempDir()}}
	if err := tm.make(t); err != nil {
		t.Fatal(err)
	}
	return tm
}

func (tm *template) make(t *testing.T) (err error) {
	if err := makeCertificate(tm.place); err != nil {
		return err
	}
	cert, err := certificate(tm.place)
	if err != nil {
		return err
	}
	if tm.pin, err = mtls.PinOf(cert); err != nil {
		return err
	}
	if tm.catalogue, err = catalogue.Builtin(); err != nil {
		return err
	}
	fk, err := redact.NewKey(make([]byte, 32))
	if err != nil {
		return err
	}
	tm.redactor = redact.New(redact.Config{Key: fk})
	srv, err := openStore(t.Context(), tm.place)
	if err != nil {
		return err
	}
	tm.logKey = srv.LogKey()
	for n := range hosts + 1 {
		k := steletest.Key(t, entry.Watcher, n)
		tm.keys = append(tm.keys, k)
		if _, err := srv.Enrol(t.Context(), k.Public(), entry.Watcher, &body.Host{Name: hostName(n)}); err != nil {
			return errors.Join(err, srv.Stop(context.Background()))
		}
	}
	if err := srv.Stop(context.Background()); err != nil {
		return err
	}
	tm.forger, err = newForger(tm.place)
	return err
}

func hostName(n int) string { return fmt.Sprintf("host-%d", n) }

// cheat is a fault put in on purpose, which the test must then find.
type cheat struct {
	plan    []string                       // the steps to take, in the place of the seed's
	lose    func(capture.Observation) bool // what a watcher never hears of
	echo    bool                           // a watcher hears everything twice
	deaf    bool                           // nobody hears the watchers' alerts
	wolf    bool                           // a watcher accuses an honest server
	drop    bool                           // the server drops what it had accepted
	reverse bool                           // what a watcher sends arrives back to front
}

// What a history waits for comes within seconds on an idle machine. What it knows
// will not come it waits for only briefly.
const (
	comeWithin = 5 * time.Minute
	neverComes = 3 * time.Second
)

// world is one history.
type world struct {
	*template
	place place
	cheat cheat
	seed  uint64
	rng   *rand.Rand
	hosts []*host
	proc  *process // nil: the server is down
	addr  atomic.Pointer[string]
	began time.Time
	told  []string // the steps so far
	limit time.Duration

	mu       sync.Mutex
	reign    int                 // how often the server was exchanged: odd for a false one
	accepted map[entry.ID]uint64 // and where
	wrong    []error             // noticed on the way
}

func newWorld(tm *template, dir string, seed uint64, c cheat) (*world, error) {
	w := &world{
		template: tm, place: place{dir}, cheat: c, seed: seed, rng: rand.New(rand.NewPCG(seed, 0x5e1e)),
		began: time.Now(), limit: comeWithin, accepted: make(map[entry.ID]uint64),
	}
	if err := copied(dir, tm.dir); err != nil {
		return nil, err
	}
	if c.lose != nil { // what never comes is not waited for so long
		w.limit = neverComes
	}
	none := ""
	w.addr.Store(&none)
	bad := []float64{0, 0, 0.05, 0.2}[w.rng.IntN(4)]
	for n := range hosts {
		h, err := w.newHost(n, bad)
		if err != nil {
			return nil, err
		}
		w.hosts = append(w.hosts, h)
	}
	return w, nil
}

func (w *world) newHost(n int, bad float64) (*host, error) {
	cert, err := mtls.Source(steletest.Seed(entry.Watcher, n))
	if err != nil {
		return nil, err
	}
	h := &host{
		world: w, n: n, name: hostName(n), dir: filepath.Join(w.place.dir, "hosts", hostName(n), "watch"),
		key: w.keys[n], cert: cert, counts: make(map[string]int), truth: make(map[string][]version), may: make(map[verify.Code]bool),
	}
	if n < 4 {
		h.limit = 400 << 10
	}
	h.began = machine.Now()
	h.patience = patience.New(h.steady)
	h.wires = &wires{addr: func() string { return *w.addr.Load() }, open: make(map[net.Conn]bool)}
	h.road = &road{
		reign: w.reigns, took: w.took, bad: bad, seed: [2]uint64{w.seed, uint64(n)}, dice: make(map[string]*rand.Rand), reverse: w.cheat.reverse, clock: h.patience,
	}
	for i := range 3 {
		h.paths = append(h.paths, fmt.Sprintf("/etc/agent%d/%d.conf", n, i))
	}
	return h, os.MkdirAll(filepath.Dir(h.dir), 0o700)
}

// beat has the clocks of the hosts beat until the context ends.
func (w *world) beat(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, h := range w.hosts {
			h.patience.Beat()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// reigns says under which server a request begins.
func (w *world) reigns() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reign
}

// took notes what the genuine server accepted, of a request that began and ended
// under it.
func (w *world) took(began int, subs []wire.Submission, answers []wire.Answer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if began != w.reign || w.reign%2 == 1 {
		return nil
	}
	for i, a := range answers {
		e, err := entry.Parse(subs[i].Note)
		if err != nil || a.Refused != nil {
			w.wrong = append(w.wrong, fmt.Errorf("the server refuses what a watcher signed: %w", errors.Join(err, a.Refused)))
			continue
		}
		if at, ok := w.accepted[e.ID()]; ok && (at != a.Index || !a.Duplicate) {
			w.wrong = append(w.wrong, fmt.Errorf("entry %s was accepted at %d and again at %d", e.ID(), at, a.Index))
		}
		w.accepted[e.ID()] = a.Index
	}
	return nil
}

// exchanged says that another server takes over.
func (w *world) exchanged() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reign++
}

func (w *world) say(format string, args ...any) {
	w.told = append(w.told, fmt.Sprintf("%6d ms ", time.Since(w.began).Milliseconds())+fmt.Sprintf(format, args...))
}

func (w *world) startServer() (err error) {
	if w.proc, err = startServer(w.place); err == nil {
		w.addr.Store(&w.proc.addr)
	}
	return err
}

func (w *world) killServer() {
	none := ""
	w.addr.Store(&none)
	w.proc.kill()
	w.proc = nil
}

func (w *world) stopServer() error {
	none := ""
	w.addr.Store(&none)
	for _, h := range w.hosts { // a server that ends waits for streams
		h.wires.reset()
	}
	p := w.proc
	w.proc = nil
	return p.stop()
}

// eventually waits until something is so.
func (w *world) eventually(what string, so func() bool) error {
	late := time.After(w.limit)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			return fmt.Errorf("it never came to this: %s", what)
		}
	}
	return nil
}

// end lets everything come to rest and stops everybody.
func (w *world) end() error {
	if w.proc == nil {
		if err := w.startServer(); err != nil {
			return err
		}
	}
	for _, h := range w.hosts {
		h.wires.set(false)
		h.road.tell(nil)
		if h.run == nil {
			if err := h.start(); err != nil {
				return err
			}
		}
	}
	if w.cheat.wolf {
		w.hosts[0].told(wolf())
	}
	for _, h := range w.hosts {
		if err := w.eventually(h.name+" is at rest", h.settled); err != nil {
			return err
		}
	}
	w.say("at rest")
	defer w.say("stopped")
	return w.close()
}

// close stops everybody in good order.
func (w *world) close() error {
	errs := make([]error, len(w.hosts))
	var wg sync.WaitGroup
	for i, h := range w.hosts {
		if h.run != nil {
			wg.Go(func() { errs[i] = h.stop() })
		}
	}
	wg.Wait()
	w.say("watchers stopped")
	if w.proc != nil {
		errs = append(errs, w.stopServer())
	}
	if w.cheat.drop {
		errs = append(errs, w.exchange(func(place, uint64) error { return nil }))
	}
	return errors.Join(errs...)
}

// abandon ends whoever still runs, after a failure.
func (w *world) abandon() {
	for _, h := range w.hosts {
		if h.run != nil {
			h.crash()
		}
	}
	if w.proc != nil {
		w.killServer()
	}
}

// report is what one needs to know of a history that ended badly.
func (w *world) report(err error) error {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %v\nagain: go test ./internal/histories -run TestHistories -seed %d\n", w.seed, err, w.seed)
	for i, s := range w.told {
		fmt.Fprintf(&b, "  %2d %s\n", i, s)
	}
	if w.proc != nil {
		fmt.Fprintf(&b, "server:\n%s", w.proc.errs)
	}
	for _, h := range w.hosts {
		if strings.Contains(err.Error(), h.name+" ") || strings.Contains(err.Error(), h.name+":") {
			fmt.Fprintf(&b, "%s:\n%s", h.name, &h.diag)
		}
	}
	return errors.New(b.String())
}
