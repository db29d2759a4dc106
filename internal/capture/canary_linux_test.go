package capture

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
)

// troubles is what a capture told of itself.
type troubles struct {
	mu   sync.Mutex
	told []Trouble
}

func (t *troubles) tell(r Trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = append(t.told, r)
}

// standing are the kinds that were told last as not over.
func (t *troubles) standing(kind TroubleKind) (found []Trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	by := map[string]Trouble{}
	for _, r := range t.told {
		if r.Kind == kind {
			by[r.Layer] = r
		}
	}
	for _, r := range by {
		if !r.Over {
			found = append(found, r)
		}
	}
	return found
}

func (t *troubles) ever(kind TroubleKind) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.told, func(r Trouble) bool { return r.Kind == kind && !r.Over })
}

// caged is a capture with quick canaries, and its parts, which a test can cut.
type caged struct {
	*watched
	troubles
	dir    string
	sensor *fanotify.Sensor
	shares *shares
	actors *muteActors
}

// muteActors is /proc, until somebody has it say nothing.
type muteActors struct {
	actor.Source
	mute atomic.Bool
	hold atomic.Pointer[chan struct{}] // answered once it is closed
	held atomic.Bool                   // somebody waits for that
}

func (m *muteActors) Actor(n actor.Named) actor.Actor {
	if held := m.hold.Load(); held != nil {
		m.held.Store(true)
		<-*held
	}
	if m.mute.Load() {
		return actor.Actor{PID: n.PID}
	}
	return m.Source.Actor(n)
}

func newCaged(t *testing.T, lost time.Duration) *caged {
	t.Helper()
	needRoot(t)
	c := &caged{dir: t.TempDir(), actors: &muteActors{Source: actor.Proc()}}
	write(t, filepath.Join(c.dir, "a.conf"), "one")
	parts := make(chan *shares, 1)
	c.watched = watch(t, Config{
		Paths: []string{c.dir}, ScanEvery: time.Hour, Tell: c.tell, Actors: c.actors,
		canaryEvery: 50 * time.Millisecond, canaryLost: lost, began: func(s *shares) { parts <- s },
	})
	c.shares = <-parts
	f, ok := c.shares.sensor.(*fanotify.Sensor)
	need(t, ok, "fanotify")
	c.sensor = f
	c.heard()
	if l := c.standing(Lost); len(l) > 0 {
		t.Fatalf("lost before anything was done: %+v", l)
	}
	return c
}

// heard waits for a canary that came.
func (c *caged) heard() {
	c.t.Helper()
	c.eventually("heard", func() bool { return c.layer(LayerCanary).Live && c.rounds() > 1 })
}

func (c *caged) rounds() int64 { return c.shares.canary.rounds.Load() }

// lostSince waits until a layer is said to be lost, and checks that the gap begins
// when it last worked: not later than the cut, and not before the last round.
func (c *caged) lostSince(cut, before time.Time) {
	c.t.Helper()
	c.eventually("lost", func() bool { return len(c.standing(Lost)) > 0 })
	c.eventually("a gap", func() bool { return len(c.gapsSoFar()) > 0 })
	g := c.gapsSoFar()[0]
	if g.Since.After(cut) {
		c.t.Errorf("cut at %s, the gap begins only at %s", cut, g.Since)
	}
	if g.Since.Before(before.Add(-time.Second)) { // marks are looked at before canaries are sent
		c.t.Errorf("it worked at %s, and the gap begins at %s", before, g.Since)
	}
}

var canaryFor = flag.Duration("canary-for", 0, "how long TestCanaryComes lasts beyond a few rounds")

// Benign twin of all below: canaries come, and of them nothing is told.
func TestCanaryComes(t *testing.T) {
	c := newCaged(t, time.Minute)
	run(t, c.dir, "sh", "-c", "echo two > a.conf")
	if got := lines(c.next(1)); len(got) != 1 || !strings.HasPrefix(got[0], "modify a.conf two") {
		t.Errorf("told %q", got)
	}
	n := c.rounds()
	c.eventually("more", func() bool { return c.rounds() > n+3 })
	for end := time.Now().Add(*canaryFor); time.Now().Before(end); n = c.rounds() {
		c.eventually("more", func() bool { return c.rounds() > n })
	}
	if len(c.take()) > 0 || len(c.gapsSoFar()) > 0 || c.ever(Lost) || c.c.Status().Watched != 1 {
		t.Errorf("canaries are told of: %s, gaps %v, %+v", show(c.watched.all()), c.gapsSoFar(), c.c.Status())
	}
	cages := c.cages()
	c.stop()
	for _, dir := range cages {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left", dir)
		}
	}
}

func (c *caged) cages() (dirs []string) {
	c.c.cages.mu.RLock()
	defer c.c.cages.mu.RUnlock()
	for dir := range c.c.cages.of {
		dirs = append(dirs, dir)
	}
	return dirs
}

