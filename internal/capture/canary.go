package capture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/aviary"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/hands"
	"github.com/stele-log/stele/internal/capture/helper"
)

// Times of canaries.
const (
	canaryEvery  = 30 * time.Second
	canaryLate   = 2 * time.Second  // it should have come by then
	canaryLost   = 60 * time.Second // it will not come
	canaryWithin = 30 * time.Second // its helper is waited for
	canaryGrace  = 2 * time.Second  // a process that was stopped may find it then
	marksWithin  = 10 * time.Second // the marks are compared, as far as one comes
)

// canary finds out whether capture works, by changes of its own: every so often a
// process of another user changes a file on each file system of which something
// is watched, and the change must come through as any other does, with its actor.
// On file systems where that process can write nothing the marks alone are
// looked at.
type canary struct {
	s       *shares
	every   time.Duration
	lost    time.Duration
	process *helper.Process
	hands   map[uint32]*hands.Hands // by whoever keeps what is looked at
	perches map[string]*perch       // by file system
	round   int
	rounds  atomic.Int64 // that all came
	helper  atomic.Int64 // number of the helper
	lastly  atomic.Pointer[time.Time]
	marks   time.Time // when no mark was missing
	torn    bool      // some were at the last look
}

// perch is where the canary of one file system is.
type perch struct {
	cage  *cage
	where string    // something watched on that file system
	mute  string    // why there is no canary; empty: there is one
	good  time.Time // when the last one that came was sent
	round int       // of the last one
	sent  time.Time // the same, on the clock that is never set
	by    int       // process that was to change it
	plain int       // canaries in a row that were named, and not by the programs in the kernel
	bad   bool      // the last one did not come, or not whole
}

func newCanary(s *shares) *canary {
	c := &canary{s: s, every: s.c.cfg.canaryEvery, lost: s.c.cfg.canaryLost, perches: map[string]*perch{}}
	if c.every == 0 {
		c.every = canaryEvery
	}
	if c.lost == 0 {
		c.lost = canaryLost
	}
	return c
}

// on reports whether canaries are sent.
func (c *canary) on() bool { return c.every >= 0 && c.s.sensor.Live() }

// announce lists the layer, before anybody is told which layers there are.
func (c *canary) announce() {
	if c.on() {
		c.s.c.count(func(s *Status) { s.Layers = append(slices.Clone(s.Layers), Layer{Name: LayerCanary, Live: true}) })
	}
}

