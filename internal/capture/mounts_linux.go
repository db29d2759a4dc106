package capture

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// mountPause bounds how often mounts set off a scan on a host whose containers
// come and go.
const mountPause = 2 * time.Second

// watchMounts tells of every change of the mount table: a mount hides what was
// marked, and no notification tells of it. Where /proc cannot be read the
// periodic scan is left.
func watchMounts(ctx context.Context, changed chan<- struct{}) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return
	}
	defer f.Close()
	for ctx.Err() == nil {
		// The kernel marks a change as an exceptional condition, once.
		fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}}
		n, err := unix.Poll(fds, 200)
		if err != nil && err != unix.EINTR {
			return
		}
		if n <= 0 || fds[0].Revents&(unix.POLLPRI|unix.POLLERR) == 0 {
			continue
		}
		select {
		case changed <- struct{}{}:
		case <-ctx.Done():
			return
		}
		pause(ctx, mountPause)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
