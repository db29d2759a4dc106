package capture

import (
	"math"
	"path/filepath"
	"time"

	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/hands"
	"github.com/stele-log/stele/internal/capture/inode"
)

// Between two looks at the flags of chattr, of which the kernel tells nobody: as
// short as costs flagsPart of the time, within bounds.
const (
	flagsSoonest = 800 * time.Millisecond
	flagsLatest  = 50 * time.Second
	flagsPart    = 2000
)

// flagsAtOnce is of how many directories before the loop does something else.
const flagsAtOnce = 64

// entry is a recorded file of a directory.
type entry struct {
	base  string
	known inode.Known
}

// lookAtFlags goes over all recorded files: whoever sets a flag moves the time of a
// file's last change, and nothing else that stat shows. Directories are opened and
// files are not, so that it costs about a microsecond a file.
func (l *loop) lookAtFlags() {
	if !l.sensor.Live() { // the scan finds them
		return
	}
	dirs := map[string][]entry{}
	for path, k := range l.recorded {
		dir, base := filepath.Split(path)
		dirs[dir] = append(dirs[dir], entry{base, k})
	}
	since := l.flagsSince
	l.flagsSince = l.c.cfg.Now()
	l.lookAtFlagsOf(dirs, &scan{since: since, cause: causeUnreported, until: math.MaxUint64}, 0)
}

func (l *loop) lookAtFlagsOf(dirs map[string][]entry, s *scan, spent time.Duration) {
	n, begun := 0, time.Now()
	for dir, entries := range dirs {
		if n++; n > flagsAtOnce {
			spent += time.Since(begun)
			l.in.Post(func() { l.lookAtFlagsOf(dirs, s, spent) })
			return
		}
		delete(dirs, dir)
		differ, err := hands.By(l.hands, filepath.Clean(dir), func() []entry { return l.eye.flagged(dir, entries) })
		if err != nil {
			continue
		}
		for _, e := range differ {
			if path := dir + e.base; l.recorded[path] == e.known {
				l.suspectOf(path, s)
			}
		}
	}
	s.until = l.sensor.Queued() // what is in the queue by now may tell of it
	l.flags.Reset(flagsPause(spent+time.Since(begun), l.c.cfg.flagsSoonest))
}

// flagsPause is how long after a look at the flags the next one comes.
func flagsPause(spent, soonest time.Duration) time.Duration {
	return min(max(spent*flagsPart, soonest), max(flagsLatest, soonest))
}

// flagged are the entries of a directory of which nothing but the flags and the time
// of the last change may be otherwise than recorded.
func (e *eye) flagged(dir string, entries []entry) (differ []entry) {
	d, err := e.reach.OpenDir(filepath.Clean(dir))
	if err != nil {
		return nil
	}
	defer d.Close()
	for _, x := range entries {
		if inode.FlagsMoved(d, x.base, x.known) {
			differ = append(differ, x)
		}
	}
	return differ
}

// onlyFlags: what a scan found is what nobody tells of, so nothing was missed.
func (l *loop) onlyFlags(path string, s sight) bool {
	before, existed := l.recorded[path]
	return existed && s.exists && before.SameText(s.known) && before.SameButFlags(s.known) && before.Links == s.known.Links
}

// finishSuspect looks at what a scan found other than recorded.
func (l *loop) finishSuspect(p *pending) {
	s := l.look(p.path)
	h := fanotify.Happening{Layer: LayerScan, At: l.c.cfg.Now()}
	switch {
	case l.onlyFlags(p.path, s):
		h.Since = p.suspect.since
	case l.sensor.Live():
		s.unreported = p.suspect
	}
	p.push(s, l.authored(p, s, h))
}
