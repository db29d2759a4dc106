package actor

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroups turns the ids of control groups into what they stand for. A group is
// looked up when its id is first seen: it may be gone a moment later.
type cgroups struct {
	fd    int // the unified hierarchy; -1: there is none
	root  string
	known map[uint64]cgroup
}

const (
	maxGroups    = 4096
	handleKernFS = 0xfe // FILEID_KERNFS: the handle of a control group is its id
)

func openCgroups() *cgroups {
	c := &cgroups{fd: -1, known: map[uint64]cgroup{}}
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
			continue
		}
		if fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err == nil {
			c.fd, c.root = fd, dir
			break
		}
	}
	return c
}

func (c *cgroups) close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
	}
}

func (c *cgroups) of(id uint64) cgroup {
	g, ok := c.known[id]
	if ok || id == 0 || c.fd < 0 {
		return g
	}
	if len(c.known) >= maxGroups {
		clear(c.known)
	}
	g.unit, g.container = parseCgroup([]byte("0::" + c.path(id)))
	c.known[id] = g
	return g
}

// path of a group below the root, or nothing.
func (c *cgroups) path(id uint64) string {
	h := unix.NewFileHandle(handleKernFS, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(c.fd, h, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(path, c.root)
}
