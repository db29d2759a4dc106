package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

// A process that becomes another program right after it wrote is named as what
// it was when it wrote.
func TestExecAfterTheWrite(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	w := watch(t, Config{Paths: []string{path}})
	needLive(t, w)
	certain := 0
	for i := range 20 {
		pid := run(t, dir, "sh", "-c", fmt.Sprintf("echo %d > a.conf; exec true", i))
		o := w.next(1)[0]
		if o.Who == nil || o.Who.PID != pid {
			t.Fatalf("round %d: %s, want process %d", i, line(o), pid)
		}
		if o.Confidence != body.Certain {
			continue // the queue was being read at that very moment
		}
		certain++
		if len(o.Who.Command) != 3 || !strings.HasPrefix(o.Who.Command[2], "echo") {
			t.Errorf("round %d: blamed on %s %q", i, o.Who.Exe, o.Who.Command)
		}
	}
	if certain == 0 {
		t.Error("not once without doubt")
	}
}

// THREATS 23: whoever closes the links of the programs is noticed, the time is
// a gap, and the programs are attached anew.
func TestDetachedIsNoticed(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	w := watch(t, Config{Paths: []string{path}})
	needLive(t, w)
	if n := closeLinks(t); n != 3 && n != 6 { // three are of the record of who changed a file
		t.Fatalf("%d links were closed, want 3 or 6", n)
	}
	w.eventually("noticed", func() bool { return len(w.gapsSoFar()) > 0 })
	if g := w.gapsSoFar()[0]; g.Cause != CauseActors || g.Since.IsZero() {
		t.Errorf("gap %+v", g)
	}
	w.eventually("attached anew", func() bool { y := w.layer(LayerBPF); return y.Live && strings.Contains(y.Reason, "anew") })
	run(t, dir, "sed", "-i", "s/one/two/", "a.conf")
	if got := line(w.next(1)[0]); got != "modify a.conf two by sed" {
		t.Error(got)
	}
}

// closeLinks does what an attacker would with a debugger: it closes this
// process's descriptors. Something else takes their place.
func closeLinks(t *testing.T) int {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, fd := range fds {
		what, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		var number int
		if _, err := fmt.Sscan(fd.Name(), &number); err != nil || !strings.Contains(what, "bpf_link") && !strings.Contains(what, "bpf-link") {
			continue
		}
		if err := unix.Dup3(int(null.Fd()), number, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func (w *watched) layer(name string) Layer {
	for _, y := range w.c.Status().Layers {
		if y.Name == name {
			return y
		}
	}
	return Layer{}
}

// Records that were lost stay to be seen in the status.
func TestLostRecordsAreShown(t *testing.T) {
	c, err := New(Config{DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	c.count(func(s *Status) { s.Layers = []Layer{{LayerBPF, true, ""}, {LayerProc, true, ""}} })
	c.traced(actor.State{Live: true, Reason: "3 records", Lost: 3})
	want := []Layer{{LayerBPF, true, "3 records"}, {LayerProc, true, ""}}
	if s := c.Status(); s.Counters.Lost != 3 || !slices.Equal(s.Layers, want) {
		t.Errorf("%+v", s)
	}
}

// A process that takes another user's name between its exec and its write is
// named under the one it wrote as.
func TestChangedUser(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	w := watch(t, Config{Paths: []string{path}})
	needLive(t, w)
	openToAll(t, dir)
	run(t, dir, "/usr/bin/python3", "-c", "import os; os.setuid(65534); open('a.conf','w').write('x')")
	o := w.next(1)[0]
	if o.Who == nil || *o.Who.UID != 65534 || o.Confidence == body.Unknown {
		t.Errorf("%s: %+v (%s)", line(o), o.Who, o.Confidence)
	}
}
