package bench

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/importer"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
)

// publicData is a set of real configuration files with their histories.
const publicData = "../../../shared/data/public/changes.ndjson.zst"

// The shape of the fleet: roles of very unlike sizes, a golden configuration for
// each, changed in waves that run-time spreads over minutes.
const (
	rolesOfFleet  = 60
	agentsOfRole  = 5
	moved         = 2 // agents of a role that get a new version
	rolloutLength = 10 * time.Minute
	rendered      = 0.15 // of the agents of roles: the text names its host
	takenBack     = 0.02 // of rollouts
	byHand        = 0.01 // of hosts: somebody edits a file
	largestText   = 64 << 10
)

// rolledOut plays a fleet of that many sources: all show what they have, then
// ten minutes of rollouts happen in a shorter time. It checks that every entry is
// accepted, that each text is stored once and that memory stays.
func rolledOut(t *testing.T, tab *table, n sizes) {
	f := &fleet{dir: t.TempDir()}
	f.server = startFar(t, "stele", f.dir)
	f.where = ask[Where](t, f.server, "Where", None{})
	read := begin()
	f.enrol(t, n.fleetHosts)
	tab.add(row{what: fmt.Sprintf("fleet, %s sources enrol", thousands(int64(n.fleetHosts))), measured: per(n.fleetHosts, read().wall, "sources"), limit: "one after the other, each durable in the log"})
	p := newPlay(t, n.fleetHosts)
	first := p.run(t, f, p.firstSight(), 0)
	before := ask[Usage](t, f.server, "Live", None{})
	events := p.rollouts()
	all := p.run(t, f, events, n.fleetPace)
	after := ask[Usage](t, f.server, "Live", None{})
	f.server.end(t)

	tab.add(row{
		what: "fleet, first sight", measured: per(n.fleetHosts*agentsOfRole, first.wall, "changes"), cpu: first.server / time.Duration(n.fleetHosts*agentsOfRole),
		limit: "a TLS handshake for each source", detail: fmt.Sprintf("%s entries of %d changes; p99 %s; %d sent again", thousands(int64(n.fleetHosts)), agentsOfRole, millis(first.at(0.99)), first.again.Load()),
	})
	tab.add(row{
		what: fmt.Sprintf("fleet, ten minutes of rollout in %s, late p99", n.fleetPace), measured: quantity{float64(all.at(0.99)) / 1e6, "ms"}, cpu: all.server / time.Duration(len(events)),
		aim: aim{most: 1000}, limit: "the first seconds of a wave; client on the same cores",
		detail: fmt.Sprintf("%s changes, at most %d in a second; p50 %s; %d sent again", thousands(int64(len(events))), all.peak, millis(all.at(0.5)), all.again.Load()),
	})
	tab.add(row{
		what: "fleet, memory of the server during the rollout", measured: mebibytes(after.Resident - before.Resident), limit: "indexes of texts and subjects in memory",
		detail: fmt.Sprintf("in use from %s to %s with %s open streams; at most %s between collections", mebibytes(before.Resident), mebibytes(after.Resident), thousands(int64(n.fleetHosts)), mebibytes(after.Peak)),
	})
	if bound := before.Resident/4 + 64<<20; after.Resident-before.Resident > bound {
		t.Errorf("the server has grown from %d to %d bytes during the rollout, by more than %d", before.Resident, after.Resident, bound)
	}
	p.stored(t, tab, f, n.fleetHosts*agentsOfRole+len(events))
}

// play is the hosts of a fleet and what happens on them.
type play struct {
	rng     *rand.Rand
	roles   []*role
	members []*member
	texts   map[[sha256.Size]byte]bool // that anybody has sent
	sent    int64                      // bytes of texts
}

// role is hosts that are configured alike.
type role struct {
	members []*member
	agents  [agentsOfRole]agent
}

// agent is one file of a role and the versions it goes through.
type agent struct {
	kind, path string
	versions   [][]byte
	at         int // the version that hosts have
	rendered   bool
}

// member is one host.
type member struct {
	*host
	n      int
	role   *role
	client *client.Client
	before [agentsOfRole]*body.Ref
}

// newPlay divides hosts among roles, the first of which has most.
func newPlay(t *testing.T, hosts int) *play {
	p := &play{rng: rand.New(rand.NewPCG(1, 2)), texts: map[[sha256.Size]byte]bool{}}
	histories := realHistories(t)
	var weights float64
	for i := range rolesOfFleet {
		weights += 1 / float64(i+1)
	}
	for i := range rolesOfFleet {
		r := &role{}
		for k := range r.agents {
			a := histories[p.rng.IntN(len(histories))]
			a.rendered = p.rng.Float64() < rendered
			a.path = fmt.Sprintf("/etc/%s/%d-%s", a.kind, k, filepath.Base(a.path))
			r.agents[k] = a
		}
		p.roles = append(p.roles, r)
		for range max(1, int(float64(hosts)/weights/float64(i+1))) {
			if len(p.members) < hosts {
				p.join(r)
			}
		}
	}
	for len(p.members) < hosts {
		p.join(p.roles[0])
	}
	return p
}

