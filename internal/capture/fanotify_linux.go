package capture

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/actor"
)

// fanotify is the sensor of Linux: a group, and which paths its handles stand
// for.
type fanotify struct {
	group  *group
	actors actor.Source
	trace  *actor.Tracer // actors, where programs in the kernel may tell of them
	number uint64        // of the notification at hand; the reader's
	empty  time.Time     // when the queue is known to have been empty last; the reader's
	own    int           // process whose doings are passed over
	want   func(path string) bool
	now    func() time.Time
	count  func(func(*Status))
	cages  *cages

	mu    sync.RWMutex // the loop writes, the reader looks
	dirs  map[handle]*place
	names map[string]handle // of dirs and files, by path
	files map[handle]file
}

// file is a marked file.
type file struct {
	path string
	ino  uint64
}

// place is a marked directory; mounts and links can give it several names.
type place struct {
	paths []string
	role  role
	ino   uint64
}

func newSensor(c *Capture) (sensor, []Layer) {
	g, err := openGroup(c.reach)
	if err != nil {
		return noSensor{}, []Layer{{LayerFanotify, false, err.Error()}}
	}
	f := &fanotify{
		group: g, actors: c.cfg.Actors, own: os.Getpid(), want: c.set.concerns, now: c.cfg.Now, count: c.count, cages: c.cages,
		dirs: map[handle]*place{}, names: map[string]handle{}, files: map[handle]file{},
	}
	if c.cfg.includeSelf {
		f.own = -1
	}
	return f, append([]Layer{{LayerFanotify, true, g.level.name}}, f.openActors(c)...)
}

// openActors chooses who names processes: what the caller gave, or the programs
// in the kernel with /proc behind them.
func (f *fanotify) openActors(c *Capture) []Layer {
	if f.actors != nil {
		return []Layer{{f.actors.Layer(), f.group.privileged(), f.group.level.name}}
	}
	proc := Layer{LayerProc, f.group.privileged(), f.group.level.name}
	if !f.group.privileged() {
		f.actors = actor.Proc()
		return []Layer{{LayerBPF, false, f.group.level.name}, proc}
	}
	f.trace = actor.NewTracer(actor.Config{
		Queue: f.group.fd, Waiting: f.group.waiting, Report: c.traced, Now: c.cfg.Now, Log: c.cfg.Log,
	})
	f.actors = f.trace
	s := f.trace.Start()
	return []Layer{{LayerBPF, s.Live, s.Reason}, proc}
}

// traced takes over how the programs in the kernel are doing.
func (c *Capture) traced(a actor.State) {
	c.count(func(s *Status) {
		s.Counters.Lost = a.Lost
		s.layer(Layer{LayerBPF, a.Live, a.Reason})
	})
}

func (f *fanotify) live() bool { return true }

// close ends what looks at the group before the group.
func (f *fanotify) close() {
	f.trace.Close()
	f.group.close()
}

func (f *fanotify) markDir(path string, r role) error {
	h, ino, err := f.group.markDir(path, r)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.release(path, h)
	p := f.dirs[h]
	if p == nil {
		p = &place{ino: ino}
		f.dirs[h] = p
	}
	if f.names[path] != h {
		p.paths = append(p.paths, path)
		f.names[path] = h
	}
	p.role |= r
	return nil
}

func (f *fanotify) markFile(path string) error {
	h, ino, err := f.group.markFile(path)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.release(path, h)
	f.files[h], f.names[path] = file{path, ino}, h
	return nil
}

// release drops what path stood for, unless that is h. The mark itself stays on
// the inode until that goes; without a name its notifications mean nothing.
func (f *fanotify) release(path string, h handle) {
	old, ok := f.names[path]
	if !ok || old == h {
		return
	}
	delete(f.names, path)
	if f.files[old].path == path {
		delete(f.files, old)
	}
	if p := f.dirs[old]; p != nil {
		p.drop(path)
		if len(p.paths) == 0 {
			delete(f.dirs, old)
		}
	}
}

func (p *place) drop(path string) {
	kept := p.paths[:0]
	for _, q := range p.paths {
		if q != path {
			kept = append(kept, q)
		}
	}
	p.paths = kept
}

func (f *fanotify) forget(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h, ok := f.names[path]; ok && f.dirs[h] == nil {
		f.release(path, "") // a file: nothing is below it
		return
	}
	for name := range f.names {
		if under(name, path) {
			f.release(name, "")
		}
	}
}

func (f *fanotify) marks() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.dirs) + len(f.files)
}

