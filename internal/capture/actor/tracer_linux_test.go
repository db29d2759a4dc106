package actor

import (
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/bpf"
)

// openTracer returns a tracer beside a queue of notifications that stays empty,
// and the last state it reported.
func openTracer(t testing.TB) (*Tracer, *State) {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK|unix.FAN_REPORT_DFID_NAME|unix.FAN_REPORT_FID|unix.FAN_UNLIMITED_QUEUE, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	last := &State{}
	tr := NewTracer(Config{
		Queue: fd, Waiting: func() uint32 { return 0 }, Report: func(s State) { *last = s },
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		tr.Close()
		unix.Close(fd)
	})
	return tr, last
}

// need skips where a tool or privilege is missing, except in CI.
func need(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("STELE_CI") == "1":
		t.Fatal("missing in CI: " + what)
	default:
		t.Skip("needs " + what)
	}
}

func needRoot(t testing.TB) {
	t.Helper()
	need(t, os.Getuid() == 0, "root")
}

// While records are missing nothing is told from them; then all processes are
// read anew. The loss stays to be seen.
func TestLostRecords(t *testing.T) {
	needRoot(t)
	tr, last := openTracer(t)
	y := tr.Start()
	need(t, y.Live, "programs in the kernel: "+y.Reason)
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
		t.Errorf("while records are missing, without a pidfd: %s", a.Certainty())
	}
	tr.synced -= 2 * syncEvery
	tr.Tend()
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
	if last.Lost != 3 || !last.Live || !strings.Contains(last.Reason, "3 records") {
		t.Errorf("%+v", last)
	}
}

// A process that became other programs so often since its write that the one which
// wrote is forgotten is not surely the one that it is now.
func TestForgottenProgram(t *testing.T) {
	needRoot(t)
	tr, _ := openTracer(t)
	y := tr.Start()
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

// Of a process that became another user at some time after its first writes, not
// one of them is told without doubt.
func TestChangedUserAfterSeveralWrites(t *testing.T) {
	f := newFamily()
	root, nobody := bpf.IDs{}, bpf.IDs{UID: 65534, EUID: 65534, GID: 65534}
	f.take(&bpf.Record{Kind: bpf.Fork, PID: 7, Start: time.Hour, IDs: root}, moment{10, 10})
	f.take(&bpf.Record{Kind: bpf.Exit, PID: 7, Start: time.Hour, IDs: nobody}, moment{13, 13})
	tr := &Tracer{cfg: Config{Waiting: func() uint32 { return Unset }}, kin: f.lineage}
	tr.order.took(Read{Events: 13, Left: Unset, Waited: Unset})
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
		tr, last := openTracer(b)
		if y := tr.Start(); !y.Live {
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
					_, _ = unix.Poll([]unix.PollFd{{Fd: int32(tr.cfg.Queue), Events: unix.POLLIN}}, 100)
					tr.Tend()
				}
			}
		}()
		storm(b)
		close(stop)
		<-stopped
		b.ReportMetric(float64(last.Lost), "lost")
	})
}
