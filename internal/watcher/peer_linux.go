package watcher

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

// peerOf returns who is at the other end, as the kernel tells.
func peerOf(conn *net.UnixConn) (*body.Who, error) {
	var cred *unix.Ucred
	err := control(conn, func(fd int) (err error) {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &body.Who{PID: int(cred.Pid), UID: &cred.Uid, GID: &cred.Gid}, nil
}

// asking is the process that connected: who hands the connection on, and ends, is
// not in it any more.
type asking struct {
	actor.Ident
	handle *os.File // its pidfd
}

// askingOf is the process of a peer; nil where that has ended, or where it cannot
// be told from a later one with its number.
func askingOf(conn *net.UnixConn, peer *body.Who) (*asking, error) {
	handle, exact, err := pidfdOf(conn, peer.PID)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := &asking{handle: os.NewFile(uintptr(handle), "pidfd")}
	id, uid, living := actor.Living(peer.PID)
	// By its number alone another process could be meant, but for that user's own.
	if !living || a.hasEnded() || !exact && uid != *peer.UID {
		return nil, a.handle.Close()
	}
	a.Ident = id
	return a, nil
}

// pidfdOf is a descriptor of the process that connected; exact says that the kernel
// names it (from Linux 6.5), and not its number alone.
func pidfdOf(conn *net.UnixConn, pid int) (fd int, exact bool, err error) {
	err = control(conn, func(s int) (err error) {
		fd, err = unix.GetsockoptInt(s, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
		return err
	})
	if exact = !errors.Is(err, unix.ENOPROTOOPT); !exact {
		fd, err = unix.PidfdOpen(pid, 0)
	}
	if err != nil {
		return -1, exact, err
	}
	// So that waiting for it costs no thread.
	if err := unix.SetNonblock(fd, true); err != nil {
		return -1, exact, errors.Join(err, unix.Close(fd))
	}
	return fd, exact, nil
}

func control(conn *net.UnixConn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var done error
	if err := raw.Control(func(fd uintptr) { done = f(int(fd)) }); err != nil {
		return err
	}
	return done
}

func (a *asking) hasEnded() bool {
	ended := true // a descriptor that tells nothing vouches for nobody
	raw, err := a.handle.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { ended = exited(fd) })
	}
	return err != nil || ended
}

// wait returns when the process has ended, or after close.
func (a *asking) wait() {
	raw, err := a.handle.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(exited) // it fails once the handle is closed
}

func (a *asking) close() { a.handle.Close() }

func exited(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return n > 0 || err != nil && err != unix.EINTR
}
