package fanotify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/reach"
)

// group is a fanotify group: the kernel's queue of notifications.
type group struct {
	fd    int
	stop  int // eventfd that wakes the reader
	level level
	reach *reach.Reach
	apart atomic.Bool // the kernel tells the names of a rename apart from each other
}

// level is one way of opening a group, from best to least.
type level struct {
	flags uint
	name  string
}

const baseFlags = unix.FAN_CLASS_NOTIF | unix.FAN_CLOEXEC | unix.FAN_NONBLOCK

// levels: without privilege there is neither a process nor an unlimited queue;
// the file's own handle came with Linux 5.17, the pidfd with 5.15.
var levels = [...]level{
	{baseFlags | unix.FAN_REPORT_DFID_NAME_TARGET | unix.FAN_REPORT_PIDFD | unix.FAN_UNLIMITED_QUEUE | unix.FAN_UNLIMITED_MARKS, ""},
	{baseFlags | unix.FAN_REPORT_DFID_NAME | unix.FAN_REPORT_FID | unix.FAN_REPORT_PIDFD | unix.FAN_UNLIMITED_QUEUE | unix.FAN_UNLIMITED_MARKS, ""},
	{baseFlags | unix.FAN_REPORT_DFID_NAME | unix.FAN_REPORT_FID | unix.FAN_UNLIMITED_QUEUE | unix.FAN_UNLIMITED_MARKS, "no pidfd: actors are at most likely"},
	{baseFlags | unix.FAN_REPORT_DFID_NAME_TARGET, "unprivileged: the kernel names no processes"},
	{baseFlags | unix.FAN_REPORT_DFID_NAME | unix.FAN_REPORT_FID, "unprivileged: the kernel names no processes"},
}

// openGroup opens the best group this process may have.
func openGroup(r *reach.Reach) (*group, error) {
	var first error
	for _, l := range levels {
		fd, err := unix.FanotifyInit(l.flags, unix.O_RDONLY|unix.O_CLOEXEC)
		if err != nil {
			first = cmpOr(first, err)
			continue
		}
		stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("open eventfd: %w", err)
		}
		return &group{fd: fd, stop: stop, level: l, reach: r}, nil
	}
	return nil, fmt.Errorf("open fanotify: %w", first)
}

func cmpOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// privileged: the kernel names the processes of others.
func (g *group) privileged() bool { return g.level.flags&unix.FAN_UNLIMITED_QUEUE != 0 }

func (g *group) close() {
	unix.Close(g.fd)
	unix.Close(g.stop)
}

// mask of notifications for a directory marked in a role.
func (g *group) mask(r Role) uint64 {
	m := uint64(unix.FAN_DELETE_SELF | unix.FAN_MOVE_SELF | unix.FAN_ONDIR)
	if r&(Content|Entries) != 0 {
		m |= unix.FAN_CREATE | unix.FAN_DELETE
		if g.apart.Load() {
			m |= unix.FAN_MOVE
		} else {
			m |= unix.FAN_RENAME
		}
	}
	if r&Content != 0 {
		m |= unix.FAN_CLOSE_WRITE | unix.FAN_ATTRIB | unix.FAN_EVENT_ON_CHILD
	}
	return m
}

// markDir marks the directory at path and returns its handle and inode.
func (g *group) markDir(path string, r Role) (handle, uint64, error) {
	f, err := g.reach.OpenDir(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h, err := handleOf(f.FD())
	if err != nil {
		return "", 0, fmt.Errorf("handle of %s: %w", path, err)
	}
	err = g.mark(f, g.mask(r))
	if errors.Is(err, unix.EINVAL) && !g.apart.Swap(true) { // before Linux 5.17
		err = g.mark(f, g.mask(r))
	}
	return h, f.Stat.Ino, err
}

// markFile marks a regular file, so that it is noticed under any of its names.
func (g *group) markFile(path string) (handle, uint64, error) {
	f, err := g.reach.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	if f.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return "", 0, &os.PathError{Op: "mark", Path: path, Err: unix.EINVAL}
	}
	h, err := handleOf(f.FD())
	if err != nil {
		return "", 0, fmt.Errorf("handle of %s: %w", path, err)
	}
	mask := uint64(unix.FAN_CLOSE_WRITE | unix.FAN_ATTRIB)
	if g.privileged() {
		mask |= unix.FAN_OPEN // who opens it can be named while it lives
	}
	return h, f.Stat.Ino, g.mark(f, mask)
}