func (p *play) join(r *role) {
	m := &member{n: len(p.members), role: r}
	r.members, p.members = append(r.members, m), append(p.members, m)
}

// realHistories are files of the public data set with four versions or more;
// without it, made-up ones.
func realHistories(t *testing.T) []agent {
	rows, _, err := importer.ReadRows(publicData)
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("made-up texts take the place of the public data set, which is not here")
		return madeUpHistories()
	}
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := importer.OpenBlobs(publicData)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*agent{}
	for _, r := range rows {
		if r.AfterDigest == nil {
			continue
		}
		b, err := blobs.Get(*r.AfterDigest)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 || len(b) > largestText {
			continue
		}
		id := r.Repository + "\x00" + r.Path
		if files[id] == nil {
			files[id] = &agent{kind: r.Agent, path: r.Path}
		}
		files[id].versions = append(files[id].versions, b)
	}
	var out []agent
	for _, a := range files {
		if len(a.versions) >= 4 {
			out = append(out, *a)
		}
	}
	slices.SortFunc(out, func(a, b agent) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.path, b.path), slices.Compare(a.versions[0], b.versions[0]))
	})
	return out
}

func madeUpHistories() (out []agent) {
	for file := range filesPerHost {
		a := agent{kind: agentOf(file), path: pathOf(file)}
		for v := range 4 {
			a.versions = append(a.versions, text("fleet", file, v))
		}
		out = append(out, a)
	}
	return out
}

// event is one entry of one member, when it is due.
type event struct {
	due    time.Duration // from the start, in the time of the fleet
	member *member
	who    body.Who
	why    body.Why
	files  []int
	texts  [][]byte
}

// text is what a member has in a file at a version.
func (p *play) text(m *member, k, version int) []byte {
	a := &m.role.agents[k]
	b := a.versions[version%len(a.versions)]
	if a.rendered {
		b = fmt.Appendf(slices.Clip(b), "\n# rendered-for: %s\n", hostName(m.n))
	}
	return b
}

func (p *play) firstSight() []event {
	events := make([]event, len(p.members))
	for i, m := range p.members {
		e := event{member: m, who: body.Who{User: "root"}}
		for k := range m.role.agents {
			e.files, e.texts = append(e.files, k), append(e.texts, p.text(m, k, 0))
		}
		events[i] = e
	}
	return events
}

// rollouts are all that happens in ten minutes, in order.
func (p *play) rollouts() (events []event) {
	for _, r := range p.roles {
		for _, k := range p.rng.Perm(agentsOfRole)[:moved] {
			r.agents[k].at++
			events = p.wave(events, r, k, r.agents[k].at, 0)
			if p.rng.Float64() < takenBack {
				r.agents[k].at--
				events = p.wave(events, r, k, r.agents[k].at, rolloutLength/2)
			}
		}
	}
	for _, m := range p.members {
		if p.rng.Float64() < byHand {
			k := p.rng.IntN(agentsOfRole)
			edited := append(slices.Clone(p.text(m, k, m.role.agents[k].at)), fmt.Sprintf("# tried by hand %d\n", m.n)...)
			due := time.Duration(p.rng.Int64N(int64(rolloutLength)))
			events = append(events, event{due: due, member: m, who: who(m.n), files: []int{k}, texts: [][]byte{edited}})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.due, b.due) })
	return events
}

// wave moves the hosts of a role to a version: a hundredth at once, a tenth after
// a minute and a half, then all; each when its own run comes to it.
func (p *play) wave(events []event, r *role, k, version int, from time.Duration) []event {
	root := uint32(0)
	who := body.Who{User: "root", UID: &root, Exe: "/usr/bin/python3.11", Command: []string{"python3", "/var/tmp/.ansible/AnsiballZ_copy.py"}, Author: "deploy"}
	why := body.Why{Reason: fmt.Sprintf("roll out %s, version %d", r.agents[k].kind, version), Learnt: "run"}
	for i, at := range p.rng.Perm(len(r.members)) {
		m := r.members[at]
		due := from + waveOf(float64(i)/float64(len(r.members))) + time.Duration(60*math.Exp(0.8*p.rng.NormFloat64())*float64(time.Second))
		events = append(events, event{due: min(due, rolloutLength), member: m, who: who, why: why, files: []int{k}, texts: [][]byte{p.text(m, k, version)}})
	}
	return events
}

func waveOf(share float64) time.Duration {
	switch {
	case share < 0.01:
		return 0
	case share < 0.1:
		return 90 * time.Second
	}
	return 3 * time.Minute
}

