package reach

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Behind is the file that a link leads to, by its own name; empty: path is no link, or
// leads to no regular file. A watcher that is root follows only links that are root's,
// where only root can put one; else the error is a [RefusedError].
func (r *Reach) Behind(path string) (string, error) {
	f, err := r.Open(path)
	if err != nil {
		return "", err
	}
	f.Close()
	if f.Stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", nil
	}
	if os.Geteuid() != 0 { // he has no more rights than his own
		return regular(filepath.EvalSymlinks(path))
	}
	fd, _, err := walk(path, true)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return regular(os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)))
}

func regular(path string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return "", err
	}
	return path, nil
}
