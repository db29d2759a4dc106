package capture

import (
	"slices"

	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/inode"
)

// file is a file, by whatever name.
type file struct{ dev, ino uint64 }

// linked are the recorded names of files that have several.
type linked map[file][]string

func (l linked) add(path string, k inode.Known) {
	if k.Links < 2 {
		l.drop(path, k)
		return
	}
	i := file{k.Dev, k.Ino}
	if !slices.Contains(l[i], path) && len(l[i]) < mostNames {
		l[i] = append(l[i], path)
	}
}

func (l linked) drop(path string, k inode.Known) {
	i := file{k.Dev, k.Ino}
	names, ok := l[i]
	if !ok {
		return
	}
	if names = slices.DeleteFunc(names, func(name string) bool { return name == path }); len(names) == 0 {
		delete(l, i)
		return
	}
	l[i] = names
}

// Bounds of the names that are told of one file, and of those that are tried for it.
const (
	mostNames = 8
	mostTried = 64
)

// otherNames are the other names of a file, as far as they are watched or are being
// made in a watched place, when the file got one more.
func (l *loop) otherNames(path string, before inode.Known, s sight) []string {
	if s.known.Links < 2 || before.SameFile(s.known) && before.Links >= s.known.Links {
		return nil
	}
	var names []string
	for _, name := range l.linked[file{s.known.Dev, s.known.Ino}] {
		if name != path && l.recorded[name].SameFile(s.known) {
			names = append(names, name)
		}
	}
	tried := 0
	for name, p := range l.pending {
		if p.deferred == nil || p.deferred.Kind&fanotify.Created == 0 || name == path || slices.Contains(names, name) {
			continue
		}
		if tried++; tried > mostTried || len(names) >= mostNames {
			break
		}
		if k, there := l.stat(name); there && k.SameFile(s.known) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// noteOtherNames: what is done to a file by one name is done to it by all, and the
// kernel tells of one.
func (l *loop) noteOtherNames(h fanotify.Happening) {
	k := l.recorded[h.Path]
	if k.Links < 2 {
		return
	}
	for _, name := range slices.Clone(l.linked[file{k.Dev, k.Ino}]) {
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
