package capture

import (
	"os"
	"path/filepath"
)

// maxLinks bounds the symbolic links followed on the way to a root.
const maxLinks = 40

// attach marks what a root needs and calls visit for every subject found. Marks
// come before the listing, so that nothing falls between the two.
func (l *loop) attach(r root, visit func(path string)) {
	links := maxLinks
	if !l.way(filepath.Dir(r.path), &links) {
		return
	}
	if isDirectory(r.path) {
		l.walk(r.path, visit)
		return
	}
	l.mark(filepath.Dir(r.path), roleContent)
	if isDirectory(r.path) { // made just now
		l.walk(r.path, visit)
	} else if _, there := stat(r.path); there && !r.pattern() {
		visit(r.path)
	}
}

func isDirectory(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// way marks every directory down to dir, so that a move of any of them is
// noticed. Where one is missing its parent is marked for names that come, and
// way says false.
func (l *loop) way(dir string, links *int) bool {
	at := "/"
	for _, part := range split(dir) {
		next := filepath.Join(at, part)
		fi, err := os.Lstat(next)
		if err != nil {
			l.mark(at, roleEntries)
			if fi, err = os.Lstat(next); err != nil { // it may have come just before the mark
				return false
			}
		}
		if fi.Mode()&os.ModeSymlink != 0 && !l.wayThrough(at, next, links) {
			return false
		}
		_ = l.sensor.markDir(next, roleWay) // best effort: the scan finds what this misses
		at = next
	}
	return true
}

// wayThrough marks where a symbolic link is and what it leads through.
func (l *loop) wayThrough(at, link string, links *int) bool {
	l.mark(at, roleEntries)
	target, err := os.Readlink(link)
	if *links--; err != nil || *links < 0 {
		return false
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(at, target)
	}
	return l.way(target, links)
}

// walk marks dir and the directories below, as far as the watch set reaches.
func (l *loop) walk(dir string, visit func(path string)) {
	if !l.set.covers(dir) {
		return
	}
	l.mark(dir, roleContent)
	entries, err := os.ReadDir(dir)
	l.readable(dir, err)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir():
			l.walk(path, visit)
		case l.set.subject(path):
			visit(path)
		}
	}
}

func (l *loop) mark(dir string, r role) {
	if err := l.sensor.markDir(dir, r); err != nil && !os.IsNotExist(err) {
		l.readable(dir, err)
	}
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
