package inode

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/attribute"
	"github.com/stele-log/stele/internal/capture/reach"
)

// FlagsOf are the flags of chattr that statx shows, without opening the file. Their
// bits are those of FS_IOC_GETFLAGS.
func FlagsOf(f *reach.File) uint32 {
	var stx unix.Statx_t
	if unix.Statx(f.FD(), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &stx) != nil {
		return 0
	}
	return attribute.Set(uint32(stx.Attributes))
}

// AllFlags are the flags of a file that is open; those that statx shows where its
// file system tells of none.
func AllFlags(file *os.File, shown uint32) uint32 {
	c, err := file.SyscallConn()
	if err != nil {
		return shown
	}
	_ = c.Control(func(fd uintptr) {
		if flags, err := unix.IoctlGetUint32(int(fd), unix.FS_IOC_GETFLAGS); err == nil {
			shown = attribute.Set(flags)
		}
	})
	return shown
}

// FlagsMoved reports whether a file in an open directory is the recorded one with
// other flags, or may be: with another time of its last change alone.
func FlagsMoved(dir *reach.File, base string, k Known) bool {
	var stx unix.Statx_t
	const flags = unix.AT_SYMLINK_NOFOLLOW | unix.AT_STATX_DONT_SYNC | unix.AT_NO_AUTOMOUNT
	if unix.Statx(dir.FD(), base, flags, unix.STATX_BASIC_STATS, &stx) != nil {
		return false
	}
	if stx.Ino != k.Ino || int64(stx.Size) != k.Size && k.Regular() || uint32(stx.Mode) != k.Mode || stx.Uid != k.UID || stx.Gid != k.GID ||
		nano(stx.Mtime) != k.MtimeNs || k.Regular() && stx.Nlink != k.Links {
		return false // it is told of, or the scan finds it
	}
	shown := attribute.Set(uint32(stx.Attributes_mask))
	return nano(stx.Ctime) != k.CtimeNs || (attribute.Set(uint32(stx.Attributes))^k.Flags)&shown != 0
}

func nano(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }

// eachAttribute gives each extended attribute (access control lists, capabilities,
// labels) by name. What cannot be read is passed over.
func eachAttribute(f *reach.File, each func(name string, value []byte, withheld bool)) {
	path := f.Proc()
	names, err := grown(func(b []byte) (int, error) { return unix.Listxattr(path, b) })
	if err != nil || len(names) == 0 {
		return
	}
	list := bytes.Split(bytes.TrimSuffix(names, []byte{0}), []byte{0})
	slices.SortFunc(list, bytes.Compare)
	for _, name := range list {
		value, err := grown(func(b []byte) (int, error) { return unix.Getxattr(path, string(name), b) })
		if err == nil {
			each(string(name), value, f.Foreign())
		}
	}
}

// grown reads what fits into 4 KiB, as all does on most files, or into the most
// that the kernel gives (XATTR_LIST_MAX, XATTR_SIZE_MAX).
func grown(read func([]byte) (int, error)) ([]byte, error) {
	b := make([]byte, 4<<10)
	n, err := read(b)
	if errors.Is(err, unix.ERANGE) {
		b = make([]byte, 64<<10)
		n, err = read(b)
	}
	if err != nil {
		return nil, err
	}
	return b[:n], nil
}

// Birth is when a file was made; 0: its file system does not tell.
func Birth(f *reach.File) int64 {
	var stx unix.Statx_t
	if unix.Statx(f.FD(), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &stx) != nil || stx.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return stx.Btime.Sec*int64(time.Second) + int64(stx.Btime.Nsec)
}
