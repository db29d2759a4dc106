package capture

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stele-log/stele/internal/capture/reach"
)

// watchSet says which paths are subjects and which directories can hold some.
type watchSet struct {
	added  sync.Mutex             // whoever adds roots
	all    atomic.Pointer[[]root] // never altered, but exchanged
	want   func(string) bool
	ignore func(string) bool
	reads  func(string) bool
	cages  cages // of canaries
}

// root is one entry of Config.Paths.
type root struct {
	path  string   // of a pattern: its components before the first wildcard
	parts []string // of a pattern: the others
}

const meta = `*?[\`

func newWatchSet(paths []string, want, ignore, reads func(string) bool) (*watchSet, error) {
	w := &watchSet{want: want, ignore: ignore, reads: reads}
	if want == nil {
		w.want = func(string) bool { return true }
	}
	if ignore == nil {
		w.ignore = func(string) bool { return false }
	}
	if reads == nil {
		w.reads = func(string) bool { return false }
	}
	w.all.Store(&[]root{})
	_, err := w.add(paths)
	return w, err
}

// roots are those there are now.
func (w *watchSet) roots() []root { return *w.all.Load() }

// add takes up paths and returns the roots that are new.
func (w *watchSet) add(paths []string) ([]root, error) {
	w.added.Lock()
	defer w.added.Unlock()
	var fresh []root
	known := map[string]bool{}
	for _, r := range w.roots() {
		known[r.String()] = true
	}
	for _, p := range paths {
		p, err := clean(p)
		if err != nil {
			return nil, err
		}
		r, err := newRoot(p)
		if err != nil {
			return nil, err
		}
		if !known[r.String()] {
			known[r.String()] = true
			fresh = append(fresh, r)
		}
	}
	all := slices.Concat(w.roots(), fresh)
	w.all.Store(&all)
	return fresh, nil
}

func (r root) String() string { return filepath.Join(append([]string{r.path}, r.parts...)...) }

func newRoot(path string) (root, error) {
	parts := split(path)
	for i, part := range parts {
		if !strings.ContainsAny(part, meta) {
			continue
		}
		if _, err := filepath.Match(path, ""); err != nil {
			return root{}, &PatternError{Pattern: path, Err: err}
		}
		return root{"/" + filepath.Join(parts[:i]...), parts[i:]}, nil
	}
	return root{path: path}, nil
}

// PatternError is a pattern in Config.Paths that cannot be read.
type PatternError struct {
	Pattern string
	Err     error
}

func (e *PatternError) Error() string { return "capture: pattern " + e.Pattern + ": " + e.Err.Error() }

// Unwrap returns what path/filepath said.
func (e *PatternError) Unwrap() error { return e.Err }

// split gives the components of an absolute path.
func split(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func (r root) pattern() bool { return len(r.parts) > 0 }

// matches says whether the components below a pattern's path fit it; partial:
// as far as they go.
func (r root) matches(rel []string, partial bool) bool {
	if len(rel) > len(r.parts) || (!partial && len(rel) < len(r.parts)) {
		return false
	}
	for i, part := range rel {
		if ok, _ := filepath.Match(r.parts[i], part); !ok {
			return false
		}
	}
	return true
}

func (r root) below(path string) []string { return split(strings.TrimPrefix(path, r.path)) }

func (r root) holds(path string) bool {
	if !reach.Under(path, r.path) {
		return false
	}
	return !r.pattern() || r.matches(r.below(path), false)
}

func (r root) holdsBelow(dir string) bool {
	if !reach.Under(dir, r.path) {
		return false
	}
	rel := r.below(dir)
	return !r.pattern() || (len(rel) < len(r.parts) && r.matches(rel, true))
}

// subject says whether path, if it is not a directory, is watched.
func (w *watchSet) subject(path string) bool {
	if w.cages.holds(path) {
		return true
	}
	found := false
	for _, r := range w.roots() {
		if path == r.path && !r.pattern() {
			return true
		}
		found = found || r.holds(path)
	}
	return found && !w.ignore(filepath.Base(path)) && w.want(path)
}

// read says whether a program reads a subject because of its name.
func (w *watchSet) read(path string) bool {
	for _, r := range w.roots() {
		switch {
		case !r.pattern() && path == r.path:
			return true
		case r.pattern() && strings.Trim(r.parts[len(r.parts)-1], "*") != "" && r.holds(path):
			return true
		}
	}
	return w.reads(path)
}

// covers says whether subjects can be directly in dir or below it.
func (w *watchSet) covers(dir string) bool {
	for _, r := range w.roots() {
		if r.holdsBelow(dir) {
			return true
		}
	}
	return false
}

// onWay says whether a root lies at or below path.
func (w *watchSet) onWay(path string) bool { return len(w.through(path)) > 0 }

func (w *watchSet) through(path string) []root {
	var rs []root
	for _, r := range w.roots() {
		if reach.Under(r.path, path) {
			rs = append(rs, r)
		}
	}
	return rs
}

// concerns says whether what happens to path can matter.
func (w *watchSet) concerns(path string) bool { return w.subject(path) || w.onWay(path) }
