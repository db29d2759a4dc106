// Package scope says which paths are subjects, and which directories can hold some:
// files, directories with all below, and patterns, of which more can be added. It
// computes on names alone and looks at no file.
package scope

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stele-log/stele/internal/capture/reach"
)

// Config says what of a set counts; nil is no such function.
type Config struct {
	Want   func(path string) bool // takes files that are not named in a path that is given
	Ignore func(base string) bool // leaves those out
	Reads  func(path string) bool // a program reads it because of its name
	Always func(path string) bool // is watched whatever was given
}

// Set is what is watched. Its methods may be called from any goroutine.
type Set struct {
	cfg   Config
	added sync.Mutex            // whoever adds roots
	all   atomic.Pointer[roots] // never altered, but exchanged
}

// roots are all there are, and how one is found among very many: a user has as many as
// he makes files that are found.
type roots struct {
	list     []Root
	plain    map[string]bool // paths of those that are no patterns
	patterns []Root
	above    map[string]bool // every path at or below which one lies
}

func newRoots(list []Root) *roots {
	rs := &roots{list: list, plain: map[string]bool{}, above: map[string]bool{}}
	for _, r := range list {
		if r.Pattern() {
			rs.patterns = append(rs.patterns, r)
		} else {
			rs.plain[r.Path] = true
		}
		for at := r.Path; !rs.above[at]; at = filepath.Dir(at) {
			rs.above[at] = true
		}
	}
	return rs
}

// under says whether path is at or below a root that is no pattern.
func (rs *roots) under(path string) bool {
	for at := path; at != ""; at = at[:max(0, strings.LastIndexByte(at, '/'))] {
		if rs.plain[at] {
			return true
		}
	}
	return path != "" && rs.plain["/"]
}

// Root is one path that was given.
type Root struct {
	Path  string   // of a pattern: its components before the first wildcard
	parts []string // of a pattern: the others
}

const meta = `*?[\`

// New returns a set of absolute paths.
func New(paths []string, cfg Config) (*Set, error) {
	if cfg.Want == nil {
		cfg.Want = func(string) bool { return true }
	}
	for _, f := range []*func(string) bool{&cfg.Ignore, &cfg.Reads, &cfg.Always} {
		if *f == nil {
			*f = func(string) bool { return false }
		}
	}
	w := &Set{cfg: cfg}
	w.all.Store(newRoots(nil))
	_, err := w.Add(paths)
	return w, err
}

// Roots are those there are now.
func (w *Set) Roots() []Root { return w.all.Load().list }

// Add takes up paths and returns the roots that are new.
func (w *Set) Add(paths []string) ([]Root, error) {
	w.added.Lock()
	defer w.added.Unlock()
	var fresh []Root
	known := map[string]bool{}
	for _, r := range w.Roots() {
		known[r.key()] = true
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
		if !known[r.key()] {
			known[r.key()] = true
			fresh = append(fresh, r)
		}
	}
	w.all.Store(newRoots(slices.Concat(w.Roots(), fresh)))
	return fresh, nil
}

func (r Root) String() string { return filepath.Join(append([]string{r.Path}, r.parts...)...) }

// key tells roots apart: a path may have the name of a pattern.
func (r Root) key() string { return fmt.Sprint(r.Pattern(), r) }

// literal is the path that a pattern without wildcards stands for.
func literal(path string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path):
			i++
		case strings.IndexByte(meta, c) >= 0:
			return "", false
		}
		b.WriteByte(path[i])
	}
	return b.String(), true
}

func newRoot(path string) (Root, error) {
	if plain, ok := literal(path); ok {
		return Root{Path: plain}, nil
	}
	parts := Split(path)
	for i, part := range parts {
		if !strings.ContainsAny(part, meta) {
			continue
		}
		if _, err := filepath.Match(path, ""); err != nil {
			return Root{}, &PatternError{Pattern: path, Err: err}
		}
		return Root{"/" + filepath.Join(parts[:i]...), parts[i:]}, nil
	}
	return Root{Path: path}, nil
}

// PatternError is a pattern that cannot be read.
type PatternError struct {
	Pattern string
	Err     error
}

func (e *PatternError) Error() string { return "capture: pattern " + e.Pattern + ": " + e.Err.Error() }

// Unwrap returns what path/filepath said.
func (e *PatternError) Unwrap() error { return e.Err }

// Split gives the components of an absolute path.
func Split(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// Pattern says whether it has wildcards.
func (r Root) Pattern() bool { return len(r.parts) > 0 }

// matches says whether the components below a pattern's path fit it; partial:
// as far as they go.
func (r Root) matches(rel []string, partial bool) bool {
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

func (r Root) below(path string) []string { return Split(strings.TrimPrefix(path, r.Path)) }

// Holds says whether path, if it is not a directory, is watched because of it.
func (r Root) Holds(path string) bool {
	if !reach.Under(path, r.Path) {
		return false
	}
	return !r.Pattern() || r.matches(r.below(path), false)
}

// HoldsBelow says whether such paths can be directly in dir or below it.
func (r Root) HoldsBelow(dir string) bool {
	if !reach.Under(dir, r.Path) {
		return false
	}
	rel := r.below(dir)
	return !r.Pattern() || (len(rel) < len(r.parts) && r.matches(rel, true))
}

// Subject says whether path, if it is not a directory, is watched.
func (w *Set) Subject(path string) bool {
	if w.cfg.Always(path) {
		return true
	}
	rs := w.all.Load()
	if rs.plain[path] {
		return true
	}
	found := rs.under(path) || slices.ContainsFunc(rs.patterns, func(r Root) bool { return r.Holds(path) })
	return found && !w.cfg.Ignore(filepath.Base(path)) && w.cfg.Want(path)
}

// Read says whether a program reads a subject because of its name.
func (w *Set) Read(path string) bool {
	rs := w.all.Load()
	return rs.plain[path] || w.cfg.Reads(path) || slices.ContainsFunc(rs.patterns, func(r Root) bool {
		return strings.Trim(r.parts[len(r.parts)-1], "*") != "" && r.Holds(path)
	})
}

// Covers says whether subjects can be directly in dir or below it.
func (w *Set) Covers(dir string) bool {
	rs := w.all.Load()
	return rs.under(dir) || slices.ContainsFunc(rs.patterns, func(r Root) bool { return r.HoldsBelow(dir) })
}

// OnWay says whether a root lies at or below path.
func (w *Set) OnWay(path string) bool { return w.all.Load().above[path] }

// Through lists the roots that lie at or below path.
func (w *Set) Through(path string) []Root {
	var rs []Root
	if !w.OnWay(path) {
		return nil
	}
	for _, r := range w.Roots() {
		if reach.Under(r.Path, path) {
			rs = append(rs, r)
		}
	}
	return rs
}

// Concerns says whether what happens to path can matter.
func (w *Set) Concerns(path string) bool { return w.Subject(path) || w.OnWay(path) }

func clean(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("capture: path %q is not absolute", path)
	}
	return filepath.Clean(path), nil
}
