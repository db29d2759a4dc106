package helper

import (
	"errors"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// Conn is a socket on which packets and descriptors go both ways. Once it is closed
// everything on it fails: its number may be that of another file by then. It is not
// closed while somebody sends or receives.
type Conn struct {
	mu sync.Mutex // of closing and shutting
	fd int        // -1: closed
}

// Limits of a packet.
const (
	maxBytes = 8 << 10
	maxFDs   = 4
)

// Send sends one packet.
func (c *Conn) Send(b []byte, fds ...int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if c.fd < 0 {
		return unix.EBADF
	}
	for {
		err := unix.Sendmsg(c.fd, b, rights, nil, unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Receive waits for one packet. The descriptors are the caller's.
func (c *Conn) Receive() (b []byte, fds []int, err error) {
	if c.fd < 0 {
		return nil, nil, unix.EBADF
	}
	b, space := make([]byte, maxBytes), make([]byte, unix.CmsgSpace(4*maxFDs))
	for {
		n, m, _, _, err := unix.Recvmsg(c.fd, b, space, cloexec)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = io.EOF // no packet is empty
		}
		if err != nil {
			return nil, nil, err
		}
		fds, err := rights(space[:m])
		return b[:n], fds, err
	}
}

func rights(b []byte) (fds []int, err error) {
	messages, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		got, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return fds, err
		}
		fds = append(fds, got...)
	}
	return fds, nil
}

func (c *Conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	unix.Close(c.fd)
	c.fd = -1
}

// shut ends the conversation and wakes whoever waits in it.
func (c *Conn) shut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
	}
}
