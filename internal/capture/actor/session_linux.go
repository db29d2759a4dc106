package actor

import (
	"bytes"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/stele-log/stele/body"
)

var containerID = regexp.MustCompile(`[0-9a-f]{64}`)

// parseCgroup finds the systemd unit and the container in proc_pid_cgroup(5).
func parseCgroup(b []byte) (unit, container string) {
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		if container == "" {
			container = containerID.FindString(parts[2])
		}
		if unit == "" && (parts[1] == "" || parts[1] == "name=systemd") {
			unit = lastUnit(parts[2])
		}
	}
	return unit, container
}

// lastUnit is the innermost service or scope of a control group's path.
func lastUnit(group string) string {
	for ; group != "/" && group != "." && group != ""; group = path.Dir(group) {
		switch base := path.Base(group); path.Ext(base) {
		case ".service", ".scope":
			return base
		}
	}
	return ""
}

// sshPeer is the address in SSH_CONNECTION of an environment.
func sshPeer(environ []byte) string {
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if peer, ok := strings.CutPrefix(string(v), "SSH_CONNECTION="); ok {
			address, _, _ := strings.Cut(peer, " ")
			return strings.ToValidUTF8(address, "\uFFFD")
		}
	}
	return ""
}

// doors are the programs through which work comes to a host.
var doors = map[string]string{
	"sshd": "ssh", "sshd-session": "ssh", "dropbear": "ssh",
	"login": "console", "agetty": "console", "gdm-session-worker": "console",
	"cron": "cron", "crond": "cron", "anacron": "cron", "atd": "cron",
}

// session says how the person came in: by the nearest door among the ancestors.
// The address is taken from the process right behind the door, whose
// environment the person had least chance to make up. It is a hint, no proof.
func session(w *body.Who, id uint32, address string, chain []ancestor) *body.Session {
	s := body.Session{}
	if id != unset {
		s.ID = strconv.FormatUint(uint64(id), 10)
	}
	for _, a := range chain {
		if kind := doors[path.Base(a.Exe)]; kind != "" {
			s.Kind = kind
			break
		}
		if a.address != "" {
			address = a.address
		}
	}
	switch {
	case s.Kind == "ssh":
		s.Address = address
	case s.Kind != "":
	case w.Container != "":
		s.Kind = "container"
	case strings.HasSuffix(w.Unit, ".service"):
		s.Kind = "service"
	}
	if s == (body.Session{}) {
		return nil
	}
	return &s
}