// run reads, names the process at once (it may be gone in a moment), and hands
// over what can concern the watch set.
func (f *fanotify) run(ctx context.Context, out func(raw), full func() bool) error {
	if f.trace != nil {
		f.trace.Gap = func(since time.Time) { out(raw{gap: &Gap{Since: since, Cause: CauseActors}}) }
	}
	return f.group.read(ctx, func(b batch) {
		f.trace.Took(b.read)
		if f.empty.IsZero() {
			f.empty = b.began
		}
		for _, e := range b.events {
			f.pass(e, out)
			f.number++
			closePIDFD(e.pidfd)
		}
		if b.read.Left == 0 {
			f.empty = b.began // at that time or later: whatever comes next happened after it
		}
		f.hold(ctx, full)
	}, f.trace.Tend)
}

// hold waits for a loop that is busy, and listens on meanwhile.
func (f *fanotify) hold(ctx context.Context, full func() bool) {
	for full() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(tendEvery / 10):
			f.trace.Listen()
		}
	}
}

func (f *fanotify) pass(e event, send func(raw)) {
	if e.pid == f.own && !e.overflow() {
		return
	}
	f.count(func(s *Status) { s.Counters.Seen++ })
	if r, ok := f.named(e); ok {
		send(r)
	}
}

// named joins an event with its process. False: it is about nothing watched. An
// opened file and a new name in a watched directory announce what may come of
// them (a temporary file is renamed over a subject): where /proc must tell, the
// process is looked at while it lives, and found again when it is gone.
func (f *fanotify) named(e event) (raw, bool) {
	r := raw{event: e, at: f.now(), since: f.empty, overflow: e.overflow()}
	if r.overflow {
		return r, true
	}
	interested := e.kind()&^directory != 0 && f.interested(e)
	if interested || e.mask&(unix.FAN_OPEN|unix.FAN_CREATE) != 0 && !f.trace.Live() {
		r.by = f.actor(e)
	}
	return r, interested
}

func (f *fanotify) actor(e event) actor.Actor {
	if e.pid <= 0 {
		return actor.Actor{}
	}
	n := actor.Named{PID: e.pid, Number: f.number}
	switch {
	case e.pidGone:
		n.Same = gone
	case e.pidfd >= 0:
		// Signal 0 reaches a process until it is reaped, and no other one.
		n.Same = func() bool { return unix.PidfdSendSignal(e.pidfd, 0, nil, 0) == nil }
	}
	return f.actors.Actor(n)
}

// interested says whether e can be about the watch set; most of what happens in
// a big directory is not, and needs no look at the process.
func (f *fanotify) interested(e event) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, h := range f.paths(e) {
		if h.kind&(directory|self) != 0 || f.want(h.path) {
			return true
		}
	}
	return false
}

func (f *fanotify) resolve(r raw) []happening {
	f.mu.RLock()
	defer f.mu.RUnlock()
	hs := f.paths(r.event)
	for i := range hs {
		hs[i].by, hs[i].at, hs[i].since, hs[i].layer = r.by, r.at, r.since, LayerFanotify
	}
	return hs
}

// paths lists what e is about, under every name of its directory. Called with
// mu held.
func (f *fanotify) paths(e event) []happening {
	k := e.kind()
	if e.mask&unix.FAN_RENAME != 0 {
		return f.renamed(e, k)
	}
	var hs []happening
	for _, dir := range f.namesOf(e.dir.dir) {
		hs = append(hs, happening{path: join(dir, e.dir.name), kind: k})
	}
	if file, ok := f.files[e.self]; ok && !mentions(hs, file.path) {
		hs = append(hs, happening{path: file.path, kind: k &^ (created | arrived | removed)})
	}
	if k&self != 0 && len(hs) == 0 {
		for _, dir := range f.namesOf(e.self) {
			hs = append(hs, happening{path: dir, kind: k})
		}
	}
	return hs
}

func mentions(hs []happening, path string) bool {
	for _, h := range hs {
		if h.path == path {
			return true
		}
	}
	return false
}

// renamed: first the name that came, so that it is settled before the name that
// went.
func (f *fanotify) renamed(e event, k kind) []happening {
	k &= directory
	var hs []happening
	old := f.namesOf(e.dir.dir)
	for i, dir := range f.namesOf(e.to.dir) {
		h := happening{path: join(dir, e.to.name), kind: k | arrived}
		if len(old) > 0 {
			h.from = join(old[min(i, len(old)-1)], e.dir.name)
		}
		hs = append(hs, h)
	}
	for _, dir := range old {
		hs = append(hs, happening{path: join(dir, e.dir.name), kind: k | removed, moved: true})
	}
	return hs
}

func (f *fanotify) namesOf(h handle) []string {
	if p := f.dirs[h]; p != nil {
		return p.paths
	}
	return nil
}

// join puts a name below dir; "." (and no name) is the directory itself.
func join(dir, name string) string {
	if name == "" || name == "." {
		return dir
	}
	return filepath.Join(dir, name)
}

// gone is the proof that a number no longer belongs to the process meant.
func gone() bool { return false }
