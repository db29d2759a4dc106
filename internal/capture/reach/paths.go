package reach

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// Under says whether path is dir or below it. Nothing is below a path that is
// not known.
func Under(path, dir string) bool {
	if dir == "" || path == "" {
		return false
	}
	return path == dir || dir == "/" || strings.HasPrefix(path, dir) && path[len(dir)] == '/'
}

// Absent says that an error of opening a path is that it is not there, and that is
// all.
func Absent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}
