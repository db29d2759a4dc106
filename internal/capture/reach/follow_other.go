//go:build !linux

package reach

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Follow opens the regular file that the link at path leads to, and tells its name.
// No file: what is there is no regular one.
func (r *Reach) Follow(path string) (f *File, way []string, err error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil, err
	}
	if f, err = r.open(real, false); err != nil {
		return nil, []string{real}, err
	}
	if f.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
		f.Close()
		return nil, []string{real}, nil
	}
	return f, []string{real}, nil
}

// Leads is the directory that the link at path leads to.
func (r *Reach) Leads(path string) (real string, way []string) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", nil
	}
	if f, err := r.OpenDir(real); err == nil {
		f.Close()
		return real, []string{real}
	}
	return "", nil
}
