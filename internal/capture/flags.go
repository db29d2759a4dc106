package capture

import (
	"path/filepath"
	"time"

	"github.com/stele-log/stele/internal/capture/fanotify"
)

// flagsEvery is how often the flags of chattr are looked at, of which the kernel
// tells nobody. A ticker may be late.
const flagsEvery = 50 * time.Second

// flagsAtOnce is of how many directories before the loop does something else.
const flagsAtOnce = 64

// entry is a recorded file of a directory.
type entry struct {
	base  string
	known Known
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
	l.lookAtFlagsOf(dirs, &scan{since: since, cause: causeUnreported})
}

func (l *loop) lookAtFlagsOf(dirs map[string][]entry, s *scan) {
	n := 0
	for dir, entries := range dirs {
		if n++; n > flagsAtOnce {
			l.in.post(func() { l.lookAtFlagsOf(dirs, s) })
			return
		}
		delete(dirs, dir)
		differ, err := by(l.hands, filepath.Clean(dir), func() []entry { return l.eye.flagged(dir, entries) })
		if err != nil {
			continue
		}
		for _, e := range differ {
			if path := dir + e.base; l.recorded[path] == e.known {
				l.suspectOf(path, s)
			}
		}
	}
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
		if flagsMoved(d, x.base, x.known) {
			differ = append(differ, x)
		}
	}
	return differ
}

// onlyFlags: what a scan found is what nobody tells of, so nothing was missed.
func (l *loop) onlyFlags(path string, s sight) bool {
	before, existed := l.recorded[path]
	return existed && s.exists && before.sameText(s.known) && before.sameButFlags(s.known) && before.Links == s.known.Links
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
	p.push(s, h)
}
