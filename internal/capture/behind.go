package capture

import (
	"path/filepath"

	"github.com/stele-log/stele/internal/capture/fanotify"
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
	return fresh && len(way) > 0
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
}
