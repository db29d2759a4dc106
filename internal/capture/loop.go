package capture

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/hands"
	"github.com/stele-log/stele/internal/capture/inbox"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/names"
	"github.com/stele-log/stele/internal/capture/reach"
	"github.com/stele-log/stele/internal/capture/scope"
)

// tick is how often pending paths are looked through, while there are some.
const tick = 10 * time.Millisecond

// loop owns everything that is known about the watched paths of one share. One
// goroutine.
type loop struct {
	c      *Capture
	set    *scope.Set
	sensor sensor
	eye    eye
	hands  *hands.Hands
	every  time.Duration
	out    *outbox
	in     *inbox.Inbox
	taken  uint64 // notifications of in that were taken

	shares *shares
	uid    uint32      // who keeps what this loop looks at
	asked  atomic.Bool // a scan was asked for, and has not begun
	full   atomic.Bool // that no more of the user's directories are noted was told since the last scan

	most             int             // files that are followed of a user
	packed           bool            // there were more; that is told
	crowd, crowdTold bool            // more directories than are watched were met in this scan; that is told
	absent           map[string]bool // directories of the user's that were not there at the last scan
	dirs             int             // directories walked since the last scan began

	finding bool   // what is noted, or told, is the first of a place that was added
	mount   string // that what is told comes from

	churning bool // the last scan, or what came since, was too much

	recorded map[string]inode.Known
	linked   names.Hard // the recorded files that have several names
	pending  map[string]*pending
	leading  map[string]bool                // links to directories, which are walked too
	counts   struct{ watched, pending int } // as they were last added up
	held     int                            // bytes of the texts that are pending

	scan  *scan     // the last one
	began time.Time // when it began

	flags      *time.Timer // for the next look at flags
	flagsSince time.Time   // when the last one began

	scannedOnce chan struct{} // closed after the first scan
	ended       chan struct{} // closed with the loop
}

// scan is one look at everything, and the gap that it tells if it finds what
// nobody told.
type scan struct {
	since time.Time // when the one before began
	cause string
	told  bool // the gap was handed over

	until   uint64 // notifications before that may tell what it found
	inbox   uint64 // of the loop's, those that do; once passed
	passed  bool   // all were handed over
	settled bool   // all were taken
}

func newLoop(s *shares, uid uint32, known map[string]inode.Known) *loop {
	c, bound := s.c, 0
	if uid != 0 {
		bound = inbox.Most
	}
	l := &loop{
		c: c, set: c.set, sensor: s.sensor, every: s.every, hands: hands.New(s.ctx),
		eye: eye{c.cfg.DigestKey, c.cfg.MaxSize, s.reach, &hands.Allowances{}},
		out: s.out, in: inbox.New(bound), shares: s, uid: uid,
		most: maxFiles, recorded: map[string]inode.Known{}, linked: names.Hard{}, pending: map[string]*pending{}, leading: map[string]bool{},
		scannedOnce: make(chan struct{}), ended: make(chan struct{}),
	}
	for path, k := range known {
		if l.set.Subject(path) {
			l.recorded[path] = k
			l.linked.Add(path, names.FileOf(k), k.Links)
		}
	}
	return l
}

func (l *loop) run(ctx context.Context) {
	defer close(l.ended)
	l.start()
	scan := time.NewTicker(l.every)
	defer scan.Stop()
	settle := time.NewTicker(tick)
	defer settle.Stop()
	l.flags = time.NewTimer(l.c.cfg.flagsSoonest)
	defer l.flags.Stop()
	for {
		var due <-chan time.Time
		if len(l.pending) > 0 {
			due = settle.C
		}
		select {
		case <-ctx.Done():
			l.stop()
			return
		case <-l.in.Wake:
			l.takeAll()
		case <-scan.C:
			l.reconcile(causeUnreported)
		case <-l.flags.C:
			l.lookAtFlags()
		case <-due:
			l.settle(time.Now())
		}
		l.counted()
	}
}

