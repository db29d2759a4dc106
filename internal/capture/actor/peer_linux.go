package actor

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"iter"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// peerOf is the address at the other end of the TCP connections that a process
// holds, as the kernel has it. It is empty where it holds none, connections to
// several addresses, or a socket that waits for any: whoever listens lets in many.
func peerOf(dir procDir) string {
	sockets := dir.sockets()
	if len(sockets) == 0 {
		return ""
	}
	var peer netip.Addr
	for _, table := range []string{"net/tcp", "net/tcp6"} {
		for line := range dir.lines(table, maxTable) {
			remote, inode, state := parseConnection(string(line))
			switch {
			case !sockets[inode]:
				continue
			case state == listening:
				return ""
			case state != established:
				continue
			}
			if peer.IsValid() && peer != remote {
				return ""
			}
			peer = remote
		}
	}
	if !peer.IsValid() {
		return ""
	}
	return peer.String()
}

// maxTable bounds what is read of a table of connections, in bytes; maxSockets how
// many descriptors of a process are looked at.
const (
	maxTable   = 8 << 20
	maxSockets = 256
)

// lines are those of a file of a process, as far as a limit.
func (d procDir) lines(name string, limit int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		f := os.NewFile(uintptr(fd), name)
		defer f.Close()
		for s := bufio.NewScanner(io.LimitReader(f, limit)); s.Scan(); {
			if !yield(s.Bytes()) {
				return
			}
		}
	}
}

// sockets are the inodes of the sockets that a process holds.
func (d procDir) sockets() map[uint64]bool {
	fd, err := unix.Openat(d.fd, "fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	list := os.NewFile(uintptr(fd), "fd")
	defer list.Close()
	names, _ := list.Readdirnames(maxSockets) // what could be read counts
	held := make(map[uint64]bool)
	for _, name := range names {
		if text, ok := strings.CutPrefix(d.link("fd/"+name), "socket:["); ok {
			if inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64); err == nil {
				held[inode] = true
			}
		}
	}
	return held
}

// The states of a socket that is connected and of one that waits for others, as
// proc_net_tcp(5) has them.
const (
	established = "01"
	listening   = "0A"
)

// parseConnection reads a line of proc_net_tcp(5): the address of the other end, the
// socket and its state. What is no such line has no state.
func parseConnection(line string) (remote netip.Addr, inode uint64, state string) {
	fields := strings.Fields(line)
	if len(fields) < 10 {
		return remote, 0, ""
	}
	text, _, _ := strings.Cut(fields[2], ":")
	b, err := hex.DecodeString(text)
	if err != nil {
		return remote, 0, ""
	}
	for at := 0; at+4 <= len(b); at += 4 { // words of the host's byte order
		binary.BigEndian.PutUint32(b[at:], binary.NativeEndian.Uint32(b[at:]))
	}
	remote, ok := netip.AddrFromSlice(b)
	inode, err = strconv.ParseUint(fields[9], 10, 64)
	if !ok || err != nil {
		return remote, 0, ""
	}
	return remote.Unmap(), inode, fields[3]
}
