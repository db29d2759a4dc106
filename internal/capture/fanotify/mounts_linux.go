package fanotify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mounts watches the mount table: a mount hides what was marked, and no other
// notification tells of it.
type Mounts struct {
	table   int // descriptor of the mount table, which is polled
	group   int // a group that tells who mounts; -1: none
	known   map[string]Mount
	numbers map[uint64]int // in the table, by the kernel's own id
}

// Mount is one that came or went.
type Mount struct {
	Point  string
	Type   string // of its file system
	Source string // as whoever mounted it named it
	Gone   bool
	PID    int // who did it; 0: not known
	id     int // number in the table
}

const (
	// mountPause bounds how often the table is read on a host whose containers come
	// and go.
	mountPause = 50 * time.Millisecond
	// mountPoll bounds how long the end of a run waits for the poll.
	mountPoll = 200 // milliseconds
)

// What Linux 6.14 has for mounts, and package unix does not yet.
const (
	reportMounts = 0x4000
	markMounts   = 0x110
	mountCame    = 0x01000000
	mountWent    = 0x02000000
)

// OpenMounts opens the mount table; nil: it cannot be watched, and the periodic scan
// is left. The descriptor stays away from the runtime's poller: each poll of it takes
// the news of a change, and there must be one taker.
func OpenMounts() *Mounts {
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	m := &Mounts{table: fd, group: mountGroup(), numbers: map[uint64]int{}}
	if m.group >= 0 {
		m.numbers = mountNumbers()
	}
	m.known, _ = readMounts() // what it misses seems to have come later
	return m
}

// mountGroup opens a group that tells who mounts; -1 where there is none.
func mountGroup() int {
	fd, err := unix.FanotifyInit(baseFlags|reportMounts, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return -1
	}
	ns, err := unix.Open("/proc/self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.FanotifyMark(fd, unix.FAN_MARK_ADD|markMounts, mountCame|mountWent, ns, "")
		unix.Close(ns)
	}
	if err != nil {
		unix.Close(fd)
		return -1
	}
	return fd
}

// Watch tells of what came and went, until ctx ends, and closes m.
func (m *Mounts) Watch(ctx context.Context, changed func([]Mount)) {
	if m == nil {
		return
	}
	defer m.close()
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(m.table), Events: unix.POLLPRI}}
		n, err := unix.Poll(fds, mountPoll)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if n <= 0 {
			continue
		}
		if news := m.news(); len(news) > 0 {
			changed(news)
		}
		select {
		case <-ctx.Done():
		case <-time.After(mountPause):
		}
	}
}

func (m *Mounts) close() {
	unix.Close(m.table)
	if m.group >= 0 {
		unix.Close(m.group)
	}
}

// news compares the table with what it was. First what went.
func (m *Mounts) news() (news []Mount) {
	now, err := readMounts()
	if err != nil {
		return nil
	}
	came, went := m.who()
	for key, was := range m.known {
		if _, still := now[key]; !still {
			was.Gone, was.PID = true, went[was.id]
			news = append(news, was)
		}
	}
	for key, is := range now {
		if _, known := m.known[key]; !known {
			is.PID = came[is.id]
			news = append(news, is)
		}
	}
	m.known = now
	return news
}

// who mounted and unmounted since it was last asked, by the number that the table
// has of each mount.
func (m *Mounts) who() (came, went map[int]int) {
	came, went = map[int]int{}, map[int]int{}
	buf := make([]byte, 16<<10)
	for m.group >= 0 {
		n, err := unix.Read(m.group, buf)
		if err != nil || n <= 0 {
			break
		}
		// An event that cannot be read leaves those after it without somebody.
		_ = parseEvents(buf[:n], func(e event) {
			closePIDFD(e.pidfd)
			switch {
			case e.mask&mountCame != 0:
				m.numbers[e.mount] = mountNumber(e.mount)
				came[m.numbers[e.mount]] = e.pid
			case e.mask&mountWent != 0:
				went[m.numbers[e.mount]] = e.pid
				delete(m.numbers, e.mount)
			}
		})
	}
	return came, went
}

// mountRequest is struct mnt_id_req, and the numbers are those of linux/mount.h.
type mountRequest struct {
	size, spare uint32
	id, param   uint64
}

const (
	sysStatmount = 457
	sysListmount = 458
	basicOfMount = 2 // STATMOUNT_MNT_BASIC
	rootOfMounts = ^uint64(0)
	numberAt     = 56 // mnt_id_old in struct statmount
)

// mountNumber is the number of a mount in the table; -1: it is gone already.
func mountNumber(id uint64) int {
	req := mountRequest{size: uint32(unsafe.Sizeof(mountRequest{})), id: id, param: basicOfMount}
	var buf [1024]byte
	_, _, errno := unix.Syscall6(sysStatmount, uintptr(unsafe.Pointer(&req)), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
	if errno != 0 {
		return -1
	}
	return int(binary.NativeEndian.Uint32(buf[numberAt:]))
}

// mountNumbers are the numbers of all mounts there are.
func mountNumbers() map[uint64]int {
	all := map[uint64]int{}
	req := mountRequest{size: uint32(unsafe.Sizeof(mountRequest{})), id: rootOfMounts}
	for {
		var ids [256]uint64
		n, _, errno := unix.Syscall6(sysListmount, uintptr(unsafe.Pointer(&req)), uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids)), 0, 0, 0)
		if errno != 0 || n == 0 || int(n) > len(ids) {
			return all
		}
		for _, id := range ids[:n] {
			all[id] = mountNumber(id)
		}
		req.param = ids[n-1]
	}
}

// readMounts reads the table, by a key that another mount does not have.
func readMounts() (map[string]Mount, error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseMounts(string(b)), nil
}

// parseMounts reads a table as proc_pid_mountinfo(5) has it. Lines that it cannot
// read are passed over.
func parseMounts(table string) map[string]Mount {
	all := map[string]Mount{}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		sep := 6
		for sep < len(f) && f[sep] != "-" {
			sep++
		}
		if sep+2 >= len(f) {
			continue
		}
		id, err := strconv.Atoi(f[0])
		if err != nil {
			continue
		}
		m := Mount{id: id, Point: filepath.Clean(unescape(f[4])), Type: f[sep+1], Source: unescape(f[sep+2])}
		if root := unescape(f[3]); root != "/" { // a part of it: bound
			m.Source = fmt.Sprintf("%s of %s", root, m.Source)
		}
		all[strings.Join([]string{f[0], f[2], f[3], f[4]}, " ")] = m
	}
	return all
}

// unescape reads the octal escapes of the table.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
