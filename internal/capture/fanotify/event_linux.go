package fanotify

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// event is one notification as fanotify(7) encodes it.
type event struct {
	mask    uint64
	pid     int
	pidfd   int    // open until closed by the reader; -1: none
	dir     dirent // the name it is about; of a rename: before
	to      dirent // of a rename: the name after
	self    handle // the file or directory itself
	mount   uint64 // of what mounts: the kernel's id of the mount
	pidGone bool   // the process had been reaped before the kernel could name it
}

// dirent is a name in a directory.
type dirent struct {
	dir  handle
	name string
}

// handle names an inode across mounts: file system id, handle type and handle.
type handle string

// sizes of the structures in linux/fanotify.h.
const (
	metadataSize   = 24 // struct fanotify_event_metadata
	infoHeaderSize = 4  // struct fanotify_event_info_header
	fsidSize       = 8
	infoMount      = 7 // type of a record: FAN_EVENT_INFO_TYPE_MNT
	handleHeadSize = 8 // struct file_handle without its bytes
)

// parseEvents splits what one read returned. It stops at the first malformed
// event; those before it are good. Numbers are in the machine's byte order.
func parseEvents(b []byte, each func(event)) error {
	for len(b) > 0 {
		if len(b) < metadataSize {
			return fmt.Errorf("event of %d bytes is shorter than its head", len(b))
		}
		n := int(binary.NativeEndian.Uint32(b))
		head := int(binary.NativeEndian.Uint16(b[6:]))
		switch {
		case b[4] != unix.FANOTIFY_METADATA_VERSION:
			return fmt.Errorf("event of version %d, want %d", b[4], unix.FANOTIFY_METADATA_VERSION)
		case head < metadataSize || n < head || n > len(b):
			return fmt.Errorf("event of %d bytes with a head of %d in %d bytes", n, head, len(b))
		}
		e := event{
			mask:  binary.NativeEndian.Uint64(b[8:]),
			pid:   int(int32(binary.NativeEndian.Uint32(b[20:]))),
			pidfd: -1,
		}
		if err := e.parseInfo(b[head:n]); err != nil {
			closePIDFD(e.pidfd)
			return err
		}
		each(e)
		b = b[n:]
	}
	return nil
}

// parseInfo reads the records after an event's head. Unknown types are passed
// over: newer kernels may add some.
func (e *event) parseInfo(b []byte) error {
	for len(b) > 0 {
		if len(b) < infoHeaderSize {
			return fmt.Errorf("information record of %d bytes", len(b))
		}
		n := int(binary.NativeEndian.Uint16(b[2:]))
		if n < infoHeaderSize || n > len(b) {
			return fmt.Errorf("information record says %d of %d bytes", n, len(b))
		}
		if err := e.parseRecord(b[0], b[infoHeaderSize:n]); err != nil {
			return fmt.Errorf("information record of type %d: %w", b[0], err)
		}
		b = b[n:]
	}
	return nil
}

func (e *event) parseRecord(kind byte, b []byte) (err error) {
	switch kind {
	case unix.FAN_EVENT_INFO_TYPE_FID:
		e.self, _, err = parseHandle(b)
	case unix.FAN_EVENT_INFO_TYPE_DFID:
		e.dir.dir, _, err = parseHandle(b)
	case unix.FAN_EVENT_INFO_TYPE_DFID_NAME, unix.FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
		e.dir, err = parseEntry(b)
	case unix.FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
		e.to, err = parseEntry(b)
	case infoMount:
		if len(b) < 4+8 { // padding, and the id
			return fmt.Errorf("%d bytes are too few for a mount", len(b))
		}
		e.mount = binary.NativeEndian.Uint64(b[4:])
	case unix.FAN_EVENT_INFO_TYPE_PIDFD:
		if len(b) < 4 {
			return fmt.Errorf("%d bytes are too few for a descriptor", len(b))
		}
		e.pidfd = int(int32(binary.NativeEndian.Uint32(b)))
		e.pidGone = e.pidfd == unix.FAN_NOPIDFD
	}
	return err
}

// parseHandle reads a file system id and a struct file_handle; rest is what
// follows.
func parseHandle(b []byte) (h handle, rest []byte, err error) {
	if len(b) < fsidSize+handleHeadSize {
		return "", nil, fmt.Errorf("%d bytes are too few for a handle", len(b))
	}
	n := binary.NativeEndian.Uint32(b[fsidSize:])
	rest = b[fsidSize+handleHeadSize:]
	if uint64(n) > uint64(len(rest)) {
		return "", nil, fmt.Errorf("handle says %d of %d bytes", n, len(rest))
	}
	kind := int32(binary.NativeEndian.Uint32(b[fsidSize+4:]))
	return newHandle(b[:fsidSize], kind, rest[:n]), rest[n:], nil
}

func newHandle(fsid []byte, kind int32, b []byte) handle {
	k := binary.NativeEndian.AppendUint32(bytes.Clone(fsid), uint32(kind))
	return handle(append(k, b...))
}

func parseEntry(b []byte) (dirent, error) {
	h, rest, err := parseHandle(b)
	if err != nil {
		return dirent{}, err
	}
	name, _, ok := bytes.Cut(rest, []byte{0})
	if !ok {
		return dirent{}, fmt.Errorf("name of %d bytes has no end", len(rest))
	}
	return dirent{h, string(name)}, nil
}

// kind translates the mask of an event that is not a rename.
func (e *event) kind() Kind {
	var k Kind
	for _, m := range []struct {
		mask uint64
		kind Kind
	}{
		{unix.FAN_CLOSE_WRITE, Written},
		{unix.FAN_CREATE, Created},
		{unix.FAN_MOVED_TO | unix.FAN_RENAME, Arrived},
		{unix.FAN_DELETE | unix.FAN_MOVED_FROM, Removed},
		{unix.FAN_ATTRIB, Attributes},
		{unix.FAN_DELETE_SELF | unix.FAN_MOVE_SELF, Self},
		{unix.FAN_ONDIR, Directory},
	} {
		if e.mask&m.mask != 0 {
			k |= m.kind
		}
	}
	return k
}

func closePIDFD(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}
