package reach

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Follow opens the regular file that the link at path leads to, and lists the way
// there: the further links, and the name of the file itself. No file: what is there is
// no regular one, or one of the kernel's own. A watcher that is root follows links
// that are root's, where only root can put one, and others with their user's rights
// alone; else the error is a [RefusedError]. The way is told with an error too.
func (r *Reach) Follow(path string) (f *File, way []string, err error) {
	way = r.wayBehind(path)
	if f, err = r.open(path, true); err != nil {
		return nil, way, err
	}
	if f.Stat.Mode&unix.S_IFMT != unix.S_IFREG || notKernels(f, &RefusedError{Path: path}) != nil {
		f.Close()
		return nil, way, nil
	}
	return f, way, nil
}

// Leads is the directory that the link at path leads to, by its own name, and the way
// there; empty: it leads to none, or not where the rights go with which it is followed.
func (r *Reach) Leads(path string) (real string, way []string) {
	f, err := r.OpenDir(path)
	if err != nil {
		return "", nil
	}
	defer f.Close()
	real, err = os.Readlink(f.Proc())
	if err != nil || notKernels(f, &RefusedError{Path: path}) != nil {
		return "", nil
	}
	return real, r.wayBehind(path)
}

// wayBehind goes name by name, and over each link by its text. It opens nothing to
// read, and what it lists is worth a mark and no more: links can be exchanged.
func (r *Reach) wayBehind(path string) (way []string) {
	links := maxLinks
	dir := r.resolve("/", filepath.Dir(path), &links, func(string) {})
	target := r.target(filepath.Join(dir, filepath.Base(path)))
	if target == "" {
		return nil
	}
	real := r.resolve(dir, target, &links, func(link string) { way = append(way, link) })
	return append(way, real)
}

// resolve follows a path from a directory that has no link in its name, and gives
// each link on the way. What is not there is taken to be no link.
func (r *Reach) resolve(at, path string, links *int, each func(link string)) string {
	if filepath.IsAbs(path) {
		at = "/"
	}
	for parts := strings.Split(path, "/"); len(parts) > 0; {
		name := parts[0]
		parts = parts[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		target := r.target(next)
		if target == "" || *links <= 0 {
			at = next
			continue
		}
		*links--
		each(next)
		if filepath.IsAbs(target) {
			at = "/"
		}
		parts = append(strings.Split(target, "/"), parts...)
	}
	return at
}

// target is the text of a link; "": path is none.
func (r *Reach) target(path string) string {
	f, err := r.open(path, false)
	if err != nil {
		return ""
	}
	defer f.Close()
	if f.Stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		return ""
	}
	target, _ := f.Link()
	return target
}
