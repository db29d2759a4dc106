package capture

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/bpf"
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
	if n := closeLinks(t); n != 3 {
		t.Fatalf("%d links were closed, want 3", n)
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

// While records are missing nothing is told from them; then all processes are
// read anew. The loss stays to be seen.
func TestLostRecords(t *testing.T) {
	needRoot(t)
	g, err := openGroup()
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	c, err := New(Config{DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTracer(c, g)
	defer tr.close()
	y := tr.start()
	need(t, y.Live, "programs in the kernel: "+y.Reason)
	c.count(func(s *Status) { s.Layers = []Layer{y} })
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	n := Named{PID: sleeper.Process.Pid}
	if a := tr.Actor(n); a.Confidence != body.Certain || a.Who.Exe == "" {
		t.Errorf("before: %+v", a)
	}
	tr.lose(3)
	if a := tr.Actor(n); a.Confidence != body.Likely {
		t.Errorf("while records are missing, without a pidfd: %s", a.confidence())
	}
	tr.synced -= 2 * syncEvery
	tr.tend()
	if a := tr.Actor(n); a.Confidence != body.Certain || len(a.Who.Ancestors) == 0 {
		t.Errorf("read anew: %+v", a)
	}
	if err := sleeper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = sleeper.Wait() // it was killed
	if a := tr.Actor(n); a.Confidence != body.Certain || a.Who.PID != n.PID {
		t.Errorf("gone: %+v", a)
	}
	if s := c.Status(); s.Counters.Lost != 3 || !strings.Contains(s.Layers[0].Reason, "3 records") {
		t.Errorf("%+v", s)
	}
}

// A process that became other programs so often since its write that the one which
// wrote is forgotten is not surely the one that it is now.
func TestForgottenProgram(t *testing.T) {
	needRoot(t)
	g, err := openGroup()
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	c, err := New(Config{DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTracer(c, g)
	defer tr.close()
	y := tr.start()
	need(t, y.Live, "programs in the kernel: "+y.Reason)
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait() // it was killed
	}()
	n := Named{PID: sleeper.Process.Pid, Number: 3, Same: func() bool { return true }}
	tr.Actor(n) // which takes all records
	p := tr.kin.current(n.PID)
	p.born = moment{}
	for i := range p.lives {
		p.lives[i].from = moment{5, 5}
	}
	if a := tr.Actor(n); a.Who == nil || a.Confidence != body.Likely {
		t.Errorf("%s, by %+v", a.Confidence, a.Who)
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

// Of a process that became another user at some time after its first writes, not
// one of them is told without doubt.
func TestChangedUserAfterSeveralWrites(t *testing.T) {
	f := newFamily()
	root, nobody := bpf.IDs{}, bpf.IDs{UID: 65534, EUID: 65534, GID: 65534}
	f.take(&bpf.Record{Kind: bpf.Fork, PID: 7, Start: time.Hour, IDs: root}, moment{10, 10})
	f.take(&bpf.Record{Kind: bpf.Exit, PID: 7, Start: time.Hour, IDs: nobody}, moment{13, 13})
	tr := &tracer{group: &group{fd: -1}, kin: f.lineage}
	tr.order.took(batch{events: make([]event, 13), left: bpf.Unset, waited: bpf.Unset})
	for number := uint64(10); number < 13; number++ {
		if ids, steady := tr.acting(f.current(7), 0, number); steady {
			t.Errorf("notification %d: surely by %d", number, ids.UID)
		}
	}
}

// BenchmarkForkExec is what the programs cost whoever starts processes.
func BenchmarkForkExec(b *testing.B) {
	storm := func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("without", storm)
	b.Run("with", func(b *testing.B) {
		g, err := openGroup()
		if err != nil {
			b.Fatal(err)
		}
		defer g.close()
		c, err := New(Config{DigestKey: []byte("k"), Handle: (&watched{}).handle})
		if err != nil {
			b.Fatal(err)
		}
		tr := newTracer(c, g)
		defer tr.close()
		if y := tr.start(); !y.Live {
			b.Skip(y.Reason)
		}
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() { // as the reader of a quiet queue does
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					_ = g.wait()
					tr.tend()
				}
			}
		}()
		storm(b)
		close(stop)
		<-stopped
		b.ReportMetric(float64(c.Status().Counters.Lost), "lost")
	})
}
