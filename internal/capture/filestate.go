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
	Digest           [32]byte // HMAC-SHA256 of the content; zero: it could not be read
	Extra            [32]byte // HMAC-SHA256 of extended attributes and inode flags; zero: none
}

func knownOf(st *unix.Stat_t) Known {
	return Known{
		Dev: uint64(st.Dev), Ino: uint64(st.Ino), Size: st.Size,
		MtimeNs: st.Mtim.Nano(), CtimeNs: st.Ctim.Nano(),
		Mode: uint32(st.Mode), UID: st.Uid, GID: st.Gid,
	}
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

// sameAttributes: permission bits, owner and extended attributes are equal.
func (k Known) sameAttributes(o Known) bool {
	return k.Mode == o.Mode && k.UID == o.UID && k.GID == o.GID && k.Extra == o.Extra
}
