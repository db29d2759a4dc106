package capture

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/actor"
)

// writeMany starts a process that writes so many files and stays until the test is
// over.
func writeMany(t *testing.T, dir string, many int) (done func()) {
	t.Helper()
	needTool(t, "python3")
	cmd := exec.Command("python3", "-c", fmt.Sprintf("for i in range(%d): open('f%%d'%%i,'w').write(str(i))\nprint(flush=True); input()", many))
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Write([]byte("\n")); in.Close(); _ = cmd.Wait() })
	return func() { _, _ = out.Read(make([]byte, 1)) }
}

// A scan in the middle of a burst takes nothing from what the queue still tells.
func TestScanWaitsForTheQueue(t *testing.T) {
	needRoot(t)
	const many = 50
	dir := t.TempDir()
	actors, parts := &muteActors{Source: actor.Proc()}, make(chan *shares, 1)
	w := watch(t, Config{Paths: []string{dir}, Actors: actors, ScanEvery: time.Hour, began: func(s *shares) { parts <- s }})
	l := (<-parts).of(0)
	held := make(chan struct{})
	actors.hold.Store(&held)
	writeMany(t, dir, many)()
	w.eventually("held up", actors.held.Load)
	looked := make(chan int)
	l.in.Post(func() {
		l.reconcile(causeMounts)
		l.settle(time.Now().Add(time.Hour))
		looked <- len(l.pending)
	})
	if n := <-looked; n != many {
		t.Errorf("%d of %d wait for what the queue tells", n, many)
	}
	close(held)
	for _, o := range w.next(many) {
		if o.Who == nil || o.Layer != LayerFanotify {
			t.Errorf("%s by %s", line(o), o.Layer)
		}
	}
	if g := w.gapsSoFar(); len(g) > 0 {
		t.Errorf("gaps %v", g)
	}
}

// Benign twin: what the queue does not tell is told by the scan, with a gap.
func TestScanAfterTheQueue(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	parts := make(chan *shares, 1)
	w := watch(t, Config{Paths: []string{dir}, ScanEvery: time.Hour, began: func(s *shares) { parts <- s }})
	l := (<-parts).of(0)
	if err := os.Truncate(path, 2); err != nil { // our own doing: no notification of it is taken
		t.Fatal(err)
	}
	l.in.Post(func() { l.reconcile(causeMounts) })
	if o := w.next(1)[0]; line(Observation{Action: o.Action, Path: o.Path, Content: o.Content, HasContent: true}) != "modify a.conf on" || o.Layer != LayerScan {
		t.Errorf("%s by %s", line(o), o.Layer)
	}
	if g := w.gapsSoFar(); len(g) != 1 || g[0].Cause != causeMounts {
		t.Errorf("gaps %v", g)
	}
}

// A mount elsewhere in the middle of a burst costs no actor, and is no gap.
func TestMountInABurst(t *testing.T) {
	needRoot(t)
	const many = 3000
	top := t.TempDir()
	dir, mnt := filepath.Join(top, "w"), filepath.Join(top, "mnt")
	for _, d := range []string{dir, mnt} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w := watch(t, Config{Paths: []string{dir}, ScanEvery: time.Hour})
	needLive(t, w)
	done := writeMany(t, dir, many)
	w.eventually("begun", func() bool { return w.c.Status().Counters.Matched > 0 })
	if err := unix.Mount("none", mnt, "tmpfs", 0, ""); err != nil {
		need(t, false, "permission to mount: "+err.Error())
	}
	done()
	if err := unix.Unmount(mnt, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	var s actorShares
	for _, o := range w.next(many) {
		s.add(o, "python3", false)
	}
	t.Logf("%+v", s)
	if s.certain < many*99/100 || s.wrong > 0 || s.unknown > 0 {
		t.Errorf("%+v", s)
	}
	if g := w.gapsSoFar(); len(g) > 0 {
		t.Errorf("gaps %v", g)
	}
}
