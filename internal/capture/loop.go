package capture

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

// tick is how often pending paths are looked through, while there are some.
const tick = 10 * time.Millisecond

// loop owns everything that is known about the watched paths. One goroutine.
type loop struct {
	c      *Capture
	set    *watchSet
	sensor sensor
	eye    eye
	every  time.Duration
	raw    chan raw
	mounts chan struct{}
	out    *outbox

	recorded map[string]Known
	pending  map[string]*pending

	scanned time.Time // when the last scan began
	since   time.Time // when the one before began: the gap a suspect tells of
	cause   string    // why the last scan was made
	gapTold bool      // the gap of the last scan was handed over
}

func newLoop(c *Capture, s sensor, every time.Duration) *loop {
	l := &loop{
		c: c, set: c.set, sensor: s, every: every,
		eye: eye{c.cfg.DigestKey, c.cfg.MaxSize},
		raw: make(chan raw, 4096), mounts: make(chan struct{}), out: newOutbox(),
		recorded: map[string]Known{}, pending: map[string]*pending{},
	}
	for path, k := range c.cfg.Known {
		if l.set.subject(path) {
			l.recorded[path] = k
		}
	}
	return l
}

func (l *loop) run(ctx context.Context) {
	l.start()
	scan := time.NewTicker(l.every)
	defer scan.Stop()
	settle := time.NewTicker(tick)
	defer settle.Stop()
	for {
		var due <-chan time.Time
		if len(l.pending) > 0 {
			due = settle.C
		}
		select {
		case <-ctx.Done():
			l.stop()
			return
		case r := <-l.raw:
			l.take(r)
		case <-scan.C:
			l.reconcile(causeUnreported)
		case <-l.mounts:
			l.reconcile(causeMounts)
		case <-due:
			l.settle(time.Now())
		}
		l.counted()
	}
}

// stop settles what is pending as it stands. A process killed here instead
// finds it again by the scan of its next start.
func (l *loop) stop() {
	for len(l.raw) > 0 {
		l.take(<-l.raw)
	}
	for _, p := range l.byAge(all) { // names that came, before names that went
		if t := p.top(); t != nil && t.from != "" {
			l.finish(p)
		}
	}
	for _, p := range l.byAge(all) {
		l.finish(p)
	}
}

func (l *loop) take(r raw) {
	if r.gap != nil {
		l.out.put(item{gap: r.gap})
		return
	}
	if r.overflow {
		l.c.count(func(s *Status) { s.Counters.Overflows++ })
		l.reconcile(causeOverflow)
		return
	}
	for _, h := range l.sensor.resolve(r) {
		if h.kind&directory != 0 {
			l.onDirectory(h)
		} else {
			l.onFile(h)
		}
	}
}

func (l *loop) onFile(h happening) {
	if l.set.subject(h.path) {
		l.c.count(func(s *Status) { s.Counters.Matched++ })
		l.note(h)
	} else if l.set.onWay(h.path) { // a link on the way to a root was replaced
		l.again(h)
	}
}

// onDirectory follows directories as they come and go.
func (l *loop) onDirectory(h happening) {
	if !l.set.covers(h.path) && !l.set.onWay(h.path) {
		return
	}
	switch {
	case h.kind&arrived != 0:
		if h.from != "" { // else it came from where nothing is marked
			l.sensor.forget(h.from)
		}
		l.again(h)
	case h.kind&created != 0:
		l.again(h.listed())
	case h.kind&(removed|self) != 0:
		if h.kind&removed != 0 {
			l.sensor.forget(h.path)
		}
		l.below(h.path, h)
		l.again(h.listed())
	}
}

// listed is h for what a listing finds: who made or removed a directory need
// not be who wrote what is in it, or in its successor, by now.
func (h happening) listed() happening {
	h.by, h.layer = actor.Actor{}, LayerScan
	return h
}

// below takes note of what is recorded at or below a path and is not there.
func (l *loop) below(path string, h happening) {
	for sub, k := range l.recorded {
		if !under(sub, path) {
			continue
		}
		if now, there := stat(sub); !there || !now.sameStat(k) {
			h := h
			h.path, h.kind = sub, removed
			l.note(h)
		}
	}
}

// again attaches what lies at or below h.path anew and takes note of what is
// there that was not, or was another file.
func (l *loop) again(h happening) {
	visit := func(path string) {
		if k, there := stat(path); !there || k.sameStat(l.latest(path)) {
			return
		}
		n := h
		n.path, n.kind = path, h.kind&(created|arrived)
		if n.kind == 0 {
			n.kind = created
		}
		if h.from != "" && under(path, h.path) {
			n.from = filepath.Join(h.from, strings.TrimPrefix(path, h.path))
		}
		l.note(n)
	}
	if l.set.covers(h.path) {
		l.walk(h.path, visit)
	}
	for _, r := range l.set.through(h.path) {
		l.attach(r, visit)
	}
}

// note takes up a happening of a subject and, where the text must be complete
// by now, looks at once.
func (l *loop) note(h happening) {
	p := l.pendingOf(h.path)
	p.events++
	p.last, p.suspect = time.Now(), false
	switch {
	case h.kind&(written|arrived) != 0:
		l.lookNow(p, h)
	case h.kind&created != 0:
		p.overtaken(h)
		p.deferred, p.peeked = &h, false
	case h.kind&removed != 0:
		l.lookGone(p, h)
	default:
		l.lookAttributes(p, h)
	}
}

