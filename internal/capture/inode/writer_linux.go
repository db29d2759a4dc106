package inode

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Writing says whether process pid has the file open for writing.
func Writing(pid int, k Known) bool {
	dir, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return false
	}
	for _, e := range dir {
		var st unix.Stat_t
		if unix.Stat(fmt.Sprintf("/proc/%d/fd/%s", pid, e.Name()), &st) != nil || !Of(&st).SameFile(k) {
			continue
		}
		// The permissions of the link are those the file was opened with.
		if fi, err := e.Info(); err == nil && fi.Mode().Perm()&0o200 != 0 {
			return true
		}
	}
	return false
}
