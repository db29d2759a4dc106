package catalogue

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a look at a tree. A home can hold millions of files.
const (
	maxLinks       = 40      // symbolic links followed for one path, as in the kernel
	maxDepth       = 16      // directories below a ** inside a pattern
	maxSearchDepth = 6       // directories below a home in the search for **/ patterns
	maxEntries     = 300_000 // directory entries read in one call
)

// errBound marks a place where a look ended early: there may be more.
var errBound = errors.New("more entries than one look reads")

var errNotFile = errors.New("neither a file nor a symbolic link")

// Found is one file of an agent, or a place that could not be looked at.
type Found struct {
	Agent  *Agent
	Path   string // as the pattern names it, below the root
	Real   string // where the content is, all links followed; "" where that is nothing
	Format string
	Opaque bool  // see [Pattern.Opaque]
	Link   bool  // Path itself is a symbolic link
	Err    error // why it cannot be read; Path is then perhaps a directory
}

// Root is a directory to watch.
type Root struct {
	Dir       string   // as patterns name it, below the root
	Real      string   // the same directory, all links followed
	Recursive bool     // files in directories below it match too
	Awaits    []string // directories, perhaps with wildcards, that would have to be watched if they appeared here
}

// Discover lists the files that exist below root ("/" in production), match a
// pattern and are not temporaries, ordered by path. Homes are paths below root,
// see [Homes]. What cannot be looked at is listed with the reason; the error is
// about root itself.
//
// Symbolic links are followed as if root were the root of the system, so that
// they never lead out of it; directories that are links are not entered in
// search of **. A file with several matching paths is listed once, if possible
// by the path that has no links in it. Patterns with **/ are looked for below
// the homes, six directories deep, and not where tools keep other people's work
// (node_modules, .git, .cache and the like).
func (c *Catalogue) Discover(root string, homes []string) ([]Found, error) {
	t, err := openTree(root)
	if err != nil {
		return nil, fmt.Errorf("discover agents: %w", err)
	}
	defer t.close()
	v := &discovery{catalogue: c, found: map[string]Found{}}
	c.walk(t, homes, v)
	return v.list(), nil
}

// Roots lists the directories to watch so that no file of a pattern changes or
// appears unseen, ordered by name. Where a directory does not exist yet, its
// nearest existing ancestor is listed and awaits it: call Roots again when it
// appears. The directory of a symbolic link on the way is listed too, because
// the link can be replaced; so is the directory of the file a link leads to,
// because its text is what the agent reads. For **/ patterns only directories that hold a match
// now are listed: later ones are found by calling again.
func (c *Catalogue) Roots(root string, homes []string) ([]Root, error) {
	t, err := openTree(root)
	if err != nil {
		return nil, fmt.Errorf("find directories to watch: %w", err)
	}
	defer t.close()
	v := &rooting{roots: map[string]*Root{}}
	c.walk(t, homes, v)
	return v.list(), nil
}

