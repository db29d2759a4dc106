package probe

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/catalogue"
)

// run has a program of root's tell.
func run(ctx context.Context, p *catalogue.Probe) ([]byte, error) {
	real, err := filepath.EvalSymlinks(p.Run[0])
	if err != nil {
		return nil, ErrAbsent
	}
	if err := safe(real); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cmd := exec.CommandContext(ctx, real)
	cmd.Args, cmd.Env, cmd.Dir = p.Run, []string{}, "/"
	out := &head{}
	cmd.Stdout = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !p.Network {
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNET
	}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second // what it leaves behind may hold its output
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run %s: %w", p.Run[0], err)
	}
	return out.text.Bytes(), nil
}

// head takes no more than is wanted.
type head struct{ text bytes.Buffer }

func (h *head) Write(b []byte) (int, error) {
	if h.text.Len()+len(b) > longest {
		return 0, errLong
	}
	return h.text.Write(b)
}

// roots reports whether a file is root's and nobody else may write to it.
func roots(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Uid == 0 && fi.Mode()&0o022 == 0
}

// watchMounts hints that the table of mounts is another one.
func watchMounts(ctx context.Context) <-chan struct{} {
	hints := make(chan struct{}, 1)
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return hints
	}
	go func() {
		defer unix.Close(fd)
		for ctx.Err() == nil {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}, 1000)
			if err != nil && err != unix.EINTR {
				return
			}
			if n > 0 {
				select {
				case hints <- struct{}{}:
				default:
				}
			}
		}
	}()
	return hints
}
