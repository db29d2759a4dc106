package capture

import (
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/hands"
	"github.com/stele-log/stele/internal/capture/inode"
)

// authored completes a happening that a listing or a scan found, which names
// nobody, with who made the file what it was seen to be.
func (l *loop) authored(p *pending, s sight, h fanotify.Happening) fanotify.Happening {
	if h.By.PID != 0 || h.Layer != LayerScan || s.unread {
		return h
	}
	before, existed := l.lastSeen(p)
	path, is := p.path, &s.known
	switch {
	case s.link == nil:
	case !existed || !before.SameLink(s.known): // the link is what is new
		is = s.link
	default:
		path = s.real()
	}
	f := actor.File{Dev: is.Dev, Ino: is.Ino, MtimeNs: is.MtimeNs, CtimeNs: is.CtimeNs, UID: is.UID, Links: is.Links, Maker: h.Maker}
	switch {
	case !s.exists && !existed:
		return h
	case !s.exists:
		f = actor.File{Dev: before.Dev, Ino: before.Ino, CtimeNs: before.CtimeNs, Gone: true}
	case existed && before.SameFile(*is):
		f.Since = before.CtimeNs + 1
	default:
		f.Since, f.Parent = l.origin(path, is)
	}
	h.By = l.sensor.Author(f)
	return h
}

// origin is when a file was made that is as it is known, and the inode of the
// directory it is in; 0: not known.
func (l *loop) origin(path string, k *inode.Known) (born int64, parent uint64) {
	o, err := hands.By(l.hands, path, func() inode.Origin { return inode.OriginOf(l.shares.reach, path, k) })
	if err != nil {
		return 0, 0
	}
	return o.Born, o.Parent
}
