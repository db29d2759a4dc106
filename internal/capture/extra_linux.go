package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/reach"
)

// inodeFlags of chattr that statx shows without opening the file.
const inodeFlags = unix.STATX_ATTR_IMMUTABLE | unix.STATX_ATTR_APPEND | unix.STATX_ATTR_NODUMP | unix.STATX_ATTR_VERITY

// extraAttributes gives each attribute that lstat does not show: flags set by
// chattr, then extended attributes (access control lists, capabilities, labels)
// by name. What cannot be read is passed over.
func extraAttributes(f *reach.File, each func([]byte)) {
	var stx unix.Statx_t
	if unix.Statx(f.FD(), "", unix.AT_EMPTY_PATH, 0, &stx) == nil && stx.Attributes&inodeFlags != 0 {
		each(binary.BigEndian.AppendUint64(nil, stx.Attributes&inodeFlags))
	}
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
			each(name)
			each(value)
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

// birth is when a file was made; 0: its file system does not tell.
func birth(f *reach.File) int64 {
	var stx unix.Statx_t
	if unix.Statx(f.FD(), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &stx) != nil || stx.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return stx.Btime.Sec*int64(time.Second) + int64(stx.Btime.Nsec)
}