func (l *loop) pendingOf(path string) *pending {
	p := l.pending[path]
	if p == nil {
		p = &pending{path: path, first: time.Now()}
		l.pending[path] = p
	}
	return p
}

// overtaken: a file that one process made was touched by another before it was
// looked at.
func (p *pending) overtaken(h happening) {
	d := p.deferred
	p.deferred = nil
	if d != nil && d.kind&created != 0 && !p.peeked && d.layer != LayerScan && !d.by.SameAs(h.by) {
		p.push(sight{unread: true}, *d)
	}
}

func (l *loop) lookNow(p *pending, h happening) {
	p.overtaken(h)
	s := l.look(p.path)
	if !s.exists {
		p.push(sight{unread: true}, h)
		if h.kind&removed == 0 {
			return // its removal is a notification of its own
		}
	}
	p.push(s, h)
}

func (l *loop) lookGone(p *pending, h happening) {
	p.overtaken(h)
	p.push(sight{}, h)
	if _, there := stat(p.path); there {
		h.kind = attributes // put back since, perhaps by the same rename
		p.deferred, p.peeked = &h, true
	}
}

// lookAttributes: the text should be what it was. If it is not, a writer has it
// open, or its notification is on the way.
func (l *loop) lookAttributes(p *pending, h happening) {
	if p.deferred != nil {
		return
	}
	s := l.look(p.path)
	before, existed := l.lastSeen(p)
	if !s.exists {
		return // its removal is a notification of its own
	}
	if existed && before.sameText(s.known) {
		p.push(s, h)
		return
	}
	p.deferred, p.peeked = &h, true
}

func (l *loop) lastSeen(p *pending) (Known, bool) {
	if t := p.top(); t != nil && !t.unread {
		return t.known, t.exists
	}
	k, ok := l.recorded[p.path]
	return k, ok
}

// latest is what was last seen of path, settled or not.
func (l *loop) latest(path string) Known {
	if p := l.pending[path]; p != nil {
		k, _ := l.lastSeen(p)
		return k
	}
	return l.recorded[path]
}

func (l *loop) look(path string) sight {
	s, err := l.eye.look(path)
	l.readable(path, err)
	if err != nil && !s.exists {
		return l.unseen(path)
	}
	return s
}

// unseen is the sight of what nobody may look at, in a directory that was closed
// to us or on a disk that fails. It need not be gone: it is taken to be as it was.
func (l *loop) unseen(path string) sight {
	s := sight{known: l.latest(path)}
	s.exists = s.known != (Known{})
	s.mark(body.MarkUnread)
	return s
}

// settle finishes what is due. While the handler lags behind nothing is: later
// notifications of the same path are folded into what waits.
func (l *loop) settle(now time.Time) {
	if l.out.full() {
		return
	}
	live := l.sensor.live()
	for _, p := range l.byAge(func(p *pending) bool { return !now.Before(p.due(live)) }) {
		l.finishUnlessHeld(p, now)
	}
	for _, p := range l.pending {
		if p.deferred != nil && !p.peeked && now.Sub(p.last) >= quiet {
			l.peek(p)
		}
	}
}

// byAge lists what is pending and chosen, in the order it began.
func (l *loop) byAge(chosen func(*pending) bool) []*pending {
	var ps []*pending
	for _, p := range l.pending {
		if chosen(p) {
			ps = append(ps, p)
		}
	}
	slices.SortFunc(ps, func(a, b *pending) int { return a.first.Compare(b.first) })
	return ps
}

func all(*pending) bool { return true }

// peek keeps the text of a file that was made and not closed: another process
// may replace it before it settles.
func (l *loop) peek(p *pending) {
	p.peeked = true
	if s := l.look(p.path); s.exists {
		s.provisional = true
		p.push(s, *p.deferred)
	}
}

// finishUnlessHeld gives the process that made or writes the file some more
// time to close it.
func (l *loop) finishUnlessHeld(p *pending, now time.Time) {
	if d := p.deferred; d != nil && d.by.PID > 0 {
		k, there := stat(p.path)
		if there && k.regular() && writing(d.by.PID, k) {
			if now.Sub(p.first) < holding {
				return
			}
			l.finishTorn(p)
			return
		}
	}
	l.finish(p)
}

func (l *loop) finishTorn(p *pending) {
	d := *p.deferred
	p.deferred = nil
	s := l.look(p.path)
	s.mark(body.MarkTorn)
	p.push(s, d)
	l.finish(p)
}

// finish looks at what was put off and hands over what changed.
func (l *loop) finish(p *pending) {
	if l.pending[p.path] != p {
		return // finished meanwhile, as the other name of a rename
	}
	delete(l.pending, p.path)
	if d := p.deferred; d != nil {
		p.deferred = nil
		p.push(l.look(p.path), *d)
	}
	if p.suspect {
		s := l.look(p.path)
		s.unreported = l.sensor.live()
		p.push(s, happening{layer: LayerScan, at: l.c.cfg.Now()})
	}
	l.tell(p)
}
