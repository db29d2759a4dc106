package catalogue

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// rooting collects directories.
type rooting struct {
	roots map[string]*Root // by Dir
}

// file sees to files that are links: the text is the target's.
func (r *rooting) file(t *tree, p string, _ bool) {
	at := t.locate(p)
	if !at.link || at.err != nil || !at.mode.IsRegular() {
		return
	}
	r.links(at)
	r.root(t, path.Dir(at.real))
}

func (r *rooting) project(t *tree, p string) { r.dir(t, path.Dir(p), false) }

func (r *rooting) dir(t *tree, p string, recursive bool) {
	root := r.root(t, p)
	root.Recursive = root.Recursive || recursive
}

func (r *rooting) missing(t *tree, in, p string) {
	root := r.root(t, in)
	if !slices.Contains(root.Awaits, p) {
		root.Awaits = append(root.Awaits, p)
	}
}

func (r *rooting) unreadable(claim, string, error) {}

// root returns the entry of a directory and sees to the links on its way.
func (r *rooting) root(t *tree, p string) *Root {
	if root, ok := r.roots[p]; ok {
		return root
	}
	at := t.locate(p)
	root := &Root{Dir: p, Real: at.real} // p exists: the walk stands in it
	r.roots[p] = root
	r.links(at)
	return root
}

// links lists the directories that hold the links on the way to a place.
func (r *rooting) links(at place) {
	for _, holder := range at.via {
		if _, ok := r.roots[holder]; !ok {
			r.roots[holder] = &Root{Dir: holder, Real: holder}
		}
	}
}

// covered reports whether a recursive root above watches dir already.
func (r *rooting) covered(dir *Root) bool {
	for up := path.Dir(dir.Dir); up != "/"; up = path.Dir(up) {
		above, ok := r.roots[up]
		if ok && above.Recursive && strings.HasPrefix(dir.Real, above.Real+"/") {
			return true
		}
	}
	return false
}

func (r *rooting) list() []Root {
	var all []Root
	for _, dir := range slices.Sorted(maps.Keys(r.roots)) {
		root := r.roots[dir]
		if r.covered(root) {
			continue
		}
		slices.Sort(root.Awaits)
		all = append(all, *root)
	}
	return all
}