// takeAll takes what waits. What has to be settled meanwhile is.
func (l *loop) takeAll() {
	raws, jobs, missed := l.in.Take()
	for _, do := range jobs {
		do()
	}
	for i, r := range raws {
		l.taken++
		if l.take(r); i%settleEach == settleEach-1 {
			l.settle(time.Now())
		}
	}
	if missed > 0 {
		l.churned(missed)
	}
}

// settleEach is after how many notifications of a burst what is due is settled.
const settleEach = 64

// stop settles what is pending as it stands. A process killed here instead
// finds it again by the scan of its next start.
func (l *loop) stop() {
	l.takeAll()
	for _, p := range l.byAge(all) { // names that came, before names that went
		if t := p.top(); t != nil && t.from != "" {
			l.finish(p)
		}
	}
	for _, p := range l.byAge(all) {
		l.finish(p)
	}
}

func (l *loop) take(r fanotify.Notice) {
	for _, h := range l.shares.resolve(r) {
		switch {
		case l.shares.keeper(h.Path) != l.uid: // it was handed to that user's loop too
		case h.Behind:
			l.onBehind(h)
		case h.Kind&fanotify.Directory != 0:
			l.onDirectory(h)
		default:
			l.onFile(h)
		}
	}
}

func (l *loop) onFile(h fanotify.Happening) {
	if l.set.Subject(h.Path) {
		l.c.count(func(s *Status) { s.Counters.Matched++ })
		l.note(h)
		l.noteOtherNames(h)
		l.ledElsewhere(h)
	} else if l.set.OnWay(h.Path) { // a link on the way to a root was replaced
		l.again(h)
	}
}

// onDirectory follows directories as they come and go.
func (l *loop) onDirectory(h fanotify.Happening) {
	if !l.set.Covers(h.Path) && !l.set.OnWay(h.Path) {
		return
	}
	switch {
	case h.Kind&fanotify.Arrived != 0:
		if h.From != "" { // else it came from where nothing is marked
			l.sensor.Forget(h.From)
		}
		l.again(h)
	case h.Kind&fanotify.Created != 0:
		maker := h.By
		h = listed(h)
		h.Maker = maker
		l.again(h)
	case h.Kind&(fanotify.Removed|fanotify.Self) != 0:
		if h.Kind&fanotify.Removed != 0 {
			l.sensor.Forget(h.Path)
		}
		l.below(h.Path, h)
		l.again(listed(h))
	}
}

// listed is a happening for what a listing finds: who made or removed a directory need
// not be who wrote what is in it, or in its successor, by now.
func listed(h fanotify.Happening) fanotify.Happening {
	h.By, h.Layer = actor.Actor{}, LayerScan
	return h
}

// below takes note of what is recorded at or below a path and is not there, in
// every share.
func (l *loop) below(path string, h fanotify.Happening) {
	l.ownBelow(path, h)
	l.shares.elsewhere(path, l.uid, func(o *loop) { o.ownBelow(path, h) })
}

func (l *loop) ownBelow(path string, h fanotify.Happening) {
	for sub, k := range l.recorded {
		if !reach.Under(sub, path) {
			continue
		}
		if now, there := l.stat(sub); !there || !now.SameStat(k) {
			h := h
			h.Path, h.Kind = sub, fanotify.Removed
			l.note(h)
		}
	}
}

// again attaches what lies at or below h.path anew and takes note of what is
// there that was not, or was another file.
func (l *loop) again(h fanotify.Happening) {
	visit := func(path string) {
		if k, there := l.stat(path); !there || k.SameStat(l.latest(path)) {
			return
		}
		n := h
		n.Path, n.Kind = path, h.Kind&(fanotify.Created|fanotify.Arrived)
		if n.Kind == 0 {
			n.Kind = fanotify.Created
		}
		if h.From != "" && reach.Under(path, h.Path) {
			n.From = filepath.Join(h.From, strings.TrimPrefix(path, h.Path))
		}
		l.note(n)
	}
	v := visitor{visit, func(dir string, o *loop) {
		n := h
		n.Path, n.From = dir, ""
		o.in.Post(func() { o.again(n) })
	}}
	if l.set.Covers(h.Path) {
		l.walk(h.Path, v)
	}
	for _, r := range l.set.Through(h.Path) {
		l.attach(r, v)
	}
}

