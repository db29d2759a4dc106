package capture

import (
	"cmp"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/hands"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/names"
	"github.com/stele-log/stele/internal/capture/reach"
	"github.com/stele-log/stele/internal/capture/scope"
)

// maxLinks bounds the symbolic links followed on the way to a root.
const maxLinks = 40

// visitor is told what a walk finds: subjects, and directories that another loop
// looks after.
type visitor struct {
	visit func(path string)
	other func(dir string, of *loop)
}

// attach marks what a root needs and calls visit for every subject found. Marks
// come before the listing, so that nothing falls between the two.
func (l *loop) attach(r scope.Root, v visitor) {
	links := maxLinks
	if !l.way(filepath.Dir(r.Path), &links) {
		return
	}
	if uid := l.shares.keeper(r.Path); uid != l.uid {
		v.other(r.Path, l.shares.of(uid))
		return
	}
	if l.isDirectory(r.Path) {
		l.walk(r.Path, v)
		return
	}
	l.mark(filepath.Dir(r.Path), fanotify.Content)
	if l.isDirectory(r.Path) { // made just now
		l.walk(r.Path, v)
	} else if _, there := l.stat(r.Path); there && !r.Pattern() {
		v.visit(r.Path)
	}
}

// isDirectory reports whether path is or links to a directory.
func (l *loop) isDirectory(path string) bool {
	failed, err := hands.By(l.hands, path, func() error {
		f, err := l.shares.reach.OpenDir(path)
		if err == nil {
			f.Close()
		}
		return err
	})
	if err == nil {
		err = failed
	}
	if err != nil && !reach.Absent(err) {
		l.readable(path, err)
	}
	return err == nil
}

// way marks every directory down to dir, so that a move of any of them is
// noticed. Where one is missing its parent is marked for names that come, and
// way says false.
func (l *loop) way(dir string, links *int) bool {
	at := "/"
	for _, part := range scope.Split(dir) {
		next := filepath.Join(at, part)
		k, _, there := l.lstat(next, false)
		if !there {
			l.mark(at, fanotify.Entries)
			if k, _, there = l.lstat(next, false); !there { // it may have come just before the mark
				return false
			}
		}
		if k.Format() == unix.S_IFLNK && !l.wayThrough(at, next, links) {
			return false
		}
		// Best effort: the scan finds what this misses.
		_, _ = hands.By(l.hands, next, func() error { return l.sensor.MarkDir(next, fanotify.Way) })
		at = next
	}
	return true
}

// wayThrough marks where a symbolic link is and what it leads through.
func (l *loop) wayThrough(at, link string, links *int) bool {
	l.mark(at, fanotify.Entries)
	target, err := hands.By(l.hands, link, func() string {
		f, err := l.shares.reach.Open(link)
		if err != nil {
			return ""
		}
		defer f.Close()
		target, _ := f.Link() // empty: it is no link any more
		return target
	})
	if *links--; err != nil || target == "" || *links < 0 {
		return false
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(at, target)
	}
	return l.way(target, links)
}

// listing is what a directory holds.
type listing struct {
	entries []os.DirEntry
	marked  error
	err     error
}

// walk marks dir and the directories below, as far as the watch set reaches.
func (l *loop) walk(dir string, v visitor) {
	if !l.set.Covers(dir) || l.c.cages.cage(dir) || l.theirs(dir, v) || !l.room(dir) {
		return
	}
	got, err := hands.By(l.hands, dir, func() (g listing) {
		g.marked = l.sensor.MarkDir(dir, fanotify.Content)
		f, err := l.shares.reach.OpenDir(dir)
		if err != nil {
			g.err = err
			return g
		}
		defer f.Close()
		g.entries, g.err = f.List()
		return g
	})
	if err == nil {
		err = got.err
	}
	if err == nil && got.marked != nil && !os.IsNotExist(got.marked) {
		err = got.marked
	}
	l.readable(dir, err)
	for _, e := range got.entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir():
			l.walk(path, v)
		case l.set.Subject(path):
			v.visit(path)
		}
		if e.Type()&os.ModeSymlink != 0 && l.leads(dir, path) {
			l.walk(path, v)
		}
	}
}

// theirs hands a directory to the loop of the user who keeps it, if that is
// another one.
func (l *loop) theirs(dir string, v visitor) bool {
	if l.shares.single || l.uid != 0 {
		return false
	}
	if uid := l.shares.keeper(dir); uid != 0 {
		v.other(dir, l.shares.of(uid))
		return true
	}
	uid, isDir := reach.OwnerOf(dir)
	if !isDir || uid == 0 {
		return false
	}
	of := l.shares.of(uid)
	switch fresh, room := l.shares.learn(dir, uid); {
	case !room:
		if of.full.CompareAndSwap(false, true) {
			of.in.Post(func() { of.crowded(dir) })
		}
		return true
	case fresh:
		l.shares.found(dir, uid, l.giveAway(dir))
	}
	v.other(dir, of)
	return true
}

// giveAway hands on what is recorded below a directory that has become a user's.
func (l *loop) giveAway(dir string) map[string]inode.Known {
	for _, p := range l.byAge(func(p *pending) bool { return reach.Under(p.path, dir) }) {
		l.finish(p)
	}
	records := map[string]inode.Known{}
	for path, k := range l.recorded {
		if reach.Under(path, dir) {
			records[path] = k
			delete(l.recorded, path)
			l.linked.Drop(path, names.FileOf(k))
		}
	}
	return records
}

// adopt takes over records of another loop.
func (l *loop) adopt(records map[string]inode.Known) {
	for path, k := range records {
		if _, told := l.recorded[path]; !told {
			l.recorded[path] = k
			l.linked.Add(path, names.FileOf(k), k.Links)
		}
	}
}

func (l *loop) mark(dir string, r fanotify.Role) {
	marked, err := hands.By(l.hands, dir, func() error { return l.sensor.MarkDir(dir, r) })
	if err == nil {
		err = marked
	}
	if err != nil && !os.IsNotExist(err) {
		l.readable(dir, err)
	}
}

// markFile is a best effort: the directory is marked.
func (l *loop) markFile(path string) {
	path = cmp.Or(l.c.behind.Real(path), path)
	_, _ = hands.By(l.hands, path, func() error { return l.sensor.MarkFile(path) })
}

// readable keeps the list of what cannot be read or marked.
func (l *loop) readable(path string, err error) {
	l.c.count(func(s *Status) {
		if err == nil || os.IsNotExist(err) {
			delete(s.Unreadable, path)
		} else {
			s.Unreadable[path] = err.Error()
		}
	})
}
