package capture

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

// Who ran a notable program is remembered after it is gone; what this process runs by
// itself is nobody's doing, and where two have nothing to do with each other neither
// is named.
func TestRan(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	w := watch(t, Config{Paths: []string{dir}, Notable: func(exe string) bool { return filepath.Base(exe) == "tac" }})
	need(t, w.c.Status().Layers[1].Live, "programs in the kernel")
	any := func(actor.Actor, string) bool { return true }
	since := time.Now()
	run(t, "", "tac", "/dev/null")
	if by := w.c.Ran(any, since); by.Who != nil {
		t.Errorf("our own: %+v", by.Who)
	}
	run(t, "", "sh", "-c", "tac /dev/null; tac /dev/null; true")
	w.eventually("known who ran it", func() bool {
		by := w.c.Ran(any, since)
		return by.Who != nil && filepath.Base(by.Who.Exe) == "tac" && by.Certainty() == body.Likely
	})
	if by := w.c.Ran(func(_ actor.Actor, exe string) bool { return filepath.Base(exe) != "tac" }, since); by.Who != nil {
		t.Errorf("of another kind: %+v", by.Who)
	}
	if by := w.c.Ran(any, time.Now()); by.Who != nil {
		t.Errorf("since: %+v", by.Who)
	}
	run(t, "", "sh", "-c", "tac /dev/null; true")
	w.eventually("unknown who of two", func() bool { return w.c.Ran(any, since).Who == nil })
}

// What a user runs under the name of a notable program is none: he is not named for what it
// does.
func TestRanByAUser(t *testing.T) {
	needRoot(t)
	w := watch(t, Config{Paths: []string{t.TempDir()}, Notable: func(exe string) bool { return filepath.Base(exe) == "tac" }})
	need(t, w.c.Status().Layers[1].Live, "programs in the kernel")
	since := time.Now()
	cmd := exec.Command("sh", "-c", "tac /dev/null; true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	mark := time.Now()
	run(t, "", "sh", "-c", "tac /dev/null; true")
	any := func(actor.Actor, string) bool { return true }
	w.eventually("known who ran it last, and so all before", func() bool { return w.c.Ran(any, mark).Who != nil })
	byUser := func(by actor.Actor, _ string) bool { return by.Who != nil && by.Who.UID != nil && *by.Who.UID == 65534 }
	if by := w.c.Ran(byUser, since); by.Who != nil {
		t.Errorf("a user's: %+v", by.Who)
	}
}