// note takes up a happening of a subject and, where the text must be complete
// by now, looks at once.
func (l *loop) note(h fanotify.Happening) {
	if !l.follows(h.Path) {
		return
	}
	p := l.pendingOf(h.Path)
	p.events++
	p.last, p.suspect = time.Now(), nil
	switch {
	case h.Behind && h.Kind&fanotify.Removed != 0: // editors put it back
		p.deferred, p.peeked = &h, true
	case h.Kind&(fanotify.Written|fanotify.Arrived) != 0:
		l.lookNow(p, h)
	case h.Kind&fanotify.Created != 0:
		p.overtaken(h)
		p.deferred, p.peeked = &h, false
	case h.Kind&fanotify.Removed != 0:
		l.lookGone(p, h)
	default:
		l.lookAttributes(p, h)
	}
	l.weigh(p)
}

// maxHeld bounds the texts of one share that are pending, in bytes: while what was
// told waits for a slow handler nothing settles.
const maxHeld = 64 << 20

// weigh adds up what pending texts take. Beyond the bound those of a path that is
// being changed are told as unread, the newest one last.
func (l *loop) weigh(p *pending) {
	l.held += p.weigh()
	for n := range p.sights {
		if l.held <= maxHeld {
			return
		}
		if p.sights[n].has {
			p.sights[n].lose()
			l.held += p.weigh()
		}
	}
}

func (l *loop) pendingOf(path string) *pending {
	p := l.pending[path]
	if p == nil {
		p = &pending{path: path, first: time.Now(), found: l.finding}
		l.pending[path] = p
	}
	return p
}

// overtaken: a file that one process made was touched by another before it was
// looked at.
func (p *pending) overtaken(h fanotify.Happening) {
	d := p.deferred
	p.deferred = nil
	if d != nil && d.Kind&fanotify.Created != 0 && !p.peeked && d.Layer != LayerScan && !d.By.SameAs(h.By) {
		p.push(sight{unread: true}, *d)
	}
}

func (l *loop) lookNow(p *pending, h fanotify.Happening) {
	p.overtaken(h)
	s := l.look(p.path)
	if !s.exists {
		p.push(sight{unread: true, kept: l.lagged(h)}, h)
		if h.Kind&fanotify.Removed == 0 {
			return // its removal is a notification of its own
		}
	} else if before, existed := l.lastSeen(p); existed && l.lagged(h) && s.known.Rewritten(before) {
		p.push(sight{unread: true, kept: true}, h)
	}
	p.push(s, h)
}

func (l *loop) lookGone(p *pending, h fanotify.Happening) {
	p.overtaken(h)
	if h.Moved && !l.set.Read(p.path) {
		p.steps(h)
	}
	p.push(sight{}, h)
	if _, there := l.stat(p.path); there {
		h.Kind = fanotify.Attributes // put back since, perhaps by the same rename
		p.deferred, p.peeked = &h, true
	}
}

// lookAttributes: the text should be what it was. If it is not, a writer has it
// open, or its notification is on the way.
func (l *loop) lookAttributes(p *pending, h fanotify.Happening) {
	if p.deferred != nil {
		return
	}
	s := l.look(p.path)
	before, existed := l.lastSeen(p)
	if !s.exists {
		return // its removal is a notification of its own
	}
	if existed && before.SameText(s.known) {
		s.linked = before.SameButLinks(s.known) && before.Links != s.known.Links
		p.push(s, h)
		return
	}
	p.deferred, p.peeked = &h, true
}

