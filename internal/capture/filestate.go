package capture

import (
	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
)

// Known is what was last recorded of a path: enough to tell, without its
// content, whether it has changed.
type Known struct {
	Dev, Ino         uint64
	Size             int64
	MtimeNs, CtimeNs int64
	Mode             uint32 // type and permission bits, as in st_mode
	UID, GID         uint32
	Links            uint32   // names of the file, where it is a regular one; 0: not known
	Flags            uint32   // of chattr
	Digest           [32]byte // HMAC-SHA256 of the content; zero: it could not be read
	Extra            [32]byte // HMAC-SHA256 of extended attributes; zero: none
}

func knownOf(st *unix.Stat_t) Known {
	k := Known{
		Dev: uint64(st.Dev), Ino: uint64(st.Ino), Size: st.Size,
		MtimeNs: st.Mtim.Nano(), CtimeNs: st.Ctim.Nano(),
		Mode: uint32(st.Mode), UID: st.Uid, GID: st.Gid,
	}
	if k.regular() {
		k.Links = uint32(st.Nlink)
	}
	return k
}

func (k Known) format() uint32 { return k.Mode & unix.S_IFMT }

func (k Known) regular() bool { return k.format() == unix.S_IFREG }

func (k Known) owner() body.Owner { return body.Owner{UID: k.UID, GID: k.GID} }

// sameFile: one inode.
func (k Known) sameFile(o Known) bool { return k.Dev == o.Dev && k.Ino == o.Ino }

// sameStat: nothing that lstat shows is different, the time of the last change
// included. Device numbers may change with a restart and count only together
// with the inode's.
func (k Known) sameStat(o Known) bool {
	k.Digest, o.Digest = [32]byte{}, [32]byte{}
	k.Extra, o.Extra = [32]byte{}, [32]byte{}
	k.Flags, o.Flags = 0, 0
	return k == o
}

// sameText: type and content are equal. Contents that could not be read are
// equal while size and time of modification are.
func (k Known) sameText(o Known) bool {
	if k.format() != o.format() || k.Digest != o.Digest {
		return false
	}
	return k.Digest != [32]byte{} || (k.Size == o.Size && k.MtimeNs == o.MtimeNs)
}

// sameAttributes: permission bits, owner, flags, extended attributes and number of
// names are equal. Names that were not counted are as many as there are.
func (k Known) sameAttributes(o Known) bool {
	return k.sameButLinks(o) && (k.Links == o.Links || k.Links == 0 || o.Links == 0)
}

func (k Known) sameButLinks(o Known) bool {
	return k.sameButFlags(o) && k.Flags == o.Flags
}

func (k Known) sameButFlags(o Known) bool {
	return k.Mode == o.Mode && k.UID == o.UID && k.GID == o.GID && k.Extra == o.Extra
}
