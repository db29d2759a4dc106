package capture

import (
	"maps"
	"slices"

	"github.com/stele-log/stele/body"
)

// start attaches everything, then compares what is there with what was
// recorded. Differences are told after one gap, first sights after those.
func (l *loop) start() {
	l.scanned = l.c.cfg.Now()
	l.since, l.cause = l.c.cfg.Since, CauseDown
	found := l.find()
	for _, path := range slices.Sorted(maps.Keys(l.recorded)) {
		l.compare(path)
		delete(found, path)
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		l.firstSight(path)
	}
	l.counted()
	l.c.count(func(s *Status) { s.Counters.Scans++ })
	l.out.put(item{did: func() { close(l.c.ready) }})
}

// find attaches every root and returns the subjects that exist.
func (l *loop) find() map[string]bool {
	found := map[string]bool{}
	for _, r := range l.set.roots {
		l.attach(r, func(path string) { found[path] = true })
	}
	return found
}

// compare tells how path differs from its record since the last run. Stat
// comes first: only what moved is read.
func (l *loop) compare(path string) {
	before := l.recorded[path]
	if k, there := stat(path); there && k.sameStat(before) {
		if k.regular() {
			_ = l.sensor.markFile(path)
		}
		return
	}
	s := l.look(path)
	s.at, s.layer = l.c.cfg.Now(), LayerScan
	l.out.room()
	a, changed := action(before, true, s)
	l.record(path, s)
	if s.exists && s.known.regular() {
		_ = l.sensor.markFile(path)
	}
	if changed {
		l.tellGap()
		l.put(observe(path, "", a, s), s)
	}
}

// firstSight tells of a path that has no record. If its inode changed after the
// last run ended it was made in between; else it was there before.
func (l *loop) firstSight(path string) {
	s := l.look(path)
	if !s.exists {
		return
	}
	s.at, s.layer = l.c.cfg.Now(), LayerScan
	a, since := body.Baseline, l.c.cfg.Since
	if !since.IsZero() && s.known.CtimeNs >= since.Add(-racy).UnixNano() {
		a = body.Create
		l.tellGap()
	}
	l.out.room()
	l.record(path, s)
	l.put(observe(path, "", a, s), s)
}

// reconcile looks for what nobody told: it attaches everything anew and makes a
// suspect of each path whose state is not the recorded one. A notification that
// is still on the way clears the suspicion; what is left is told with a gap.
func (l *loop) reconcile(cause string) {
	l.since, l.scanned = l.scanned, l.c.cfg.Now()
	l.cause, l.gapTold = cause, false
	if cause == causeOverflow {
		l.tellGap()
	}
	found := l.find()
	for path := range found {
		if k, there := stat(path); there && !k.sameStat(l.recorded[path]) {
			l.suspect(path)
		}
	}
	for path := range l.recorded {
		if !found[path] {
			l.suspect(path)
		}
	}
	l.c.count(func(s *Status) { s.Counters.Scans++ })
}

func (l *loop) suspect(path string) {
	if l.pending[path] == nil {
		l.pendingOf(path).suspect = true
		l.pending[path].last = l.pending[path].first
	}
}
