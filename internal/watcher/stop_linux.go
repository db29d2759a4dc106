package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/stop"
)

// systemd stops services for whoever asks it to.
const systemd = 1

// senderOf is who sent a signal, by the number and user that the kernel tells; what
// more is said of that process was read afterwards, and is likely. Behind systemd it
// is who waits for systemctl.
func senderOf(s *stop.Signal) actor.Actor {
	if s.PID == 0 { // the kernel: the keys of the terminal
		return actor.Actor{}
	}
	proc := actor.Proc()
	pid := s.PID
	if pid == systemd {
		if caller := callerOfSystemd("/proc"); caller != 0 {
			pid = caller
		}
	}
	by := proc.Actor(actor.Named{PID: pid})
	if w := by.Who; w != nil && (pid != s.PID || w.UID != nil && *w.UID == s.UID) {
		return by
	}
	uid := s.UID // it has ended
	return actor.Actor{PID: s.PID, Who: &body.Who{PID: s.PID, UID: &uid}, Confidence: body.Certain}
}

// verbs are those of systemctl by which a service ends, and the names by which it is
// called to end all of them.
var verbs = []string{
	"stop", "restart", "try-restart", "reload-or-restart", "try-reload-or-restart", "kill", "isolate", "disable", "mask",
	"poweroff", "reboot", "halt", "kexec", "soft-reboot", "shutdown", "rescue", "emergency", "default",
}

// callerOfSystemd is the systemctl that waits for the end of this service; 0: there
// is none, or several. One of root's that names the service counts before others: who
// is not root may never be given what he waits for.
func callerOfSystemd(proc string) (pid int) {
	var named, likely, others []int
	dirs, _ := filepath.Glob(proc + "/[0-9]*")
	for _, dir := range dirs {
		exe, err := os.Readlink(dir + "/exe")
		if err != nil || exe != "/usr/bin/systemctl" && exe != "/bin/systemctl" { // anybody can call a program so
			continue
		}
		raw, err := os.ReadFile(dir + "/cmdline")
		n, bad := strconv.Atoi(filepath.Base(dir))
		args := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
		switch ends := slices.ContainsFunc(args, func(a string) bool { return slices.Contains(verbs, filepath.Base(a)) }); {
		case err != nil || bad != nil || !ends:
		case slices.ContainsFunc(args[1:], func(a string) bool { return strings.HasPrefix(a, "stele") }):
			if likely = append(likely, n); isRoots(dir) {
				named = append(named, n)
			}
		case isRoots(dir):
			likely = append(likely, n)
		default:
			others = append(others, n)
		}
	}
	for _, found := range [][]int{named, likely, others} {
		if len(found) == 1 {
			return found[0]
		}
		if len(found) > 1 {
			return 0
		}
	}
	return 0
}

// isRoots says whether a process acts as root. Whose its directory is says nothing: it
// is root's too where the process may not be looked into.
func isRoots(dir string) bool {
	status, err := os.ReadFile(dir + "/status")
	_, ids, found := strings.Cut(string(status), "\nUid:")
	line, _, _ := strings.Cut(ids, "\n")
	uids := strings.Fields(line)
	return err == nil && found && len(uids) > 1 && uids[1] == "0"
}
