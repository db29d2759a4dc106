package catalogue

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// tree is a directory taken for the root of a system. It remembers what it
// saw, so that one look gives one answer to all patterns.
type tree struct {
	root     *os.Root
	places   map[string]place
	listings map[string]listing
	left     int // directory entries that may still be read
}

func openTree(root string) (*tree, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	return &tree{root: r, places: map[string]place{}, listings: map[string]listing{}, left: maxEntries}, nil
}

func (t *tree) close() { t.root.Close() } // opened for reading: nothing to lose

// place is what a path leads to.
type place struct {
	real string // without links; meaningless after an err
	mode fs.FileMode
	link bool     // the path itself is a link
	via  []string // directories that hold a link that was followed
	err  error    // absent(err): it leads to nothing
}

func (p place) isDir() bool { return p.err == nil && p.mode.IsDir() }

// locate follows every link of p.
func (t *tree) locate(p string) place {
	if at, ok := t.places[p]; ok {
		return at
	}
	at := t.resolve(p)
	t.places[p] = at
	return at
}

// resolve takes one step from the place of the directory of p.
func (t *tree) resolve(p string) place {
	if p == "/" {
		return place{real: "/", mode: fs.ModeDir}
	}
	up := t.locate(path.Dir(p))
	switch {
	case up.err != nil:
		return place{err: up.err, via: up.via}
	case !up.isDir():
		return place{err: &fs.PathError{Op: "look at", Path: p, Err: syscall.ENOTDIR}, via: up.via}
	}
	return t.chase(p, up)
}

// chase follows the last element of p from the directory up, with the root of
// the tree as the top: an absolute link starts again there, and there is
// nothing above it. [os.Root] would refuse both, and still guards each step,
// should a directory turn into a link between two of them.
func (t *tree) chase(p string, up place) place {
	at := place{real: up.real, mode: fs.ModeDir, via: slices.Clone(up.via)}
	rest := []string{path.Base(p)}
	for links := 0; len(rest) > 0; {
		elem := rest[0]
		rest = rest[1:]
		if elem == "" || elem == "." {
			continue
		}
		next := path.Join(at.real, elem)
		info, err := t.root.Lstat(inside(next))
		if err != nil {
			at.err = err
			return at
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at.real, at.mode = next, info.Mode()
			continue
		}
		at.link = true // or p would have ended at its first element
		target, err := t.root.Readlink(inside(next))
		if links++; err == nil && links > maxLinks {
			err = &fs.PathError{Op: "follow", Path: p, Err: syscall.ELOOP}
		}
		if err != nil {
			at.err = err
			return at
		}
		at.via = append(at.via, at.real)
		if path.IsAbs(target) {
			at.real = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at
}

// inside turns a path of the tree into one for os.Root.
func inside(p string) string {
	if p == "/" {
		return "."
	}
	return p[1:]
}

// absent reports whether a path leads to nothing, as opposed to: it is not
// known what it leads to.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// readable says why a file could not be read. It does not wait for the other
// end, should a pipe have taken the place of a file.
func (t *tree) readable(at place) error {
	if at.mode.IsDir() {
		return nil // a link to a directory: the link is the setting
	}
	if !at.mode.IsRegular() {
		return &fs.PathError{Op: "look at", Path: at.real, Err: errNotFile}
	}
	f, err := t.root.OpenFile(inside(at.real), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// listing is the content of a directory.
type listing struct {
	entries []dirEntry
	err     error
}

type dirEntry struct {
	name  string
	isDir bool // and not a link to one
}

// list reads a directory once, in the order of names.
func (t *tree) list(dir string) listing {
	if l, ok := t.listings[dir]; ok {
		return l
	}
	var l listing
	at := t.locate(dir)
	if l.err = at.err; l.err == nil {
		l.entries, l.err = t.readDir(at.real)
	}
	t.listings[dir] = l
	return l
}

func (t *tree) readDir(real string) ([]dirEntry, error) {
	if t.left == 0 {
		return nil, &fs.PathError{Op: "list", Path: real, Err: errBound}
	}
	f, err := t.root.OpenFile(inside(real), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := f.ReadDir(t.left)
	if t.left -= len(raw); t.left == 0 {
		err = &fs.PathError{Op: "list", Path: real, Err: errBound}
	}
	if errors.Is(err, io.EOF) {
		err = nil // an empty directory
	}
	var all []dirEntry
	for _, e := range raw {
		all = append(all, dirEntry{name: e.Name(), isDir: e.IsDir()})
	}
	slices.SortFunc(all, func(a, b dirEntry) int { return strings.Compare(a.name, b.name) })
	return all, err
}