// Homes returns the home directories of root and of the people in a passwd
// file, without duplicates, in ascending order.
func Homes(passwd []byte) []string {
	var all []string
	for line := range strings.Lines(string(passwd)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) != 7 || !path.IsAbs(f[5]) || path.Clean(f[5]) == "/" {
			continue
		}
		uid, err := strconv.ParseUint(f[2], 10, 32)
		if err == nil && (uid == 0 || uid >= 1000 && uid != 65534) {
			all = append(all, path.Clean(f[5]))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// visitor is told what a walk along the patterns meets.
type visitor interface {
	file(t *tree, p string, named bool)    // the last element matches p; named: without a wildcard
	dir(t *tree, p string, recursive bool) // matches may stand or appear in p
	project(t *tree, p string)             // p matches a **/ pattern
	missing(t *tree, in, p string)         // p would be entered if it stood in the directory in
	unreadable(c claim, p string, err error)
}

// walk follows every pattern from its anchor.
func (c *Catalogue) walk(t *tree, homes []string, v visitor) {
	w := &walker{tree: t, visitor: v}
	var searched []claim
	for _, a := range c.Agents {
		for i := range a.Paths {
			p := &a.Paths[i]
			w.claim = claim{agent: a, pattern: p}
			switch p.glob.anchor {
			case atRoot:
				w.follow("/", p.glob.elems)
			case atHome:
				w.below(homes, p.glob.elems)
			case anywhere:
				searched = append(searched, w.claim)
			}
		}
	}
	w.search(homes, searched)
}

// walker follows one pattern at a time.
type walker struct {
	*tree
	visitor
	claim claim
}

// below follows elements from every home that exists.
func (w *walker) below(homes []string, elems []string) {
	for _, h := range homes {
		h = path.Clean("/" + h)
		if at := w.locate(h); at.isDir() {
			w.follow(h, elems)
		}
	}
}

// follow goes on in dir, which exists, with the elements that are left.
func (w *walker) follow(dir string, elems []string) {
	elem, rest := elems[0], elems[1:]
	switch {
	case elem == deep:
		w.dir(w.tree, dir, true)
		w.descend(dir, rest, maxDepth)
	case len(rest) == 0:
		w.dir(w.tree, dir, false)
		w.files(dir, elem)
	case wild(elem):
		w.missing(w.tree, dir, path.Join(dir, elem))
		for _, name := range w.names(dir, elem) {
			if p := path.Join(dir, name); w.locate(p).isDir() {
				w.follow(p, rest)
			}
		}
	default:
		w.enter(dir, path.Join(dir, elem), rest)
	}
}

// enter goes on in the directory p of dir, if it is there.
func (w *walker) enter(dir, p string, rest []string) {
	switch at := w.locate(p); {
	case at.err != nil && !absent(at.err):
		w.unreadable(w.claim, p, at.err)
		w.missing(w.tree, dir, p)
	case !at.isDir():
		w.missing(w.tree, dir, p)
	default:
		w.follow(p, rest)
	}
}

// files reports what the last element matches in dir.
func (w *walker) files(dir, elem string) {
	if !wild(elem) {
		w.file(w.tree, path.Join(dir, elem), true)
		return
	}
	for _, name := range w.names(dir, elem) {
		w.file(w.tree, path.Join(dir, name), false)
	}
}

// names lists the entries of dir that match elem.
func (w *walker) names(dir, elem string) []string {
	var all []string
	for _, e := range w.entries(dir) {
		if matchElement(elem, e.name) {
			all = append(all, e.name)
		}
	}
	return all
}

// entries lists dir; what cannot be listed is reported, once for a pattern.
func (w *walker) entries(dir string) []dirEntry {
	l := w.tree.list(dir)
	if l.err != nil && !absent(l.err) {
		w.unreadable(w.claim, dir, l.err)
	}
	return l.entries
}

// descend follows the elements after a ** in dir and everywhere below.
func (w *walker) descend(dir string, rest []string, depth int) {
	w.follow(dir, rest)
	for _, e := range w.entries(dir) {
		if !e.isDir {
			continue
		}
		if depth == 0 {
			w.unreadable(w.claim, dir, errBound)
			return
		}
		w.descend(path.Join(dir, e.name), rest, depth-1)
	}
}

// search looks for **/ patterns below the homes, for all of them in one pass.
func (w *walker) search(homes []string, patterns []claim) {
	if len(patterns) == 0 {
		return
	}
	seen := map[string]bool{} // a home inside a home is not searched twice
	for _, h := range homes {
		h = path.Clean("/" + h)
		if at := w.locate(h); at.isDir() {
			w.searchIn(h, patterns, maxSearchDepth, seen)
		}
	}
}

func (w *walker) searchIn(dir string, patterns []claim, depth int, seen map[string]bool) {
	at := w.locate(dir).real
	if seen[at] {
		return
	}
	seen[at] = true
	w.claim = patterns[0]
	for _, e := range w.entries(dir) {
		p := path.Join(dir, e.name)
		if e.isDir {
			if depth > 0 && !skipped(e.name) && !strings.HasSuffix(p, "/go/pkg") {
				w.searchIn(p, patterns, depth-1, seen)
			}
			continue
		}
		name := strings.Split(p[1:], "/")
		if slices.ContainsFunc(patterns, func(q claim) bool { return q.pattern.glob.match(name) }) {
			w.project(w.tree, p)
		}
	}
}

// skipped names directories of tools, in which nobody configures an agent.
func skipped(name string) bool {
	switch name {
	case ".git", ".hg", ".svn", ".cache", ".cargo", ".rustup", ".npm", ".nvm", ".gradle", ".m2",
		"node_modules", "vendor", "__pycache__", ".venv", "venv", ".tox", "target", ".Trash":
		return true
	}
	return false
}

// discovery collects files.
type discovery struct {
	catalogue *Catalogue
	found     map[string]Found // by path
}

func (d *discovery) file(t *tree, p string, named bool) {
	if _, known := d.found[p]; known || !named && d.catalogue.Ignored(p) {
		return
	}
	m, ok := d.catalogue.Match(p)
	if !ok {
		return // the walk and Match disagree: nothing to attribute it to
	}
	at := t.locate(p)
	if absent(at.err) && !at.link || at.isDir() && !at.link {
		return
	}
	f := Found{Agent: m.Agent, Path: p, Format: m.Format, Opaque: m.Opaque, Link: at.link}
	switch {
	case absent(at.err):
		// A dangling link is a setting too.
	case at.err != nil:
		f.Err = at.err
	default:
		f.Real = at.real
		f.Err = t.readable(at)
	}
	d.found[p] = f
}

func (d *discovery) project(t *tree, p string) { d.file(t, p, false) }

func (d *discovery) dir(*tree, string, bool) {}

func (d *discovery) missing(*tree, string, string) {}

func (d *discovery) unreadable(c claim, p string, err error) {
	if _, known := d.found[p]; !known {
		d.found[p] = Found{Agent: c.agent, Path: p, Format: c.pattern.Format, Opaque: c.pattern.Opaque, Err: err}
	}
}

// list orders what was found, and lists a file of several names once.
func (d *discovery) list() []Found {
	var all []Found
	plain := map[string]bool{} // places listed by their own name
	for p, f := range d.found {
		plain[f.Real] = plain[f.Real] || p == f.Real
	}
	taken := map[string]bool{}
	for _, p := range slices.Sorted(maps.Keys(d.found)) {
		f := d.found[p]
		other := !f.Link && f.Real != "" && f.Real != p && (plain[f.Real] || taken[f.Real])
		if other {
			continue
		}
		if !f.Link {
			taken[f.Real] = true
		}
		all = append(all, f)
	}
	return all
}
