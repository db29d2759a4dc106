package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/transparency-dev/tessera"
	"golang.org/x/sync/errgroup"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
)

// rounds is in how many parts a measurement is cut, so that what is measured
// beside each other takes turns.
const rounds = 4

// overWire measures the server across a network of one machine: client and
// server are two processes that speak over mutual TLS.
func overWire(t *testing.T, tab *table, n sizes) {
	f := openFleet(t, n)
	t.Run("requests", func(t *testing.T) { f.requests(t, tab, n) })
	t.Run("streams", func(t *testing.T) { f.streams(t, tab, n) })
	t.Run("watcher", func(t *testing.T) { f.watched(t, tab, n) })
	u := ask[Usage](t, f.server, "Live", None{})
	tab.add(row{what: "wire, memory of the server after all that", measured: mebibytes(u.Resident), detail: "at most " + mebibytes(u.Peak).String() + " between collections", limit: "texts and names kept for deltas; Go's heap"})
}

func mebibytes(n int64) quantity { return quantity{float64(n) / (1 << 20), "MiB"} }

// fleet is a server in a process of its own and the hosts that are enrolled
// with it, which this process plays.
type fleet struct {
	server *far
	where  Where
	dir    string
	hosts  []*host  // the last two send no requests: one has stored all texts, one is for the watcher
	text   wording  // what the hosts write; stored beforehand
	sql    quantity // rows that PostgreSQL inserts in a second of its processor time; nothing where it is absent
}

