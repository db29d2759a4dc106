//go:build !linux

package reach

import (
	"os"
	"path/filepath"
)

// Behind is the file that a link leads to, by its own name; empty: path is no link, or
// leads to no regular file.
func (r *Reach) Behind(path string) (string, error) {
	if fi, err := os.Lstat(path); err != nil || fi.Mode()&os.ModeSymlink == 0 {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if fi, err := os.Lstat(real); err != nil || !fi.Mode().IsRegular() {
		return "", err
	}
	return real, nil
}
