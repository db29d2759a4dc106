package actor

import (
	"bytes"
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/doors"
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

// arrival says in w how the person came in: by the nearest door among the ancestors.
// The address is that of the connection which root's end of an ssh session holds.
// Where that is not to be had it is taken from the process right behind the door,
// whose environment the person had least chance to make up, and said to be unproved;
// so is a login uid that none of root's doors gave.
func arrival(w *body.Who, id uint32, address string, chain []ancestor) {
	s := body.Session{}
	if id != unset {
		s.ID = strconv.FormatUint(uint64(id), 10)
	}
	peer, login := "", w.LoginUID == nil || isOwnUnit(w.Unit, *w.LoginUID)
	for _, a := range chain {
		if w.Container != "" {
			break // its programs lie where its own file system says
		}
		if s.Kind = doors.Kind(a.Exe, a.UID); s.Kind != "" { // those above it let others in, too
			peer, login = a.peer, login || a.loginUID == *w.LoginUID
			break
		}
		address = cmp.Or(a.address, address)
	}
	switch {
	case s.Kind == doors.SSH && peer != "":
		s.Address = peer
	case s.Kind == doors.SSH:
		s.Address = address
	case s.Kind != "":
	case w.Container != "":
		s.Kind = "container"
	case strings.HasSuffix(w.Unit, ".service"):
		s.Kind = "service"
	}
	if !login {
		w.Unproved = append(w.Unproved, body.UnprovedLogin)
	}
	if s.Address != "" && peer == "" {
		w.Unproved = append(w.Unproved, body.UnprovedAddress)
	}
	if s != (body.Session{}) {
		w.Session = &s
	}
}

// isOwnUnit says whether a unit is that of the user's own services, which only root
// can have put a process into.
func isOwnUnit(unit string, uid uint32) bool {
	return unit == "user@"+strconv.FormatUint(uint64(uid), 10)+".service"
}

// sharing are programs in whose sessions several people can type.
var sharing = map[string]bool{"tmux": true, "screen": true}

// isShared says whether somebody else than who logged in may have acted.
func isShared(chain []ancestor) bool {
	return slices.ContainsFunc(chain, func(a ancestor) bool { return sharing[path.Base(a.Exe)] })
}
