// Package attribute says in words what a file has beside its text, mode and owner:
// access control lists, capabilities and the flags of chattr(1).
//
// The layouts are those of the kernel's uapi headers (posix_acl_xattr.h,
// capability.h, fs.h). What is not laid out so has no words.
package attribute

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Names of extended attributes that have words.
const (
	accessList   = "system.posix_acl_access"
	defaultList  = "system.posix_acl_default"
	capabilities = "security.capability"
)

// Public reports whether anybody who can see the file can see that attribute of it,
// as its mode.
func Public(name string) bool {
	return name == accessList || name == defaultList || name == capabilities
}

// Words are those for the value of an extended attribute; false where it has none.
func Words(name string, value []byte) (string, bool) {
	switch name {
	case accessList, defaultList:
		return list(value)
	case capabilities:
		return caps(value)
	}
	return "", false
}

// aclVersion begins an access control list.
const aclVersion = 2

// list words an access control list as getfacl does, with ids as numbers.
func list(b []byte) (string, bool) {
	if len(b) < 4 || binary.LittleEndian.Uint32(b) != aclVersion || len(b)%8 != 4 {
		return "", false
	}
	var words []string
	for e := b[4:]; len(e) > 0; e = e[8:] {
		tag, perm, id := binary.LittleEndian.Uint16(e), binary.LittleEndian.Uint16(e[2:]), binary.LittleEndian.Uint32(e[4:])
		who, ok := aclTag(tag, id)
		if !ok || perm > 7 {
			return "", false
		}
		words = append(words, who+permissions(perm))
	}
	return strings.Join(words, ","), true
}

func aclTag(tag uint16, id uint32) (string, bool) {
	switch tag {
	case 0x01:
		return "user::", true
	case 0x02:
		return fmt.Sprintf("user:%d:", id), true
	case 0x04:
		return "group::", true
	case 0x08:
		return fmt.Sprintf("group:%d:", id), true
	case 0x10:
		return "mask::", true
	case 0x20:
		return "other::", true
	}
	return "", false
}

func permissions(perm uint16) string {
	b := []byte("rwx")
	for i := range b {
		if perm&(4>>i) == 0 {
			b[i] = '-'
		}
	}
	return string(b)
}

// capNames are those of capabilities by their number.
var capNames = []string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
	"linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
	"sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
	"sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
	"mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
	"checkpoint_restore",
}

// capSizes are those of the value, by its revision.
var capSizes = map[uint32]int{1: 12, 2: 20, 3: 24}

// caps words file capabilities as cap_to_text(3) does: cap_net_raw+ep. Those of a
// user namespace end with the user who is root there.
func caps(b []byte) (string, bool) {
	if len(b) < 4 {
		return "", false
	}
	magic := binary.LittleEndian.Uint32(b)
	revision := magic >> 24
	if capSizes[revision] != len(b) || magic&^(0xff<<24|1) != 0 {
		return "", false
	}
	word := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(b[4+4*at:])) }
	permitted, inheritable := word(0), word(1)
	if revision > 1 {
		permitted, inheritable = permitted|word(2)<<32, inheritable|word(3)<<32
	}
	effective := ""
	if magic&1 != 0 {
		effective = "e"
	}
	words := []string{
		capSet(permitted&^inheritable, effective+"p"), capSet(permitted&inheritable, effective+"ip"), capSet(inheritable&^permitted, effective+"i"),
	}
	words = slices.DeleteFunc(words, func(s string) bool { return s == "" })
	if len(words) == 0 {
		words = []string{"none"}
	}
	if revision == 3 && word(4) != 0 {
		words = append(words, fmt.Sprintf("[rootid=%d]", word(4)))
	}
	return strings.Join(words, " "), true
}

// capSet words the capabilities of a set, ascending by number.
func capSet(set uint64, flags string) string {
	if set == 0 {
		return ""
	}
	if set == 1<<len(capNames)-1 {
		return "all+" + flags
	}
	var names []string
	for i := range 64 {
		switch {
		case set>>i&1 == 0:
		case i < len(capNames):
			names = append(names, "cap_"+capNames[i])
		default:
			names = append(names, fmt.Sprint(i))
		}
	}
	return strings.Join(names, ",") + "+" + flags
}

// flagWords are the flags that people set, by their bit in FS_IOC_GETFLAGS. The
// others a file system keeps for itself: how it stores the file.
var flagWords = []struct {
	bit  uint32
	word string
}{
	{0x00000020, "append-only"},
	{0x02000000, "dax"},
	{0x00010000, "dirsync"},
	{0x40000000, "casefold"},
	{0x00000004, "compress"},
	{0x00000010, "immutable"},
	{0x00004000, "journal-data"},
	{0x00000080, "no-atime"},
	{0x00000400, "no-compress"},
	{0x00800000, "no-copy-on-write"},
	{0x00000040, "no-dump"},
	{0x00008000, "no-tail"},
	{0x20000000, "project-inherit"},
	{0x00000001, "secure-deletion"},
	{0x00000008, "sync"},
	{0x00020000, "top-directory"},
	{0x00000002, "undeletable"},
	{0x00100000, "verity"},
}

// Set are the flags among those of FS_IOC_GETFLAGS that people set.
func Set(flags uint32) (set uint32) {
	for _, f := range flagWords {
		set |= flags & f.bit
	}
	return set
}

// Flags words the flags of FS_IOC_GETFLAGS that people set, in the order of the
// alphabet; empty: none.
func Flags(flags uint32) string {
	var words []string
	for _, f := range flagWords {
		if flags&f.bit != 0 {
			words = append(words, f.word)
		}
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}
