package capture

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/hands"
	"github.com/stele-log/stele/internal/capture/reach"
)

// real is the name of the file behind a link that was followed.
func (s *sight) real() string {
	if s.link == nil || len(s.way) == 0 {
		return ""
	}
	return s.way[len(s.way)-1]
}

// follow marks what a link that was looked at leads over, and reports whether that is
// news: then it is to be looked at again, since nobody told of what came before the
// marks. Of a user's link that leads to nothing only a scan tells what comes there.
func (l *loop) follow(path string, s *sight) (again bool) {
	way := s.way
	if s.link == nil && l.uid != 0 {
		way = nil
	}
	return l.followBy(path, way)
}

func (l *loop) followBy(path string, way []string) (fresh bool) {
	if !l.set.Subject(path) {
		return false
	}
	marks := l.sensor.Anew()
	fresh = l.c.behind.Put(path, way)
	for _, at := range way {
		links := 0 // none of these names has a link in it
		if l.way(filepath.Dir(at), &links) {
			l.mark(filepath.Dir(at), fanotify.Entries)
		}
	}
	if len(way) > 0 {
		l.markFile(path)
	}
	return (fresh || l.sensor.Anew() != marks) && len(way) > 0
}

// onBehind takes note of what happened to what a link leads over or to.
func (l *loop) onBehind(h fanotify.Happening) {
	if l.c.behind.Real(h.Path) == "" {
		return // it is followed no more
	}
	if h.Kind&fanotify.Directory != 0 {
		if h.Kind&fanotify.Created != 0 {
			maker := h.By
			h = listed(h)
			h.Maker = maker
		}
		h.Kind = fanotify.Attributes
	}
	l.c.count(func(s *Status) { s.Counters.Matched++ })
	l.note(h)
	l.ledElsewhere(h)
}

// Bounds of a directory behind a link: one with more in it, or deeper, is not walked.
// Nobody means all of / by a link to it.
const (
	mostLinked    = 1000
	deepestLinked = 8
)

// leads reports whether a link in a directory leads to one that is to be walked under
// the name of the link: not one that is walked by its own name, lies above the link, or
// is behind a second link.
func (l *loop) leads(dir, link string) bool {
	for at := dir; at != "/"; at = filepath.Dir(at) {
		if l.leading[at] {
			return false
		}
	}
	type place struct {
		real string
		way  []string
		fits bool
	}
	at, err := hands.By(l.hands, link, func() (p place) {
		if p.real, p.way = l.shares.reach.Leads(link); p.real != "" && !l.set.Covers(p.real) && !reach.Under(link, p.real) {
			p.fits = l.shares.reach.Fits(link, mostLinked, deepestLinked)
		}
		return p
	})
	delete(l.leading, link)
	if err != nil || at.real == "" || l.set.Covers(at.real) || reach.Under(link, at.real) {
		return false
	}
	if !at.fits {
		l.readable(at.real, errorText(fmt.Sprintf("%s: a link to a directory with more than %d files: not followed", link, mostLinked)))
		return false
	}
	l.leading[link] = true
	l.followBy(link, at.way)
	return true
}

// ledHere walks what is behind a link that was made.
func (l *loop) ledHere(path string, s sight) {
	if s.known.Format() == unix.S_IFLNK && !l.leading[path] && s.by.PID != 0 && l.leads(filepath.Dir(path), path) {
		l.again(fanotify.Happening{Path: path, Kind: fanotify.Arrived, By: s.by, Layer: s.layer, At: s.at, Since: s.since})
	}
}

// ledElsewhere takes note of what is below a link that leads to another directory now,
// or did.
func (l *loop) ledElsewhere(h fanotify.Happening) {
	if h.Kind&^fanotify.Attributes == 0 && !h.Behind {
		return
	}
	was := l.leading[h.Path]
	if !was && h.Kind&fanotify.Arrived == 0 {
		return // what was made is walked once it is told: it may be a step on the way
	}
	if k, _, there := l.lstat(h.Path, false); !was && !(there && k.Format() == unix.S_IFLNK) {
		return
	}
	l.sensor.Forget(h.Path)
	h.Behind, h.From, h.Moved = false, "", false
	if was {
		l.below(h.Path, h)
	}
	if l.leads(filepath.Dir(h.Path), h.Path) {
		h.Kind = fanotify.Arrived
		l.again(h)
	}
}
