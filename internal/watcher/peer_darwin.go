package watcher

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

// peerOf returns who is at the other end, as the kernel tells.
func peerOf(conn *net.UnixConn) (*body.Who, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Xucred
	var pid int
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		if cred, credErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); credErr == nil {
			pid, credErr = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
		}
	}); err != nil {
		return nil, err
	}
	if credErr != nil {
		return nil, credErr
	}
	return &body.Who{PID: pid, UID: &cred.Uid}, nil
}

// asking is the process that connected. No layer names processes here.
type asking struct{ actor.Ident }

func askingOf(*net.UnixConn, *body.Who) (*asking, error) { return nil, nil }

func (*asking) wait()  {}
func (*asking) close() {}