func openFleet(t *testing.T, n sizes) *fleet {
	f := &fleet{dir: t.TempDir(), text: newShared(n.known).text}
	f.server = startFar(t, "stele", f.dir)
	f.where = ask[Where](t, f.server, "Where", None{})
	f.enrol(t, slices.Max(n.sources)+2)
	first := len(f.hosts) - 2
	known := f.client(t, f.where, first)
	sets := filesPerHost * n.known / changesInSet
	for _, batches := range signAll(t, among(f.hosts[first:first+1], 1, sets, changesInSet, f.text), sets) {
		for _, subs := range batches {
			if err := taken(known.Submit(t.Context(), subs)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

// enrol admits the first n hosts.
func (f *fleet) enrol(t *testing.T, n int) {
	for i, head := range ask[[]record.Head](t, f.server, "Enrol", n) {
		key, err := entry.NewSecretKey(hostSeed(i))
		if err != nil {
			t.Fatal(err)
		}
		f.hosts = append(f.hosts, &host{name: hostName(i), chain: record.NewChain(key, head)})
	}
}

// client is the i-th host's way to a server.
func (f *fleet) client(t *testing.T, where Where, i int) *client.Client {
	cert, err := mtls.Source(hostSeed(i))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: where.URL, Pin: where.Pin, Certificate: &cert})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// taken says whether all of a batch was accepted, for the first time.
func taken(answers []wire.Answer, err error) error {
	for _, a := range answers {
		if a.Refused != nil {
			return a.Refused
		}
		if a.Duplicate {
			return fmt.Errorf("entry %d was in the log already", a.Index)
		}
	}
	return err
}

// signed is the entries of some of the hosts, host by host.
func (f *fleet) signed(t *testing.T, hosts, entries, changes int) [][]wire.Submission {
	work := make([][]wire.Submission, hosts)
	for i, batches := range signAll(t, among(f.hosts[:hosts], hosts, entries, changes, f.text), entries) {
		work[i] = slices.Concat(batches...)
	}
	return work
}

// side is one of those that are measured beside each other.
type side struct {
	name   string
	send   func(host int, subs []wire.Submission) error
	settle func() error         // waits until all that was sent is where it has to be
	cpu    func() time.Duration // what its server has taken so far; nil: it has none of its own

	took    cost
	client  time.Duration // of processors, in this process
	latency []time.Duration
}

// beside gives the same entries to each side in turns, a share at a time. Every
// host sends batches of that size, each when the one before is answered.
func beside(t *testing.T, work [][]wire.Submission, batch int, sides ...*side) {
	for r := range rounds {
		for _, s := range sides {
			runtime.GC()
			s.round(t, work, batch, r)
		}
	}
	for _, s := range sides {
		slices.Sort(s.latency)
	}
}

func (s *side) round(t *testing.T, work [][]wire.Submission, batch, r int) {
	latency := make([][]time.Duration, len(work))
	before := s.serverCPU()
	read := begin()
	var g errgroup.Group
	for i, subs := range work {
		g.Go(func() error {
			part := subs[len(subs)*r/rounds : len(subs)*(r+1)/rounds]
			for some := range slices.Chunk(part, batch) {
				start := time.Now()
				if err := s.send(i, some); err != nil {
					return fmt.Errorf("%s: host %d: %w", s.name, i, err)
				}
				latency[i] = append(latency[i], time.Since(start))
			}
			return nil
		})
	}
	if err := errors.Join(g.Wait(), s.settle()); err != nil {
		t.Fatal(err)
	}
	took := read()
	s.took.wall += took.wall
	s.took.cpu += s.serverCPU() - before
	s.client += took.cpu
	s.latency = append(s.latency, slices.Concat(latency...)...)
}

func (s *side) serverCPU() time.Duration {
	if s.cpu == nil {
		return 0
	}
	return s.cpu()
}

// rate is units a second of wall time, perCPU of the server's processor time.
func (s *side) rate(units int, unit string) quantity { return per(units, s.took.wall, unit) }

func (s *side) perCPU(units int, unit string) quantity {
	q := per(units, s.took.cpu, unit)
	q.unit = unit + "/CPU s"
	return q
}

// at is the latency that so much of all requests keep below.
func (s *side) at(share float64) time.Duration {
	return s.latency[min(int(float64(len(s.latency))*share), len(s.latency)-1)]
}

// detail tells latencies and who took the processors.
func (s *side) detail(units int) string {
	each := func(d time.Duration) string { return micros(d / time.Duration(units)) }
	d := fmt.Sprintf("p50 %s, p99 %s", millis(s.at(0.5)), millis(s.at(0.99)))
	if s.cpu == nil {
		return d + ", CPU " + each(s.client)
	}
	return d + ", CPU " + each(s.took.cpu) + " server " + each(s.client) + " client"
}

func micros(d time.Duration) string {
	return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// requests measures one entry of one change a request, from so many hosts at
// the same time.
func (f *fleet) requests(t *testing.T, tab *table, n sizes) {
	alone := startFar(t, "signature", "")
	pg := startFar(t, "postgres", openDir(t))
	session := ask[Session](t, pg, "Session", None{})
	if session.Absent != "" {
		t.Logf("the rows of PostgreSQL are left out: %s", session.Absent)
	}
	for i, hosts := range n.sources {
		entries := n.requests[i]
		work := f.signed(t, hosts, entries, 1)
		ours, signature, raw := f.posting(t, hosts), signatureSide(t, f, alone, hosts), tesseraSide(t)
		sides := []*side{ours, signature, raw}
		var sql *side
		if session.Absent == "" {
			sql = postgresSide(t, pg, session, hosts)
			sides = append(sides, sql)
		}
		beside(t, work, 1, sides...)
		f.requestRows(tab, hosts, entries, ours, signature, raw, sql, session.Absent)
	}
}

func (f *fleet) requestRows(tab *table, hosts, entries int, ours, signature, raw, sql *side, absent string) {
	what := fmt.Sprintf("wire, 1 change a request, %d sources", hosts)
	limit := "TLS and HTTP/2 on both sides; new files of each batch"
	if hosts < 256 { // of whom half are in one batch
		limit = "fsyncs and new files of each batch, with few entries in it"
	}
	tab.add(row{
		what: what, measured: ours.rate(entries, "entries"), cpu: ours.took.cpu / time.Duration(entries), peer: "TLS and ed25519.Verify alone",
		beside: signature.rate(entries, "entries"), aim: aim{ratio: 0.5}, limit: limit, detail: ours.detail(entries) + "; peer " + signature.detail(entries),
	})
	tab.add(row{
		what: what, measured: ours.rate(entries, "entries"), peer: "raw Tessera, no network", beside: raw.rate(entries, "entries"),
		limit: limit, detail: "peer " + raw.detail(entries),
	})
	last := row{what: what, measured: ours.perCPU(entries, "entries"), peer: "PostgreSQL insert over TLS", aim: aim{ratio: 1}, limit: "the same"}
	if sql == nil {
		last.detail, last.aim = "absent: "+absent, aim{}
	} else {
		f.sql = sql.perCPU(entries, "entries")
		last.beside, last.detail = f.sql, "peer "+sql.rate(entries, "entries").String()+", "+sql.detail(entries)
	}
	tab.add(last)
	if hosts == 1 {
		tab.add(row{
			what: "wire, lone client, p50", measured: quantity{float64(ours.at(0.5)) / 1e6, "ms"}, peer: "raw Tessera, p50",
			beside: quantity{float64(raw.at(0.5)) / 1e6, "ms"}, aim: aim{times: 2}, limit: "fsyncs of vault, then of log",
		})
	}
}

// posting is our service, asked with one request after the other.
func (f *fleet) posting(t *testing.T, hosts int) *side {
	return f.ours(t, hosts, (*client.Client).Post)
}

func (f *fleet) ours(t *testing.T, hosts int, how func(*client.Client, context.Context, []wire.Submission) ([]wire.Answer, error)) *side {
	clients := f.clients(t, f.where, hosts)
	return &side{
		name:   "stele",
		send:   func(i int, subs []wire.Submission) error { return taken(how(clients[i], t.Context(), subs)) },
		settle: func() error { _, err := askFor[uint64](f.server, "Settled", None{}); return err },
		cpu:    f.server.cpu,
	}
}

// clients connects hosts to a server before any clock starts.
func (f *fleet) clients(t *testing.T, where Where, hosts int) []*client.Client {
	clients := make([]*client.Client, hosts)
	for i := range clients {
		clients[i] = f.client(t, where, i)
		clients[i].Head(t.Context(), entry.Source{}) // whatever the answer, there is a connection now
	}
	return clients
}

func signatureSide(t *testing.T, f *fleet, alone *far, hosts int) *side {
	clients := f.clients(t, ask[Where](t, alone, "Where", None{}), hosts)
	return &side{
		name: "signature alone",
		send: func(i int, subs []wire.Submission) error {
			return taken(clients[i].Post(t.Context(), subs))
		},
		settle: func() error { return nil },
		cpu:    alone.cpu,
	}
}

// cpu is what the process has taken so far.
func (f *far) cpu() time.Duration {
	u, _ := askFor[Usage](f, "Usage", None{}) // a part that has died is found by the next that is sent to it
	return u.CPU
}

// tesseraSide is the log alone: no network, no checks, no vault, no index.
func tesseraSide(t *testing.T) *side {
	ctx, cancel := context.WithCancel(context.Background())
	a, stop := newTessera(ctx, t)
	t.Cleanup(func() {
		if err := stop(ctx); err != nil {
			t.Errorf("stop Tessera: %v", err)
		}
		cancel()
	})
	return &side{
		name: "raw Tessera",
		send: func(_ int, subs []wire.Submission) error {
			futures := make([]tessera.IndexFuture, len(subs))
			for i := range subs {
				futures[i] = a.Add(ctx, tessera.NewEntry(subs[i].Note))
			}
			for _, f := range futures {
				if _, err := f(); err != nil {
					return err
				}
			}
			return nil
		},
		settle: func() error { return nil },
	}
}

func postgresSide(t *testing.T, pg *far, session Session, hosts int) *side {
	conns := make([]*pgx.Conn, hosts)
	for i := range conns {
		c, err := session.open(t.Context())
		if err != nil {
			t.Fatalf("connect to PostgreSQL: %v", err)
		}
		t.Cleanup(func() { c.Close(context.Background()) })
		conns[i] = c
	}
	return &side{
		name: "PostgreSQL",
		send: func(i int, subs []wire.Submission) error {
			for k := range subs {
				if err := insert(t.Context(), conns[i], &subs[k]); err != nil {
					return err
				}
			}
			return nil
		},
		settle: func() error { return nil },
		cpu:    pg.cpu,
	}
}

// openDir is a directory that PostgreSQL, which does not run as root, can enter.
func openDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "stele-bench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// streams measures many entries under way from each of many hosts.
func (f *fleet) streams(t *testing.T, tab *table, n sizes) {
	hosts := min(n.streams, len(f.hosts)-2)
	work := f.signed(t, hosts, n.streamed, 1)
	ours, raw := f.ours(t, hosts, (*client.Client).Submit), tesseraSide(t)
	beside(t, work, streamBatch, ours, raw)
	tab.add(row{
		what: fmt.Sprintf("wire, streamed, %d sources, 1 change", hosts), measured: ours.rate(n.streamed, "entries"), cpu: ours.took.cpu / time.Duration(n.streamed),
		peer: "raw Tessera, no network", beside: raw.rate(n.streamed, "entries"), aim: aim{ratio: 0.3},
		limit: "Ed25519, SQLite; client on the same cores", detail: ours.detail(n.streamed) + " (a batch of " + fmt.Sprint(streamBatch) + ")",
	})
	last := row{what: fmt.Sprintf("wire, streamed, %d sources, 1 change", hosts), measured: ours.perCPU(n.streamed, "entries"), limit: "Ed25519 and the checks of the record"}
	if f.sql != (quantity{}) {
		last.peer, last.beside, last.aim = "PostgreSQL insert over TLS", f.sql, aim{ratio: 1}
		last.detail = fmt.Sprintf("one row an insert, %d sessions", slices.Max(n.sources))
	}
	tab.add(last)
	work = f.signed(t, hosts, n.sets/2, changesInSet)
	ours = f.ours(t, hosts, (*client.Client).Submit)
	beside(t, work, 1, ours)
	changes := n.sets / 2 * changesInSet
	tab.add(row{
		what: fmt.Sprintf("wire, streamed, %d sources, 100 changes", hosts), measured: ours.rate(changes, "changes"), cpu: ours.took.cpu / time.Duration(changes),
		aim: aim{least: 100_000}, limit: "TLS of the texts, SHA-256 of them twice; client on the same cores", detail: ours.detail(changes),
	})
}

// streamBatch is how many entries of a host are under way at once.
const streamBatch = 64
