package capture

import (
	"bytes"
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// inodeFlags of chattr that statx shows without opening the file.
const inodeFlags = unix.STATX_ATTR_IMMUTABLE | unix.STATX_ATTR_APPEND | unix.STATX_ATTR_NODUMP | unix.STATX_ATTR_VERITY

// extraAttributes gives each attribute that lstat does not show: flags set by
// chattr, then extended attributes (access control lists, capabilities, labels)
// by name. What cannot be read is passed over.
func extraAttributes(path string, each func([]byte)) {
	var stx unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &stx) == nil && stx.Attributes&inodeFlags != 0 {
		each(binary.BigEndian.AppendUint64(nil, stx.Attributes&inodeFlags))
	}
	names := make([]byte, 4096)
	n, err := unix.Llistxattr(path, names)
	if err != nil || n == 0 {
		return
	}
	list := bytes.Split(bytes.TrimSuffix(names[:n], []byte{0}), []byte{0})
	slices.SortFunc(list, bytes.Compare)
	value := make([]byte, 4096)
	for _, name := range list {
		if n, err := unix.Lgetxattr(path, string(name), value); err == nil {
			each(name)
			each(value[:n])
		}
	}
}
