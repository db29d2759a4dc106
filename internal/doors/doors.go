// Package doors knows the programs through which people and jobs come to a host.
//
// Anybody can call a program of his own sshd or cron; what the kernel says of where a
// program lies and as whom it runs is nothing its user chooses, unless that is root. In
// a container the first is of its own file system: whoever asks leaves those out.
package doors

import (
	"path"
	"slices"
	"strings"
)

// The kinds of doors.
const (
	SSH     = "ssh"
	Console = "console"
	Cron    = "cron"
)

var kinds = map[string]string{
	"sshd": SSH, "sshd-session": SSH, "sshd-auth": SSH, "dropbear": SSH,
	"login": Console, "agetty": Console, "gdm-session-worker": Console,
	"cron": Cron, "crond": Cron, "anacron": Cron, "atd": Cron,
}

// Kind is the kind of door that a process is, by the path of its program and its
// user: that of root where the system's programs are. Empty: it is none.
func Kind(exe string, uid *uint32) string {
	exe = strings.TrimSuffix(exe, " (deleted)") // an upgrade left it running
	if uid == nil || *uid != 0 || !OfSystem(exe) {
		return ""
	}
	return kinds[path.Base(exe)]
}

// systems are the directories into which the system's programs are installed.
var systems = []string{
	"/bin/", "/sbin/", "/lib/", "/libexec/", "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/",
	"/usr/local/bin/", "/usr/local/sbin/", "/usr/local/lib/", "/usr/local/libexec/", "/opt/puppetlabs/", "/snap/",
	"/nix/store/", "/gnu/store/", "/run/wrappers/",
}

// OfSystem reports whether a program lies where only root installs programs.
func OfSystem(exe string) bool {
	return slices.ContainsFunc(systems, func(dir string) bool { return strings.HasPrefix(exe, dir) })
}