// sign makes the entry of an event.
func (p *play) sign(m *member, e *event) (*wire.Submission, error) {
	now := time.Now()
	d := record.Draft{Kind: entry.Change, Time: now, Who: e.who, Why: e.why, How: body.How{Layer: "fanotify", Confidence: body.Certain, Version: "1.0.0"}}
	for i, k := range e.files {
		a, size := &m.role.agents[k], int64(len(e.texts[i]))
		w := body.What{Agent: a.kind, Path: a.path, Action: body.Modify, Time: body.FormatTime(now), Mode: "0644", Size: &size, Before: m.before[k]}
		if m.before[k] == nil {
			w.Action = body.Baseline
		}
		d.Changes = append(d.Changes, record.Change{What: w, Text: e.texts[i]})
		p.texts[sha256.Sum256(e.texts[i])] = true
		p.sent += size
	}
	sub, signed, err := m.chain.Sign(d)
	if err != nil {
		return nil, err
	}
	for i, k := range e.files {
		m.before[k] = &body.Ref{Entry: signed.ID().String(), What: i}
	}
	return sub, nil
}

// played is how it went.
type played struct {
	side
	wall, server time.Duration
	peak         int          // entries due in one second
	again        atomic.Int64 // entries that had to be sent again
}

// handIn is an entry on its way.
type handIn struct {
	due time.Duration
	m   *member
	sub *wire.Submission
}

// deliver hands in an entry as a watcher does: what was not answered is sent
// again, and may turn out to be in the log already.
func (p *played) deliver(ctx context.Context, h *handIn) error {
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		answers, err := h.m.client.Submit(ctx, []wire.Submission{*h.sub})
		if !errors.Is(err, wire.ErrUnreachable) || pause > 10*time.Second {
			if len(answers) > 0 && pause > 100*time.Millisecond {
				answers[0].Duplicate = false
			}
			return taken(answers, err)
		}
		p.again.Add(1)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// run signs what is to happen, then plays it: each entry is handed in when it is
// due, with ten minutes in so much time; 0: at once. Late is how long after that
// it was accepted.
func (p *play) run(t *testing.T, f *fleet, events []event, pace time.Duration) *played {
	workers := 1024 // entries under way at once, at the most
	if pace == 0 {
		workers = 64 // handshakes
	}
	out := &played{}
	work := make([][]handIn, workers)
	peak := map[int]int{}
	for i := range events {
		e := &events[i]
		if e.member.host == nil {
			e.member.host, e.member.client = f.hosts[e.member.n], f.client(t, f.where, e.member.n)
		}
		sub, err := p.sign(e.member, e)
		if err != nil {
			t.Fatal(err)
		}
		due := time.Duration(float64(e.due) / float64(rolloutLength) * float64(pace))
		peak[int(due/time.Second)]++
		work[e.member.n%workers] = append(work[e.member.n%workers], handIn{due, e.member, sub})
	}
	before := f.server.cpu()
	late := make([][]time.Duration, workers)
	start := time.Now()
	var g errgroup.Group
	for i, list := range work {
		g.Go(func() error {
			for _, h := range list {
				<-time.After(time.Until(start.Add(h.due)))
				if err := out.deliver(t.Context(), &h); err != nil {
					return fmt.Errorf("host %d: %w", h.m.n, err)
				}
				late[i] = append(late[i], time.Since(start)-h.due)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	ask[uint64](t, f.server, "Settled", None{})
	out.wall, out.server = time.Since(start), f.server.cpu()-before
	out.latency = slices.Sorted(slices.Values(slices.Concat(late...)))
	for _, n := range peak {
		out.peak = max(out.peak, n)
	}
	return out
}

// stored counts what the store holds after all that.
func (p *play) stored(t *testing.T, tab *table, f *fleet, changes int) {
	l := layout.Store{Dir: filepath.Join(f.dir, "store")}
	r, err := vault.OpenReader(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stats, err := r.Check(func(d vault.Damage) { t.Errorf("vault: %s at %d: %s", d.Path, d.Offset, d.Why) })
	if err != nil {
		t.Fatal(err)
	}
	if stats.Texts != len(p.texts) {
		t.Errorf("%d different texts were sent, and %d are stored", len(p.texts), stats.Texts)
	}
	var total float64
	parts := ""
	for _, part := range []struct{ name, dir string }{{"log", l.Log()}, {"vault", l.Vault()}, {"keyring", l.Keyring()}, {"index", filepath.Dir(l.Index())}} {
		each := float64(sizeOf(t, part.dir)) / float64(changes)
		total += each
		parts += fmt.Sprintf("%s %.0f, ", part.name, each)
	}
	tab.add(row{
		what: "fleet, bytes stored of a change", measured: quantity{total, "B"}, peer: "the texts as sent", beside: quantity{float64(p.sent) / float64(changes), "B"}, aim: aim{most: 1024},
		limit: "one entry for each host and rollout", detail: parts + fmt.Sprintf("%s texts of %s sent, each stored once; enrolments included", thousands(int64(stats.Texts)), thousands(int64(changes))),
	})
}

func sizeOf(t *testing.T, dir string) (n int64) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
