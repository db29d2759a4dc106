package inode

import (
	"path/filepath"

	"github.com/stele-log/stele/internal/capture/reach"
)

// Origin is when a file was made, and the inode of the directory it is in; 0: not known.
type Origin struct {
	Born   int64
	Parent uint64
}

// OriginOf is that of a path, if it still is the file that it is known as.
func OriginOf(r *reach.Reach, path string, k *Known) (o Origin) {
	if f, err := r.Open(path); err == nil {
		if Of(&f.Stat).SameFile(*k) {
			o.Born = Birth(f)
		}
		f.Close()
	}
	if d, err := r.OpenDir(filepath.Dir(path)); err == nil {
		o.Parent = d.Stat.Ino
		d.Close()
	}
	return o
}
