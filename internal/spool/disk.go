package spool

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/durable"
)

// DiskFree is how many bytes the disk of the spool takes besides; false where that
// cannot be told.
func (s *Spool) DiskFree() (int64, bool) {
	if s.cfg.FS != durable.OS {
		return 0, false
	}
	var fs unix.Statfs_t
	if unix.Statfs(s.cfg.Dir, &fs) != nil {
		return 0, false
	}
	blocks := fs.Bavail
	if os.Geteuid() == 0 {
		blocks = fs.Bfree // those kept back for root too
	}
	return int64(blocks) * int64(fs.Bsize), true
}
