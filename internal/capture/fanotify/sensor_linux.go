package fanotify

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/reach"
)

// Config says what a [Sensor] is to tell, and to whom.
type Config struct {
	// Reach opens what is marked.
	Reach *reach.Reach
	// Actors names processes; nil: programs in the kernel where they can be had,
	// else /proc.
	Actors actor.Source
	// Own is a process whose doings are passed over; none has the number -1.
	Own int
	// Want decides whether what happens to path can matter.
	Want func(path string) bool
	// Seen is told of each notification that is not passed over.
	Seen func()
	// Traced is told how the programs in the kernel are doing, whenever that is
	// another than Programs returned.
	Traced func(actor.State)
	// Notable and Untouched are those of [actor.Config].
	Notable   func(exe string) bool
	Untouched bool
	Now       func() time.Time
	Log       *slog.Logger
}

// Sensor is a fanotify group, and which paths its handles stand for. Its methods
// may be called from any goroutine.
type Sensor struct {
	cfg    Config
	group  *group
	actors actor.Source
	trace  *actor.Tracer // actors, where programs in the kernel may tell of them
	state  actor.State   // of trace, when it was opened
	passed atomic.Uint64 // notifications that were handed over
	empty  time.Time     // when the queue is known to have been empty last; the reader's

	counting sync.Mutex // a read of the queue, or a look at its length
	taken    uint64     // notifications read; with counting

	anew  uint64       // marks that were set where there was none; with mu
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
	role  Role
	ino   uint64
}

// Open opens the best group this process may have. An error says why there is
// none.
func Open(cfg Config) (*Sensor, error) {
	g, err := openGroup(cfg.Reach)
	if err != nil {
		return nil, err
	}
	f := &Sensor{cfg: cfg, group: g, actors: cfg.Actors, dirs: map[handle]*place{}, names: map[string]handle{}, files: map[handle]file{}}
	f.openActors()
	return f, nil
}

// openActors chooses who names processes: what the caller gave, or the programs
// in the kernel with /proc behind them.
func (f *Sensor) openActors() {
	switch {
	case f.actors != nil:
	case !f.group.privileged():
		f.actors, f.state = actor.Proc(), actor.State{Reason: f.group.level.name}
	default:
		f.trace = actor.NewTracer(actor.Config{
			Queue: f.group.fd, Waiting: f.group.waiting, Report: f.cfg.Traced, Notable: f.cfg.Notable, Untouched: f.cfg.Untouched, Now: f.cfg.Now, Log: f.cfg.Log,
		})
		f.actors, f.state = f.trace, f.trace.Start()
	}
}

// Lacks is what the group cannot do; empty: nothing.
func (f *Sensor) Lacks() string { return f.group.level.name }

// Programs is how the programs in the kernel began.
func (f *Sensor) Programs() actor.State { return f.state }

// FD is the descriptor of the group. It stays the sensor's.
func (f *Sensor) FD() int { return f.group.fd }

// Live is true: there is a group.
func (f *Sensor) Live() bool { return true }

// Close ends what looks at the group before the group.
func (f *Sensor) Close() {
	f.trace.Close()
	f.group.close()
}

// Author says who made a file what it is, where no notification tells.
func (f *Sensor) Author(file actor.File) actor.Actor { return f.trace.Author(file) }

// Lately is the process that has, or had a moment ago, a number.
func (f *Sensor) Lately(pid int) actor.Actor { return f.trace.Lately(pid) }

// Ran is who ran a program of a kind since a time.
func (f *Sensor) Ran(kind func(actor.Actor, string) bool, since time.Time) actor.Actor {
	return f.trace.Ran(kind, since)
}

// MarkDir asks for notifications about a directory under the name path. It can be
// repeated; roles add up.
func (f *Sensor) MarkDir(path string, r Role) error {
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
		f.anew++
	}
	p.role |= r
	return nil
}

// MarkFile asks for notifications about a file by whatever name it is reached.
func (f *Sensor) MarkFile(path string) error {
	h, ino, err := f.group.markFile(path)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.release(path, h)
	if f.names[path] != h {
		f.anew++
	}
	f.files[h], f.names[path] = file{path, ino}, h
	return nil
}

// release drops what path stood for, unless that is h. The mark itself stays on
// the inode until that goes; without a name its notifications mean nothing.
func (f *Sensor) release(path string, h handle) {
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

// Forget drops the names at and below path, some at a time: whoever reads
// notifications is not to wait for all.
func (f *Sensor) Forget(path string) {
	for some := range slices.Chunk(f.below(path), 256) {
		f.mu.Lock()
		for _, n := range some {
			if f.names[n.path] == n.was {
				f.release(n.path, "")
			}
		}
		f.mu.Unlock()
	}
}

// name is a name, and what it stood for.
type name struct {
	path string
	was  handle
}

func (f *Sensor) below(path string) []name {
	f.mu.RLock()
	defer f.mu.RUnlock()
	h, known := f.names[path]
	if known && f.dirs[h] == nil { // a file: nothing is below it
		return []name{{path, h}}
	}
	var all []name
	for p, h := range f.names {
		if reach.Under(p, path) {
			all = append(all, name{p, h})
		}
	}
	return all
}

// Marks is how many files and directories notifications are asked for.
func (f *Sensor) Marks() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.dirs) + len(f.files)
}

// Anew is how often a mark was set on something that had none under that name.
func (f *Sensor) Anew() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.anew
}

