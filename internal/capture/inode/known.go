// Package inode says what a path is: a [Known] tells whether it has changed, and
// beside its text it has attributes, flags and a time of birth.
//
// It does not read contents, and follows no path: it is given what was opened.
package inode

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
	Target           [32]byte // HMAC-SHA256 of the text of a link that was followed: all else is of the file behind; zero: it was none
}

// Of is what lstat tells of a path.
func Of(st *unix.Stat_t) Known {
	k := Known{
		Dev: uint64(st.Dev), Ino: uint64(st.Ino), Size: st.Size,
		MtimeNs: st.Mtim.Nano(), CtimeNs: st.Ctim.Nano(),
		Mode: uint32(st.Mode), UID: st.Uid, GID: st.Gid,
	}
	if k.Regular() {
		k.Links = uint32(st.Nlink)
	}
	return k
}

// Format is the type, of the bits of Mode.
func (k Known) Format() uint32 { return k.Mode & unix.S_IFMT }

// Regular: it is a regular file.
func (k Known) Regular() bool { return k.Format() == unix.S_IFREG }

// Owner is who owns it, by numbers.
func (k Known) Owner() body.Owner { return body.Owner{UID: k.UID, GID: k.GID} }

// SameFile: one inode.
func (k Known) SameFile(o Known) bool { return k.Dev == o.Dev && k.Ino == o.Ino }

// SameStat: nothing that lstat shows is different, the time of the last change
// included. Device numbers may change with a restart and count only together
// with the inode's.
func (k Known) SameStat(o Known) bool {
	k.Digest, o.Digest = [32]byte{}, [32]byte{}
	k.Extra, o.Extra = [32]byte{}, [32]byte{}
	k.Flags, o.Flags = 0, 0
	return k == o
}

// SameText: type and content are equal. Contents that could not be read are
// equal while size and time of modification are.
func (k Known) SameText(o Known) bool {
	if k.Format() != o.Format() || k.Digest != o.Digest {
		return false
	}
	return k.Digest != [32]byte{} || (k.Size == o.Size && k.MtimeNs == o.MtimeNs)
}

// Followed: the path is a link, and what is known is of the file behind it.
func (k Known) Followed() bool { return k.Target != [32]byte{} }

// SameLink: both are links, followed or not, with one text.
func (k Known) SameLink(o Known) bool {
	a, b := k.leads(), o.leads()
	return a != [32]byte{} && a == b
}

func (k Known) leads() [32]byte {
	if k.Format() == unix.S_IFLNK {
		return k.Digest
	}
	return k.Target
}

// SameAttributes: permission bits, owner, flags, extended attributes, number of
// names and where a link leads are equal. Names that were not counted are as many as there are.
func (k Known) SameAttributes(o Known) bool {
	return k.SameButLinks(o) && (k.Links == o.Links || k.Links == 0 || o.Links == 0)
}

// SameButLinks is SameAttributes but for the number of names.
func (k Known) SameButLinks(o Known) bool {
	return k.SameButFlags(o) && k.Flags == o.Flags
}

// SameButFlags is SameButLinks but for the flags.
func (k Known) SameButFlags(o Known) bool {
	return k.Mode == o.Mode && k.UID == o.UID && k.GID == o.GID && k.Extra == o.Extra && k.Target == o.Target
}

// Rewritten: the text is what it was before, and was written since. Nobody can tell any
// more whether it was another one in between.
func (k Known) Rewritten(before Known) bool {
	return before.SameText(k) && (before.MtimeNs != k.MtimeNs || !before.SameFile(k))
}
