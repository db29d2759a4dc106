package capture

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/stele-log/stele/internal/capture/aviary"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/helper"
	"github.com/stele-log/stele/internal/capture/inbox"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/reach"
	"github.com/stele-log/stele/internal/capture/scope"
)

// shares divide what is watched among those who decide what lies there: for each
// user who owns a directory below which something is watched a loop of its own,
// and one for what nobody but root can change. Whatever a user does to his files,
// and however long his file systems take, he holds up his own loop alone.
type shares struct {
	c      *Capture
	sensor sensor
	every  time.Duration
	out    *outbox
	reach  *reach.Reach
	single bool // a watcher without privilege has one loop
	ctx    context.Context
	canary *canary
	began  time.Time // on the calendar of files

	mu      sync.RWMutex
	change  sync.Cond // a loop or a first look ended; with mu
	living  int       // loops
	first   int       // first looks under way
	loops   map[uint32]*loop
	keepers map[string]uint32 // by directory: the first on its way that is not root's
	keeps   map[uint32]int    // how many of them are a user's
	added   []scope.Root      // since all began
}

func newShares(c *Capture, s sensor, every time.Duration) *shares {
	shares := &shares{
		c: c, sensor: s, every: every, out: newOutbox(), reach: c.reach, single: os.Geteuid() != 0,
		began: time.Now(), loops: map[uint32]*loop{}, keepers: map[string]uint32{}, keeps: map[uint32]int{},
	}
	shares.change.L = &shares.mu
	shares.canary = newCanary(shares)
	return shares
}

// begin divides what is known and starts the loops.
func (s *shares) begin(ctx context.Context) {
	s.ctx = ctx
	surveyed := map[string]bool{}
	for _, r := range s.c.set.Roots() {
		s.survey(r.Path, surveyed)
	}
	for path := range s.c.cfg.Known {
		s.survey(filepath.Dir(path), surveyed)
	}
	uids := map[uint32]bool{0: true}
	for _, uid := range s.keepers {
		uids[uid] = true
	}
	known := map[uint32]map[string]inode.Known{}
	for path, k := range s.c.cfg.Known {
		uid := s.keeper(path)
		if known[uid] == nil {
			known[uid] = map[string]inode.Known{}
		}
		known[uid][path] = k
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for uid := range uids {
		s.open(uid, known[uid])
	}
}

// survey learns who keeps what lies at path.
func (s *shares) survey(path string, surveyed map[string]bool) {
	if s.single {
		return
	}
	at := "/"
	for _, part := range scope.Split(path) {
		at = filepath.Join(at, part)
		if surveyed[at] {
			continue
		}
		if _, kept := s.keepers[at]; kept {
			return
		}
		uid, isDir := reach.OwnerOf(at)
		if !isDir { // a link of root's leads on
			if uid != 0 {
				return
			}
			continue
		}
		if uid != 0 {
			s.keepers[at] = uid
			s.keeps[uid]++
			return
		}
		surveyed[at] = true
	}
}

// keeper is the user who decides what lies at path.
func (s *shares) keeper(path string) uint32 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.keepers) == 0 {
		return 0
	}
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		if uid, ok := s.keepers[path[:i]]; ok {
			return uid
		}
	}
	return 0
}

// open starts a loop. The caller holds mu.
func (s *shares) open(uid uint32, known map[string]inode.Known) *loop {
	l := newLoop(s, uid, known)
	s.loops[uid] = l
	s.first++
	s.living++
	go func() {
		l.run(s.ctx)
		s.end(&s.living)
	}()
	return l
}

// end counts one of what was under way as ended.
func (s *shares) end(of *int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*of--
	s.change.Broadcast()
}

// ended is closed once none of what is counted is under way.
func (s *shares) ended(of *int) <-chan struct{} {
	none := make(chan struct{})
	go func() {
		defer close(none)
		s.mu.Lock()
		defer s.mu.Unlock()
		for *of > 0 {
			s.change.Wait()
		}
	}()
	return none
}