// Run reads, names the process at once (it may be gone in a moment), and hands
// over what can matter, until ctx ends. It waits while those who take it are full.
func (f *Sensor) Run(ctx context.Context, out func(Notice), full func() bool) error {
	if f.trace != nil {
		f.trace.Gap = func(since time.Time) { out(Notice{Unnamed: since}) }
	}
	return f.group.read(ctx, f.reading, func(b batch) {
		if f.empty.IsZero() {
			f.empty = b.began
		}
		for _, e := range b.events {
			f.pass(e, out)
			f.passed.Add(1)
			closePIDFD(e.pidfd)
		}
		if b.read.Left == 0 {
			f.empty = b.began // at that time or later: whatever comes next happened after it
		}
		f.hold(ctx, full)
	}, f.trace.Tend)
}

// reading has the queue read and counts what came.
func (f *Sensor) reading(read func() actor.Read) {
	f.counting.Lock()
	defer f.counting.Unlock()
	f.trace.Reading(func() actor.Read {
		r := read()
		f.taken += uint64(r.Events)
		return r
	})
}

// Queued is the number of the first notification that the kernel has not queued yet.
func (f *Sensor) Queued() uint64 {
	f.counting.Lock()
	defer f.counting.Unlock()
	if n := f.group.waiting(); n != actor.Unset {
		return f.taken + uint64(n)
	}
	return f.taken
}

// Passed is the number of the first notification that was not handed over yet.
func (f *Sensor) Passed() uint64 { return f.passed.Load() }

// hold waits for a loop that is busy, and listens on meanwhile.
func (f *Sensor) hold(ctx context.Context, full func() bool) {
	for full() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(tendEvery / 10):
			f.trace.Listen()
		}
	}
}

func (f *Sensor) pass(e event, send func(Notice)) {
	if e.pid == f.cfg.Own && !e.overflow() {
		return
	}
	f.cfg.Seen()
	if r, ok := f.named(e); ok {
		send(r)
	}
}

// named joins an event with its process. False: it is about nothing watched. An
// opened file and a new name in a watched directory announce what may come of
// them (a temporary file is renamed over a subject): where /proc must tell, the
// process is looked at while it lives, and found again when it is gone.
func (f *Sensor) named(e event) (Notice, bool) {
	r := Notice{event: e, at: f.cfg.Now(), since: f.empty, Overflow: e.overflow()}
	if r.Overflow {
		return r, true
	}
	interested := e.kind()&^Directory != 0 && f.interested(e)
	if interested || e.mask&(unix.FAN_OPEN|unix.FAN_CREATE) != 0 && !f.trace.Live() {
		r.by = f.actor(e)
	}
	return r, interested
}

func (f *Sensor) actor(e event) actor.Actor {
	if e.pid <= 0 {
		return actor.Actor{}
	}
	n := actor.Named{PID: e.pid, Number: f.passed.Load()}
	switch {
	case e.pidGone:
		n.Same = gone
	case e.pidfd >= 0:
		// Signal 0 reaches a process until it is reaped, and no other one.
		n.Same = func() bool { return unix.PidfdSendSignal(e.pidfd, 0, nil, 0) == nil }
	}
	return f.actors.Actor(n)
}

// interested says whether e can matter; most of what happens in
// a big directory is not, and needs no look at the process.
func (f *Sensor) interested(e event) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, h := range f.paths(e) {
		if h.Kind&(Directory|Self) != 0 || f.cfg.Want(h.Path) {
			return true
		}
	}
	return false
}

// Resolve tells which paths a notification is about, with the names that hold at
// the time of the call.
func (f *Sensor) Resolve(r Notice) []Happening {
	f.mu.RLock()
	defer f.mu.RUnlock()
	hs := f.paths(r.event)
	for i := range hs {
		hs[i].By, hs[i].At, hs[i].Since, hs[i].Layer = r.by, r.at, r.since, Layer
	}
	return hs
}

// paths lists what e is about, under every name of its directory. Called with
// mu held.
func (f *Sensor) paths(e event) []Happening {
	k := e.kind()
	if e.mask&unix.FAN_RENAME != 0 {
		return f.renamed(e, k)
	}
	var hs []Happening
	for _, dir := range f.namesOf(e.dir.dir) {
		hs = append(hs, Happening{Path: join(dir, e.dir.name), Kind: k})
	}
	if file, ok := f.files[e.self]; ok && !mentions(hs, file.path) {
		hs = append(hs, Happening{Path: file.path, Kind: k &^ (Created | Arrived | Removed)})
	}
	if k&Self != 0 && len(hs) == 0 {
		for _, dir := range f.namesOf(e.self) {
			hs = append(hs, Happening{Path: dir, Kind: k})
		}
	}
	return hs
}

func mentions(hs []Happening, path string) bool {
	for _, h := range hs {
		if h.Path == path {
			return true
		}
	}
	return false
}

// renamed: first the name that came, so that it is settled before the name that
// went.
func (f *Sensor) renamed(e event, k Kind) []Happening {
	k &= Directory
	var hs []Happening
	old := f.namesOf(e.dir.dir)
	for i, dir := range f.namesOf(e.to.dir) {
		h := Happening{Path: join(dir, e.to.name), Kind: k | Arrived}
		if len(old) > 0 {
			h.From = join(old[min(i, len(old)-1)], e.dir.name)
		}
		hs = append(hs, h)
	}
	for _, dir := range old {
		hs = append(hs, Happening{Path: join(dir, e.dir.name), Kind: k | Removed, Moved: true})
	}
	return hs
}

func (f *Sensor) namesOf(h handle) []string {
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
