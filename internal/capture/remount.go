package capture

import (
	"time"

	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/reach"
)

// remount is a mount that came or went.
type remount struct {
	point string
	words string
	by    actor.Actor
	since time.Time // when it was not yet so
}

// remounted has whoever keeps what lies at a mount look at what it hid or uncovered.
func (s *shares) remounted(m remount) {
	for _, link := range s.c.behind.Through(m.point) {
		l := s.of(s.keeper(link))
		l.in.Post(func() { l.remountedBehind(link, m) })
	}
	set := s.c.set
	if !set.Subject(m.point) && !set.Covers(m.point) && !set.OnWay(m.point) {
		return
	}
	s.sensor.Forget(m.point) // another directory has that name now
	l := s.of(s.keeper(m.point))
	l.in.Post(func() { l.remounted(m) })
	s.elsewhere(m.point, l.uid, func(o *loop) { o.remounted(m) })
}

// remountedBehind takes note of a mount on the way behind a link.
func (l *loop) remountedBehind(link string, m remount) {
	l.onBehind(fanotify.Happening{
		Path: link, Kind: fanotify.Attributes, By: m.by, Layer: LayerScan, At: l.c.cfg.Now(), Since: m.since, Behind: true,
	})
	if p := l.pending[link]; p != nil {
		p.mount = m.words
	}
}

// remounted takes note of what a mount hid or uncovered, as the doing of whoever
// mounted it; what was written there since has an author of its own. What others do
// to files below the mount is not seen: that is a gap, if there are any.
func (l *loop) remounted(m remount) {
	h := fanotify.Happening{Kind: fanotify.Created, By: m.by, Layer: LayerScan, At: l.c.cfg.Now(), Since: m.since}
	changed := false
	note := func(path string, k fanotify.Kind, listing bool) {
		n := h
		n.Path, n.Kind = path, k
		if listing {
			n = listed(n)
		}
		l.note(n)
		l.pending[path].mount = m.words
		changed = true
	}
	v := visitor{func(path string) {
		if k, there := l.stat(path); there && !k.SameStat(l.latest(path)) {
			note(path, fanotify.Created, k.CtimeNs > m.since.UnixNano())
		}
	}, func(_ string, o *loop) { o.in.Post(func() { o.remounted(m) }) }}
	l.attachAt(m.point, v)
	for path := range l.recorded {
		if reach.Under(path, m.point) {
			if _, there := l.stat(path); !there {
				note(path, fanotify.Removed, false)
			}
		}
	}
	if changed {
		l.out.put(item{gap: &Gap{Since: m.since, Cause: causeMounts, Detail: m.words}})
	}
}

// attachAt attaches what lies at, below or behind a path anew.
func (l *loop) attachAt(path string, v visitor) {
	switch {
	case l.shares.keeper(path) != l.uid: // whoever keeps it does
	case l.set.Covers(path) && l.isDirectory(path):
		l.walk(path, v)
	case l.set.Subject(path):
		v.visit(path)
	}
	for _, dir := range l.shares.kept(l.uid) {
		if dir != path && reach.Under(dir, path) {
			l.walk(dir, v)
		}
	}
	for _, r := range l.set.Through(path) {
		if l.uid == 0 || l.shares.keeper(r.Path) == l.uid {
			l.attach(r, v)
		}
	}
}