// of is the loop of a user.
func (s *shares) of(uid uint32) *loop {
	s.mu.RLock()
	l := s.loops[uid]
	s.mu.RUnlock()
	if l != nil {
		return l
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l = s.loops[uid]; l == nil {
		l = s.open(uid, nil)
	}
	return l
}

// learn notes that a directory is a user's; fresh: it was not known. room is false
// where the user has so many that no more are noted.
func (s *shares) learn(dir string, uid uint32) (fresh, room bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.keepers[dir]; ok {
		return false, true
	}
	if s.keeps[uid] >= maxDirectories {
		return false, false
	}
	s.keepers[dir] = uid
	s.keeps[uid]++
	return true, true
}

// unlearn forgets a directory.
func (s *shares) unlearn(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if uid, ok := s.keepers[dir]; ok {
		delete(s.keepers, dir)
		s.keeps[uid]--
	}
}

// room reports whether one more directory of a user is noted.
func (s *shares) room(uid uint32) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.keeps[uid] < maxDirectories
}

// found has a user's loop look into a directory of his that was not known.
func (s *shares) found(dir string, uid uint32, records map[string]inode.Known) {
	l := s.of(uid)
	select {
	case <-s.of(0).scannedOnce:
		l.in.Post(func() { l.adopt(records) })
		if l.asked.CompareAndSwap(false, true) { // one scan finds all that were found until it begins
			l.in.Post(func() { l.asked.Store(false); l.reconcile(causeUnreported) })
		}
	default:
		s.mu.Lock()
		s.first++
		s.mu.Unlock()
		l.in.Post(func() { l.adopt(records); l.meet(dir) })
	}
}

// kept lists the directories that a user keeps.
func (s *shares) kept(uid uint32) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var dirs []string
	for dir, of := range s.keepers {
		if of == uid {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// elsewhere has the loops of other users do something about what they keep at or
// below path.
func (s *shares) elsewhere(path string, self uint32, do func(*loop)) {
	s.mu.RLock()
	uids := map[uint32]bool{}
	for dir, uid := range s.keepers {
		if uid != self && reach.Under(dir, path) {
			uids[uid] = true
		}
	}
	s.mu.RUnlock()
	for uid := range uids {
		l := s.of(uid)
		l.in.Post(func() { do(l) })
	}
}

// all has every loop do something.
func (s *shares) all(do func(*loop)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, l := range s.loops {
		l.in.Post(func() { do(l) })
	}
}

// dispatch hands a notification to the loops of whatever it is about. Root's loop
// may make the reader wait: nothing of it is lost by that.
func (s *shares) dispatch(r fanotify.Notice) {
	switch {
	case !r.Unnamed.IsZero():
		s.out.put(item{gap: &Gap{Since: r.Unnamed, Cause: CauseActors}})
		return
	case r.Overflow:
		s.c.count(func(st *Status) { st.Counters.Overflows++ })
		s.all(func(l *loop) { l.reconcile(causeOverflow) })
		return
	}
	var told [4]uint32 // a rename has two names; more are those of bind mounts
	to := told[:0]
next:
	for _, h := range s.resolve(r) {
		uid := s.keeper(h.Path)
		for _, t := range to {
			if t == uid {
				continue next
			}
		}
		to = append(to, uid)
		s.of(uid).in.Put(r)
	}
}

// resolve tells what a notification is about, and which links it concerns.
func (s *shares) resolve(r fanotify.Notice) []fanotify.Happening {
	return s.c.behind.Widen(s.sensor.Resolve(r))
}

// full reports whether root's loop is behind.
func (s *shares) full() bool { return s.of(0).in.Waiting() >= inbox.Most }

// wait waits for the loops to end: root's for as long as it takes, a user's for a
// while, since he may hold it up.
func (s *shares) wait() {
	<-s.of(0).ended
	select {
	case <-s.ended(&s.living):
	case <-time.After(stopWithin):
		s.c.cfg.Log.Warn("ended without the share of a user", "after", stopWithin)
	}
}

// Patience with the shares of users.
const (
	startWithin = 10 * time.Second // with their first scans
	stopWithin  = 2 * time.Second  // with their end
)

// ready waits for the first scans and has it said.
func (s *shares) ready() {
	select {
	case <-s.of(0).scannedOnce:
	case <-s.ctx.Done():
		return
	}
	select {
	case <-s.ended(&s.first):
	case <-time.After(startWithin):
		s.c.cfg.Log.Warn("began without the share of a user", "after", startWithin)
	case <-s.ctx.Done():
		return
	}
	s.out.put(item{did: func() { close(s.c.ready) }})
}

// Helpers are the tasks that a capture needs other processes of this program for.
// main of whoever runs one begins with helper.Main(capture.Helpers()).
func Helpers() map[string]helper.Task {
	return map[string]helper.Task{reach.Task: reach.Serve, aviary.Task: aviary.Serve}
}
