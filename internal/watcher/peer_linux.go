package watcher

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
)

// peerOf returns who is at the other end, as the kernel tells.
func peerOf(conn *net.UnixConn) (*body.Who, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	if credErr != nil {
		return nil, credErr
	}
	return &body.Who{PID: int(cred.Pid), UID: &cred.Uid, GID: &cred.Gid}, nil
}
