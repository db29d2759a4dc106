//go:build amd64 || arm64

package bpf

import (
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
)

// The sender of a signal is told by the kernel, also once it has ended; other
// signals, and those to other processes, are not.
func TestSignals(t *testing.T) {
	need(t, os.Getuid() == 0, "root")
	s, err := OpenSignals()
	if err != nil {
		need(t, false, "programs in the kernel: "+err.Error())
	}
	defer s.Close()
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGUSR1)
	defer signal.Stop(c)
	send := func(sig string, to int) int {
		t.Helper()
		cmd := exec.Command("sh", "-c", "kill -"+sig+" "+strconv.Itoa(to))
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		return cmd.Process.Pid
	}
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	send("TERM", other.Process.Pid)
	_ = other.Wait()
	send("USR1", os.Getpid())
	<-c
	if pid, _, told := s.Sender(); told {
		t.Fatalf("told of %d, and nobody asked for an end", pid)
	}
	by := send("TERM", os.Getpid())
	<-c
	if pid, uid, told := s.Sender(); !told || pid != by || uid != 0 {
		t.Errorf("told %t, process %d of user %d, want %d of root", told, pid, uid, by)
	}
	// A descriptor that is to signal what comes does so in the name of whoever writes.
	script := `import fcntl, os, sys
r, w = os.pipe()
fcntl.fcntl(r, fcntl.F_SETOWN, int(sys.argv[1]))
fcntl.fcntl(r, 10, 15) # F_SETSIG, SIGTERM
fcntl.fcntl(r, fcntl.F_SETFL, fcntl.fcntl(r, fcntl.F_GETFL) | os.O_ASYNC)
os.write(w, b"x")`
	_, err = exec.LookPath("python3")
	need(t, err == nil, "python3")
	if out, err := exec.Command("python3", "-c", script, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	<-c
	if pid, _, told := s.Sender(); !told || pid != 0 {
		t.Errorf("told %t, process %d, want that the kernel sent it", told, pid)
	}
}