// run sends canaries until ctx ends.
func (c *canary) run(ctx context.Context) {
	if !c.on() {
		return
	}
	select {
	case <-c.s.c.ready:
	case <-ctx.Done():
		return
	}
	c.marks, c.hands = c.s.c.cfg.Now(), map[uint32]*hands.Hands{}
	defer c.close()
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for {
		c.look(ctx)
		c.sing(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look compares the marks with those that the kernel has.
func (c *canary) look(ctx context.Context) {
	now := c.s.c.cfg.Now()
	soon, cancel := context.WithTimeout(ctx, marksWithin)
	defer cancel()
	lost, whole, err := c.s.sensor.Restore(soon, func(path string, do func()) error {
		uid := c.s.keeper(path)
		if c.hands[uid] == nil {
			c.hands[uid] = hands.New(ctx)
		}
		_, err := hands.By(c.hands[uid], path, func() struct{} { do(); return struct{}{} })
		return err
	})
	switch {
	case err != nil:
		c.s.c.cfg.Log.Warn("marks not counted", "error", err)
	case len(lost) > 0:
		detail := fmt.Sprintf("%d marks are missing, of %s among others: they are set again", len(lost), lost[0])
		c.s.c.cfg.Tell(Trouble{Kind: Lost, Layer: causeMarks, Detail: detail})
		c.gap(causeMarks, c.marks)
		c.torn, c.marks = true, now
	case !whole: // as far as was looked nothing is missing
	default:
		if c.torn {
			c.s.c.cfg.Tell(Trouble{Kind: Lost, Layer: causeMarks, Over: true})
		}
		c.torn, c.marks = false, now
	}
}

// gap tells of a time in which changes may have gone by, and looks for them.
func (c *canary) gap(cause string, since time.Time) {
	c.s.out.put(item{gap: &Gap{Since: since, Cause: cause}})
	c.s.c.cfg.Log.Warn("gap found", "since", since, "cause", cause)
	c.s.all(func(l *loop) {
		l.reconcile(cause)
		l.scan.told = true // by the gap that is told
	})
}

// sing has each canary changed and waits for the changes.
func (c *canary) sing(ctx context.Context) {
	c.settle()
	var wait []*perch
	began := map[*perch]time.Time{}
	for _, id := range slices.Sorted(maps.Keys(c.perches)) {
		p := c.perches[id]
		if p.mute != "" {
			continue
		}
		at := c.s.c.cfg.Now()
		p.sent = time.Now()
		switch err := c.change(p); {
		case errors.Is(err, unix.ENOENT): // somebody tidied up
			c.s.c.cages.remove(p.cage.dir)
			p.cage, p.mute = nil, "its directory was removed"
		case cannotWrite(err):
			p.mute = err.Error()
		case err != nil && ctx.Err() != nil:
			return
		default: // one that could not be changed does not come
			began[p], wait = at, append(wait, p)
		}
	}
	for _, p := range wait {
		c.hear(ctx, p, began[p])
	}
	c.report()
	c.rounds.Add(1)
}

// lastGood is when the last canary that came everywhere was sent.
func (c *canary) lastGood() time.Time {
	if t := c.lastly.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

func (c *canary) pid() int { return int(c.helper.Load()) }

// change changes a canary, by a new helper if the old one is gone.
func (c *canary) change(p *perch) error {
	err := c.sound(p)
	if errors.Is(err, helper.ErrGone) {
		c.process.Close()
		c.revive()
		err = c.sound(p)
	}
	return err
}

// sound has a canary changed once; no two times are mistaken for each other.
func (c *canary) sound(p *perch) error {
	c.round++
	p.round = c.round
	if c.process != nil {
		p.by = c.process.PID()
	}
	return c.order(p.cage.dir, "sing:"+strconv.Itoa(p.round))
}

func (c *canary) revive() {
	if c.process == nil || c.process.Ended() {
		c.process.Close()
		if c.process, _ = startCanary(); c.process != nil { // else told as the reason of each place
			c.helper.Store(int64(c.process.PID()))
		}
	}
}

// hear waits for one canary.
func (c *canary) hear(ctx context.Context, p *perch, sent time.Time) {
	limit := time.NewTimer(max(0, c.lost-time.Since(p.sent)))
	defer limit.Stop()
	graced, part := false, (*song)(nil)
	for {
		select {
		case s := <-p.cage.asks:
			switch {
			case s.round != p.round:
			case s.obs.Mode&0o777 != aviary.Mode:
				part = &s // the rest may come
			default:
				c.judge(p, &s, sent, s.at.Sub(p.sent))
				return
			}
		case <-limit.C:
			if !graced {
				graced = true
				limit.Reset(min(canaryGrace, c.lost))
				continue
			}
			c.judge(p, part, sent, c.lost)
			return
		case <-ctx.Done():
			return
		}
	}
}

// judge says what a canary tells of the capture.
func (c *canary) judge(p *perch, s *song, sent time.Time, took time.Duration) {
	wrong := ""
	if s == nil {
		wrong = fmt.Sprintf("a change of our own was not told of within %s", took)
	} else {
		wrong = c.wrong(p, &s.obs)
	}
	layer := LayerCanary + " " + p.where
	switch {
	case wrong != "":
		c.s.c.cfg.Tell(Trouble{Kind: Lost, Layer: layer, Detail: fmt.Sprintf("on the file system of %s %s; the last good one was at %s", p.where, wrong, body.FormatTime(p.good))})
		if !p.bad {
			c.gap(causeCanary, p.good)
		}
		p.bad = true
		return
	case p.bad:
		c.gap(causeCanary, p.good) // up to now
		c.s.c.cfg.Tell(Trouble{Kind: Lost, Layer: layer, Over: true})
	}
	p.bad = false
	if p.plain == 0 { // else it may have to be told that it was lost from here on
		p.good = sent
		c.lastly.Store(&sent)
	}
	if took > canaryLate {
		c.s.c.cfg.Tell(Trouble{Kind: Late, Layer: layer, Detail: fmt.Sprintf("on the file system of %s a change of our own took %s to be told of", p.where, took.Round(time.Millisecond))})
	} else {
		c.s.c.cfg.Tell(Trouble{Kind: Late, Layer: layer, Over: true})
	}
}

// wrong says which layer a canary came without.
func (c *canary) wrong(p *perch, o *Observation) string {
	uid := uint32(os.Geteuid())
	if uid == 0 {
		uid = aviary.ID
	}
	switch {
	case o.Layer != LayerFanotify:
		return "a change of our own was found by a scan alone"
	case o.Mode&0o777 != aviary.Mode:
		return "a change of mode of our own was not told of"
	case !c.s.sensor.NamesProcesses():
		return ""
	case o.Who == nil:
		return "nobody was named for a change of our own"
	case o.Who.PID != p.by || o.Who.UID == nil || *o.Who.UID != uid || o.Who.Exe == "":
		return fmt.Sprintf("somebody else was named for a change of our own: process %d, program %q", o.Who.PID, o.Who.Exe)
	}
	return c.plain(p, o.Who)
}

// plain says that the programs in the kernel are silent though they are said to be
// live: two canaries in a row were named by /proc alone, which a canary can be, and a
// short process cannot. One may be, while processes are read anew after a loss.
func (c *canary) plain(p *perch, who *body.Who) string {
	live := func(l Layer) bool { return l.Name == LayerBPF && l.Live }
	if who.NamedBy == LayerBPF || !slices.ContainsFunc(c.s.c.Status().Layers, live) {
		p.plain = 0
		return ""
	}
	if p.plain++; p.plain < 2 {
		return ""
	}
	return "the programs in the kernel named nobody for changes of our own"
}

// report says how many file systems have a canary, and which have none.
func (c *canary) report() {
	var mute []string
	heard := 0
	for _, p := range c.perches {
		if p.mute == "" {
			heard++
		} else {
			mute = append(mute, fmt.Sprintf("none on the file system of %s (%s): its marks alone are looked at", p.where, p.mute))
		}
	}
	slices.Sort(mute)
	live := heard > 0 && !slices.ContainsFunc(slices.Collect(maps.Values(c.perches)), func(p *perch) bool { return p.bad })
	c.s.c.count(func(s *Status) { s.layer(Layer{LayerCanary, live, strings.Join(mute, "; ")}) })
}

// settle finds a place for a canary on each file system that has none.
func (c *canary) settle() {
	c.revive()
	for id, where := range c.s.sensor.FileSystems(c.s.c.cages.cage) {
		p := c.perches[id]
		if p == nil {
			p = &perch{where: where, good: c.s.c.cfg.Now()}
			c.perches[id] = p
		}
		if p.cage == nil || p.mute != "" {
			c.perch(id, p)
		}
	}
}

func startCanary() (*helper.Process, error) {
	ids := helper.IDs{UID: aviary.ID, GID: aviary.ID}
	if os.Geteuid() != 0 {
		ids = helper.IDs{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	}
	return helper.Start(aviary.Task, ids)
}

// perch finds a directory on a file system in which the helper can write.
func (c *canary) perch(id string, p *perch) {
	if c.process == nil {
		p.mute = helper.ErrNone.Error()
		return
	}
	if p.cage != nil {
		p.mute = ""
		return // it may write again
	}
	p.mute = "no directory there which others can write"
	for _, above := range everybodys {
		if c.s.sensor.FileSystem(above) != id {
			continue
		}
		dir, err := c.makeCage(above)
		if err == nil {
			err = c.s.sensor.MarkDir(dir, fanotify.Content)
		}
		if err != nil {
			p.mute = err.Error()
			continue
		}
		p.cage, p.mute = c.s.c.cages.add(dir), ""
		return
	}
}

// everybodys are directories in which everybody may write.
var everybodys = []string{"/var/tmp", "/tmp", "/dev/shm", "/run/lock"}

func canaryOwner() int {
	if uid := os.Geteuid(); uid != 0 {
		return uid
	}
	return aviary.ID
}

func (c *canary) makeCage(above string) (string, error) {
	c.sweep(above)
	name := fmt.Sprintf("stele-canary-%d-%x", os.Getpid(), time.Now().UnixNano())
	return filepath.Join(above, name), c.order(above, "mkdir"+name)
}

// sweep removes what processes that were killed have left.
func (c *canary) sweep(above string) {
	left, _ := filepath.Glob(filepath.Join(above, "stele-canary-*"))
	for _, dir := range left {
		var st unix.Stat_t
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), "stele-canary-%d-", &pid); err != nil || unix.Lstat(dir, &st) != nil || int(st.Uid) != canaryOwner() {
			continue
		}
		if unix.Kill(pid, 0) == unix.ESRCH {
			_ = c.order(above, "rmdir"+filepath.Base(dir)) // it is in nobody's way
		}
	}
}

// order has the helper do something in a directory.
func (c *canary) order(dir, text string) error {
	if c.process == nil {
		return helper.ErrNone
	}
	d, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR || err == unix.ELOOP { // it was removed, and its name taken
		err = unix.ENOENT
	}
	if err != nil {
		return err
	}
	defer unix.Close(d)
	answer, _, err := c.process.Ask([]byte(text), []int{d}, canaryWithin)
	if err != nil || string(answer) == "ok" {
		return err
	}
	n, _ := strconv.Atoi(string(answer)) // zero is an error too
	return unix.Errno(n)
}

// cannotWrite: the file system takes nothing from the helper, which is its right.
func cannotWrite(err error) bool {
	for _, e := range []unix.Errno{unix.EROFS, unix.ENOSPC, unix.EDQUOT, unix.EACCES, unix.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (c *canary) close() {
	for _, p := range c.perches {
		if p.cage != nil {
			_ = c.order(filepath.Dir(p.cage.dir), "rmdir"+filepath.Base(p.cage.dir)) // the next start finds it
			c.s.c.cages.remove(p.cage.dir)
		}
	}
	c.process.Close()
}
