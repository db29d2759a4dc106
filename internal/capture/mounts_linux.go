package capture

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// mountPause bounds how often mounts set off a scan on a host whose
	// containers come and go.
	mountPause = 2 * time.Second
	// mountPoll bounds how long the end of a run waits for the poll.
	mountPoll = 200 // milliseconds
)

// openMounts opens the mount table. The descriptor stays away from the
// runtime's poller: each poll of it takes the news of a change, and there must
// be one taker. -1: it cannot be watched, and the periodic scan is left.
func openMounts() int {
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// watchMounts tells of every change of the mount table: a mount hides what was
// marked, and no other notification tells of it. It closes fd.
func watchMounts(ctx context.Context, fd int, changed func()) {
	if fd < 0 {
		return
	}
	defer unix.Close(fd)
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		n, err := unix.Poll(fds, mountPoll)
		if err != nil && err != unix.EINTR {
			return
		}
		if n <= 0 {
			continue
		}
		changed()
		pause(ctx, mountPause)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
