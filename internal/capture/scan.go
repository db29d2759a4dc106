package capture

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/scope"
)

// start attaches everything, then compares what is there with what was
// recorded. Differences are told after one gap, first sights after those.
func (l *loop) start() {
	defer l.shares.end(&l.shares.first)
	l.began, l.scan = l.c.cfg.Now(), &scan{since: l.c.cfg.Since, cause: CauseDown}
	l.flagsSince = l.began
	found := l.find()
	for _, path := range slices.Sorted(maps.Keys(l.recorded)) {
		l.compare(path)
		delete(found, path)
	}
	l.firstSights(found)
	l.counted()
	l.c.count(func(s *Status) { s.Counters.Scans++ })
	close(l.scannedOnce)
}

// find attaches what this loop keeps and returns the subjects that exist.
func (l *loop) find() map[string]bool {
	found := map[string]bool{}
	l.dirs = 0
	v := visitor{func(path string) { found[path] = true }, func(string, *loop) {}} // others look by themselves
	for _, r := range l.set.Roots() {
		if l.uid == 0 || l.shares.keeper(r.Path) == l.uid {
			l.attach(r, v)
		}
	}
	l.forgetAbsent()
	for _, dir := range l.shares.kept(l.uid) {
		if slices.ContainsFunc(l.set.Roots(), func(r scope.Root) bool { return l.shares.keeper(r.Path) != l.uid && r.HoldsBelow(dir) }) {
			l.walk(dir, v)
		}
	}
	return found
}

// forgetAbsent forgets directories of the user's that were gone at two scans in a row:
// by then nothing is on the way that was told of them.
func (l *loop) forgetAbsent() {
	if l.uid == 0 {
		return
	}
	absent := map[string]bool{}
	for _, dir := range l.shares.kept(l.uid) {
		if _, there := l.stat(dir); there {
			continue
		}
		if l.absent[dir] {
			l.shares.unlearn(dir)
		} else {
			absent[dir] = true
		}
	}
	l.absent = absent
}

// meet takes in a directory of this loop's user that was found while the first scans
// are made.
func (l *loop) meet(dir string) {
	defer l.shares.end(&l.shares.first)
	found := map[string]bool{}
	l.walk(dir, visitor{func(path string) { found[path] = true }, func(string, *loop) {}})
	maps.DeleteFunc(found, func(path string, _ bool) bool { _, told := l.recorded[path]; return told })
	l.firstSights(found)
}

func (l *loop) firstSights(found map[string]bool) {
	for _, path := range slices.Sorted(maps.Keys(found)) {
		l.firstSight(path)
	}
}

// compare tells how path differs from its record since the last run. Stat
// comes first: only what moved is read.
func (l *loop) compare(path string) {
	before := l.recorded[path]
	if k, there := l.stat(path); there && k.SameStat(before) {
		if k.Regular() {
			l.markFile(path)
		}
		return
	}
	s := l.look(path)
	s.at, s.layer = l.c.cfg.Now(), LayerScan
	l.out.room(l.uid)
	a, changed := action(before, true, s)
	l.record(path, s)
	if s.exists && s.known.Regular() {
		l.markFile(path)
	}
	if changed {
		l.tellGap(l.scan)
		o := observe(path, "", a, s)
		o.Before = before
		l.put(o, s)
	}
}

// firstSight tells of a path that has no record. If it was made after this capture
// began it is new, and nobody told who made it. If its inode changed after the last
// run ended it was made in between; else it was there before.
func (l *loop) firstSight(path string) {
	if !l.follows(path) {
		return
	}
	s := l.look(path)
	if !s.exists {
		return
	}
	l.finding = l.shares.addedLater(path)
	defer func() { l.finding = false }()
	if l.madeSince(path, cmp.Or(s.link, &s.known), l.shares.began) {
		l.note(fanotify.Happening{Path: path, Kind: fanotify.Created, Layer: LayerScan, At: l.c.cfg.Now()})
		return
	}
	s.at, s.layer = l.c.cfg.Now(), LayerScan
	a, since := body.Baseline, l.c.cfg.Since
	if !since.IsZero() && s.known.CtimeNs >= since.Add(-racy).UnixNano() {
		a = body.Create
		l.tellGap(l.scan)
	}
	l.out.room(l.uid)
	l.record(path, s)
	l.put(observe(path, "", a, s), s)
}

// madeSince says whether a file was made after a time. Where its file system does
// not tell, it is taken to have been made when it was last changed.
func (l *loop) madeSince(path string, k *inode.Known, when time.Time) bool {
	born, _ := l.origin(path, k)
	if born == 0 {
		born = k.CtimeNs
	}
	return born > when.UnixNano()
}

// reconcile looks for what nobody told: it attaches everything anew and makes a
// suspect of each path whose state is not the recorded one. A notification that
// is still on the way clears the suspicion; what is left once all were taken that
// had been queued by then is told with a gap.
func (l *loop) reconcile(cause string) {
	l.scan = &scan{since: l.began, cause: cause}
	l.began = l.c.cfg.Now()
	if cause == causeOverflow {
		l.tellGap(l.scan)
	}
	churning := l.churning
	l.churning = false
	l.full.Store(false)
	l.crowd = false
	found := l.find()
	l.calm(churning)
	l.roomy()
	l.unpacked()
	for path := range found {
		if k, there := l.stat(path); there && !k.SameStat(l.recorded[path]) {
			l.suspect(path)
		}
	}
	for path := range l.recorded {
		if !found[path] {
			l.suspect(path)
		}
	}
	l.scan.until = l.sensor.Queued()
	l.c.count(func(s *Status) { s.Counters.Scans++ })
}

// suspect keeps the first scan that found a path other than recorded: since the
// one before that it may have changed.
func (l *loop) suspect(path string) { l.suspectOf(path, l.scan) }

func (l *loop) suspectOf(path string, s *scan) {
	if l.pending[path] == nil && l.follows(path) {
		l.pendingOf(path).suspect = s
		l.pending[path].last = l.pending[path].first
	}
}