// Each layer is cut, named, and mended again.
func TestCanaryIsLost(t *testing.T) {
	for _, cut := range []struct {
		name string
		cut  func(*caged) (mend func())
	}{
		{"the mark of its directory", func(c *caged) func() {
			for _, dir := range c.cages() {
				if err := loseMark(c.sensor, dir); err != nil {
					c.t.Fatal(err)
				}
			}
			return func() {}
		}},
		{"all marks", func(c *caged) func() {
			if err := unix.FanotifyMark(c.sensor.FD(), unix.FAN_MARK_FLUSH, 0, unix.AT_FDCWD, "/"); err != nil {
				c.t.Fatal(err)
			}
			return func() {}
		}},
		{"the mark of one watched directory", func(c *caged) func() {
			if err := loseMark(c.sensor, c.dir); err != nil {
				c.t.Fatal(err)
			}
			return func() {}
		}},
		{"the queue", func(c *caged) func() {
			fd := c.sensor.FD()
			saved, err := unix.Dup(fd)
			if err != nil {
				c.t.Fatal(err)
			}
			other, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_NONBLOCK|unix.FAN_REPORT_DFID_NAME|unix.FAN_REPORT_FID, unix.O_RDONLY|unix.O_CLOEXEC)
			if err != nil {
				c.t.Fatal(err)
			}
			put := func(in int) {
				if err := unix.Dup3(in, fd, unix.O_CLOEXEC); err != nil {
					c.t.Fatal(err)
				}
				unix.Close(in)
			}
			put(other)
			return func() { put(saved) }
		}},
		{"the loop", func(c *caged) func() {
			held := make(chan struct{})
			c.shares.of(0).in.Post(func() { <-held })
			return func() { close(held) }
		}},
		{"who did it", func(c *caged) func() {
			c.actors.mute.Store(true)
			return func() { c.actors.mute.Store(false) }
		}},
	} {
		t.Run(strings.ReplaceAll(cut.name, " ", "-"), func(t *testing.T) {
			c := newCaged(t, 2*time.Second)
			before := c.shares.canary.lastGood()
			mend := cut.cut(c)
			at := time.Now()
			c.lostSince(at, before)
			mend()
			c.eventually("mended", func() bool { return len(c.standing(Lost)) == 0 })
			run(t, c.dir, "sh", "-c", "echo three > a.conf; sleep .3")
			c.until(func(o Observation) bool { return strings.HasPrefix(line(o), "modify a.conf three") && o.Who != nil })
		})
	}
}

// One that comes late is late, and nothing is lost.
func TestCanaryIsLate(t *testing.T) {
	c := newCaged(t, time.Minute)
	held := make(chan struct{})
	c.shares.of(0).in.Post(func() { <-held })
	time.AfterFunc(canaryLate+canaryLate/4, func() { close(held) })
	c.eventually("late", func() bool { return c.ever(Late) })
	c.eventually("over", func() bool { return len(c.standing(Late)) == 0 })
	if c.ever(Lost) || len(c.gapsSoFar()) > 0 {
		t.Errorf("late is not lost: %+v, gaps %v", c.standing(Lost), c.gapsSoFar())
	}
}

// A file system that takes no canary is no fault of capture: its marks alone are
// looked at, and status says so.
func TestNoCanaryHere(t *testing.T) {
	c := newCaged(t, 2*time.Second)
	small := filepath.Join(c.dir, "small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", small, "tmpfs", 0, "size=64k"); err != nil {
		need(t, false, "permission to mount: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
	c.eventually("said", func() bool { return strings.Contains(c.layer(LayerCanary).Reason, small) })
	n := c.rounds()
	c.eventually("more", func() bool { return c.rounds() > n+3 })
	if c.ever(Lost) {
		t.Errorf("lost: %+v", c.standing(Lost))
	}
	if !c.layer(LayerCanary).Live {
		t.Error("not live, though there are canaries elsewhere")
	}
}

// The helper is killed: another one takes its place.
func TestCanaryIsKilled(t *testing.T) {
	c := newCaged(t, time.Minute)
	pid := c.shares.canary.pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.eventually("another", func() bool { return c.shares.canary.pid() != pid })
	n := c.rounds()
	c.eventually("heard", func() bool { return c.rounds() > n+1 })
	if c.ever(Lost) {
		t.Errorf("lost: %+v", c.standing(Lost))
	}
}

// loseMark takes away the mark of a directory, as somebody with a debugger can.
func loseMark(s *fanotify.Sensor, dir string) error {
	const all = unix.FAN_CREATE | unix.FAN_DELETE | unix.FAN_MOVE | unix.FAN_RENAME | unix.FAN_CLOSE_WRITE | unix.FAN_ATTRIB |
		unix.FAN_DELETE_SELF | unix.FAN_MOVE_SELF | unix.FAN_ONDIR | unix.FAN_EVENT_ON_CHILD
	return unix.FanotifyMark(s.FD(), unix.FAN_MARK_REMOVE, all, unix.AT_FDCWD, dir)
}
