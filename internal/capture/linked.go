package capture

import (
	"slices"

	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/names"
)

// mostTried bounds the names that are tried for one file.
const mostTried = 64

// otherNames are the other names of a file, as far as they are watched or are being
// made in a watched place, when the file got one more.
func (l *loop) otherNames(path string, before inode.Known, s sight) []string {
	if s.known.Links < 2 || before.SameFile(s.known) && before.Links >= s.known.Links {
		return nil
	}
	var others []string
	for _, name := range l.linked[names.FileOf(s.known)] {
		if k := l.recorded[name]; name != path && k.SameFile(s.known) && !k.Followed() {
			others = append(others, name)
		}
	}
	tried := 0
	for name, p := range l.pending {
		if p.deferred == nil || p.deferred.Kind&fanotify.Created == 0 || name == path || slices.Contains(others, name) {
			continue
		}
		if tried++; tried > mostTried || names.Full(others) {
			break
		}
		if k, there := l.stat(name); there && k.SameFile(s.known) && !k.Followed() {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return others
}

// noteOtherNames: what is done to a file by one name is done to it by all, and the
// kernel tells of one.
func (l *loop) noteOtherNames(h fanotify.Happening) {
	k := l.recorded[h.Path]
	if k.Links < 2 {
		return
	}
	for _, name := range slices.Clone(l.linked[names.FileOf(k)]) {
		if name == h.Path {
			continue
		}
		n := h
		n.Path, n.From, n.Moved, n.Kind = name, "", false, fanotify.Attributes
		if h.Kind&fanotify.Written != 0 {
			n.Kind = fanotify.Written
		}
		l.note(n)
	}
}