func (l *loop) lastSeen(p *pending) (inode.Known, bool) {
	if t := p.top(); t != nil && !t.unread {
		return t.known, t.exists
	}
	k, ok := l.recorded[p.path]
	return k, ok
}

// latest is what was last seen of path, settled or not.
func (l *loop) latest(path string) inode.Known {
	if p := l.pending[path]; p != nil {
		k, _ := l.lastSeen(p)
		return k
	}
	return l.recorded[path]
}

func (l *loop) look(path string) sight {
	type looked struct {
		s   sight
		err error
	}
	var s sight
	var err error
	for range readTries {
		var got looked
		got, err = hands.By(l.hands, path, func() looked {
			s, err := l.eye.look(path)
			return looked{s, err}
		})
		if s = got.s; err == nil {
			err = got.err
		}
		if err != nil && !s.exists || !l.follow(path, &s) {
			break
		}
	}
	l.readable(path, err)
	if err != nil && !s.exists {
		return l.unseen(path)
	}
	return s
}

// stat is lstat alone, or for a subject that is a link of the file behind it. Of what
// cannot be looked at nothing is said: it is taken to be as it was.
func (l *loop) stat(path string) (inode.Known, bool) {
	k, way, there := l.lstat(path, true)
	if there && k.Followed() {
		l.followBy(path, way)
	}
	return k, there
}

func (l *loop) lstat(path string, follow bool) (inode.Known, []string, bool) {
	type looked struct {
		k   inode.Known
		way []string
		err error
	}
	got, err := hands.By(l.hands, path, func() looked {
		k, way, err := l.eye.stat(path, follow)
		return looked{k, way, err}
	})
	if err == nil {
		err = got.err
	}
	if err != nil && !reach.Absent(err) {
		l.readable(path, err)
		k := l.latest(path)
		return k, nil, k != (inode.Known{})
	}
	return got.k, got.way, err == nil
}

// unseen is the sight of what nobody may look at, in a directory that was closed
// to us or on a disk that fails. It need not be gone: it is taken to be as it was.
func (l *loop) unseen(path string) sight {
	s := sight{known: l.latest(path)}
	s.exists = s.known != (inode.Known{})
	s.mark(body.MarkUnread)
	return s
}

// settle finishes what is due. While the handler lags behind nothing is: later
// notifications of the same path are folded into what waits.
func (l *loop) settle(now time.Time) {
	if l.out.full(l.uid) {
		return
	}
	live := l.sensor.Live()
	if len(l.pending) == 0 {
		return
	}
	ripe := func(p *pending) bool { return !now.Before(p.due(live)) && (p.suspect == nil || l.heard(p.suspect)) }
	for _, p := range l.byAge(ripe) {
		if l.out.full(l.uid) {
			break
		}
		l.finishUnlessHeld(p, now)
	}
	for _, p := range l.pending {
		if p.deferred != nil && !p.peeked && now.Sub(p.last) >= quiet {
			l.peek(p)
		}
	}
}

// heard: every notification that had been queued when a scan was made was taken.
// What it found, and none of them told of, was not told.
func (l *loop) heard(s *scan) bool {
	if !s.passed && l.sensor.Passed() >= s.until {
		s.passed, s.inbox = true, l.in.Came()
	}
	s.settled = s.settled || s.passed && l.taken >= s.inbox
	return s.settled
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
		p.push(s, l.authored(p, s, *p.deferred))
		l.weigh(p)
	}
}

// finishUnlessHeld gives the process that made or writes the file some more
// time to close it.
func (l *loop) finishUnlessHeld(p *pending, now time.Time) {
	if d := p.deferred; d != nil && d.By.PID > 0 {
		k, there := l.stat(p.path)
		if there && k.Regular() && inode.Writing(d.By.PID, k) {
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
	l.held -= p.held
	if d := p.deferred; d != nil {
		p.deferred = nil
		s := l.look(p.path)
		p.push(s, l.authored(p, s, *d))
	}
	if p.suspect != nil {
		l.finishSuspect(p)
	}
	l.tell(p)
}
