package names

import (
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/reach"
)

// Behind knows for each link that is followed the way to what is behind it: the
// further links, and the file at the end. Its methods may be called from any
// goroutine; the zero value has none.
type Behind struct {
	mu    sync.RWMutex
	ways  map[string][]string        // by the name of the link; never altered, but exchanged
	on    map[string]map[string]bool // the links whose way leads over a path
	above map[string]int             // of each directory, how many of those paths are in it or below
}

// Put notes the way behind a link, and reports whether that is another one than
// before; none: there is no such link any more.
func (b *Behind) Put(link string, way []string) (fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Equal(b.ways[link], way) {
		return false
	}
	if b.ways == nil {
		b.ways, b.on, b.above = map[string][]string{}, map[string]map[string]bool{}, map[string]int{}
	}
	for _, at := range b.ways[link] {
		b.drop(at, link)
	}
	delete(b.ways, link)
	for _, at := range way {
		b.add(at, link)
	}
	if len(way) > 0 {
		b.ways[link] = slices.Clone(way)
	}
	return true
}

func (b *Behind) add(at, link string) {
	if b.on[at] == nil {
		b.on[at] = map[string]bool{}
		above(at, func(dir string) { b.above[dir]++ })
	}
	b.on[at][link] = true
}

func (b *Behind) drop(at, link string) {
	delete(b.on[at], link)
	if len(b.on[at]) > 0 {
		return
	}
	delete(b.on, at)
	above(at, func(dir string) {
		if b.above[dir]--; b.above[dir] <= 0 {
			delete(b.above, dir)
		}
	})
}

// above gives each directory that a path is in.
func above(path string, each func(dir string)) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		each(dir)
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

// Real is the name of the file behind a link; "": none is followed there.
func (b *Behind) Real(link string) string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if way := b.ways[link]; len(way) > 0 {
		return way[len(way)-1]
	}
	return ""
}

// Concerns says whether what happens to a path can matter to a link.
func (b *Behind) Concerns(path string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.on[path]) > 0 || b.above[path] > 0
}

// Through lists the links whose way leads over a path or, where that is a directory,
// over something below it.
func (b *Behind) Through(path string) []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	found := maps.Clone(b.on[path])
	if b.above[path] > 0 {
		if found == nil {
			found = map[string]bool{}
		}
		for at, links := range b.on {
			if reach.Under(at, path) {
				maps.Copy(found, links)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Widen adds to what happened what it means for links: the text behind each is
// another now, or may be.
func (b *Behind) Widen(hs []fanotify.Happening) []fanotify.Happening {
	for _, h := range hs[:len(hs):len(hs)] {
		for _, link := range b.Through(h.Path) {
			if h.Kind&fanotify.Directory == 0 && link == h.Path {
				continue // it leads to itself
			}
			n := h
			n.Path, n.From, n.Moved, n.Behind = link, "", false, true
			hs = append(hs, n)
		}
	}
	return hs
}