func (g *group) mark(f *reach.File, mask uint64) error {
	if err := unix.FanotifyMark(g.fd, unix.FAN_MARK_ADD, mask, unix.AT_FDCWD, f.Proc()); err != nil {
		return &os.PathError{Op: "mark", Path: f.Path, Err: err}
	}
	return nil
}

// unix.AT_HANDLE_FID asks for a handle as notifications carry it, where the
// file system cannot be exported (Linux 6.5).
const atHandleFID = 0x200

// handleOf is the handle that notifications about the open file carry.
func handleOf(fd int) (handle, error) {
	h, _, err := unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH|atHandleFID)
	if errors.Is(err, unix.EINVAL) {
		h, _, err = unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH)
	}
	if err != nil {
		return "", err
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return "", err
	}
	var fsid [fsidSize]byte
	binary.NativeEndian.PutUint32(fsid[:], uint32(fs.Fsid.Val[0]))
	binary.NativeEndian.PutUint32(fsid[4:], uint32(fs.Fsid.Val[1]))
	return newHandle(fsid[:], h.Type(), h.Bytes()), nil
}

// batch is what one read of the queue returned.
type batch struct {
	events []event
	read   actor.Read
	began  time.Time // of the read, on the calendar
}

// tendEvery is how often the reader looks after other things, events or not.
const tendEvery = 100 * time.Millisecond

// emptyWithin is how long the queue is read once the capture is to end.
const emptyWithin = time.Second

// read calls each for every batch until ctx ends, and tend now and then. It reads
// as reading has it.
func (g *group) read(ctx context.Context, reading func(func() actor.Read), each func(batch), tend func()) error {
	unregister := context.AfterFunc(ctx, g.wake)
	defer unregister()
	buf := make([]byte, 256<<10)
	tended, ended := actor.SinceBoot(), time.Duration(0)
	for {
		var b batch
		var err error
		reading(func() actor.Read { b, err = g.readOnce(buf); return b.read })
		each(b)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			if ended == 0 {
				ended = b.read.Ended
			}
			if len(b.events) == 0 || b.read.Ended-ended > emptyWithin {
				return nil // only once the queue is empty, unless somebody keeps filling it
			}
		}
		if b.read.Ended-tended > tendEvery {
			tend()
			tended = b.read.Ended
		}
		if len(b.events) == 0 {
			if err := g.wait(); err != nil {
				return err
			}
		}
	}
}

// readOnce returns what waits, perhaps nothing, and what came before an error.
func (g *group) readOnce(buf []byte) (batch, error) {
	b := batch{began: time.Now(), read: actor.Read{Waited: g.waiting(), Began: actor.SinceBoot()}}
	n, err := unix.Read(g.fd, buf)
	b.read.Ended, b.read.Left = actor.SinceBoot(), g.waiting()
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return b, nil
	case err == nil:
		err = parseEvents(buf[:n], func(e event) { b.events = append(b.events, e) })
		b.read.Events = len(b.events)
	}
	if err != nil {
		return b, fmt.Errorf("read fanotify: %w", err)
	}
	return b, nil
}

func (g *group) wake() {
	// Fails only when the counter is full, and then the reader is awake.
	unix.Write(g.stop, binary.NativeEndian.AppendUint64(nil, 1))
}

func (g *group) wait() error {
	fds := []unix.PollFd{{Fd: int32(g.fd), Events: unix.POLLIN}, {Fd: int32(g.stop), Events: unix.POLLIN}}
	_, err := unix.Poll(fds, int(tendEvery.Milliseconds()))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll fanotify: %w", err)
	}
	return nil
}

// waiting is how many events are in the queue, or actor.Unset.
func (g *group) waiting() uint32 {
	n, err := unix.IoctlGetInt(g.fd, unix.TIOCINQ) // FIONREAD: of each event it counts the head only
	if err != nil {
		return actor.Unset
	}
	return uint32(n / metadataSize)
}

// A queue that overflowed is reported without name or process.
func (e *event) overflow() bool { return e.mask&unix.FAN_Q_OVERFLOW != 0 }
