// Package names knows by which names a file goes beside one of its own: the recorded
// hard links of an inode, and the symbolic links behind which it stands.
//
// It computes on what it is told, and looks at no file.
package names

import (
	"slices"

	"github.com/stele-log/stele/internal/capture/inode"
)

// mostNames bounds the names that are told of one file.
const mostNames = 8

// File is a file, by whatever name.
type File struct{ Dev, Ino uint64 }

// FileOf is the file that a path was known to be.
func FileOf(k inode.Known) File { return File{Dev: k.Dev, Ino: k.Ino} }

// Hard are the recorded names of files that have several. The zero value has none
// and takes none; it belongs to one goroutine.
type Hard map[File][]string

// Add notes one more name of a file with that many links.
func (h Hard) Add(path string, f File, links uint32) {
	if links < 2 {
		h.Drop(path, f)
		return
	}
	if !slices.Contains(h[f], path) && len(h[f]) < mostNames {
		h[f] = append(h[f], path)
	}
}

// Drop forgets a name.
func (h Hard) Drop(path string, f File) {
	names, ok := h[f]
	if !ok {
		return
	}
	if names = slices.DeleteFunc(names, func(name string) bool { return name == path }); len(names) == 0 {
		delete(h, f)
		return
	}
	h[f] = names
}

// Full reports whether no more names are told of a file.
func Full(list []string) bool { return len(list) >= mostNames }
