package actor

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// peerOf is the address at the other end of the TCP connections that a process
// holds, as the kernel has it. It is empty where it holds none, or connections to
// several addresses.
func peerOf(dir procDir) string {
	sockets := dir.sockets()
	if len(sockets) == 0 {
		return ""
	}
	var peer netip.Addr
	for _, table := range []string{"net/tcp", "net/tcp6"} {
		for line := range bytes.Lines(dir.read(table, maxTable)) {
			remote, inode, ok := parseConnection(string(line))
			if !ok || !sockets[inode] {
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

// established is the state of a connection that is up, as proc_net_tcp(5) has it.
const established = "01"

// parseConnection reads a line of proc_net_tcp(5): the address of the other end and
// the socket. ok: the connection is up.
func parseConnection(line string) (remote netip.Addr, inode uint64, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != established {
		return remote, 0, false
	}
	text, _, _ := strings.Cut(fields[2], ":")
	b, err := hex.DecodeString(text)
	if err != nil {
		return remote, 0, false
	}
	for at := 0; at+4 <= len(b); at += 4 { // words of the host's byte order
		binary.BigEndian.PutUint32(b[at:], binary.NativeEndian.Uint32(b[at:]))
	}
	remote, ok = netip.AddrFromSlice(b)
	if !ok {
		return remote, 0, false
	}
	inode, err = strconv.ParseUint(fields[9], 10, 64)
	return remote.Unmap(), inode, err == nil
}
