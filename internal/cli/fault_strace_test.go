//go:build linux

package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fault is one way in which system calls of one group go wrong.
type fault struct {
	name  string
	calls string // as strace names them; ? before one that not every machine has
	what  string // error=… or signal=…
}

// Groups of system calls. The runtime of Go has its own (futex, mmap and the
// like); they are never made to fail, for no program could go on without them.
const (
	syncing  = "fsync,fdatasync"
	writing  = "write,pwrite64"
	renaming = "?rename,?renameat,renameat2,?link,linkat,?unlink,unlinkat"
	opening  = "?open,openat"
)

var faults = []fault{
	{"fsync fails", syncing, "error=EIO"},
	{"disk full", writing, "error=ENOSPC"},
	{"rename fails", renaming, "error=EIO"},
	{"no descriptor", opening, "error=EMFILE"},
	{"killed at fsync", syncing, "signal=SIGKILL"},
	{"killed at write", writing, "signal=SIGKILL"},
	{"killed at rename", renaming, "signal=SIGKILL"},
	{"killed at open", opening, "signal=SIGKILL"},
}

// noFault lets everything succeed and writes down every call that may fail.
var noFault = fault{"no fault", strings.Join([]string{syncing, writing, renaming, opening}, ","), ""}

// kills says whether the fault ends the process.
func (f fault) kills() bool { return strings.HasPrefix(f.what, "signal=") }

// traced is a stele that runs under strace.
type traced struct {
	cmd    *exec.Cmd
	trace  string
	out    bytes.Buffer // standard output
	ended  chan struct{}
	fault  fault
	lastly string // the trace, once it has ended

	mu   sync.Mutex
	said bytes.Buffer // standard error
}

// Write takes what the process says.
func (p *traced) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *traced) says() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// trace starts a stele whose calls of a group are written down and, from when
// on, made to fail: strace counts for each thread, and each thread's when-th
// call fails. A when of 0 makes nothing fail.
func (s store) trace(t *testing.T, f fault, when int, args ...string) *traced {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		skipUnlessCI(t, "no strace: %v", err)
	}
	p := &traced{trace: filepath.Join(t.TempDir(), "trace"), ended: make(chan struct{}), fault: f}
	// -D makes stele our own child: its signals and its exit status are what we
	// see. strace holds the pipes open, so that Wait returns once the trace is whole.
	opts := []string{"-D", "-f", "-y", "-qq", "-o", p.trace, "-e", "trace=" + f.calls}
	if !f.kills() { // quicker, but strace 6.1 forgets the signal then
		opts = append(opts, "--seccomp-bpf")
	}
	if when > 0 {
		opts = append(opts, "-e", fmt.Sprintf("inject=%s:%s:when=%d", f.calls, f.what, when))
	}
	p.cmd = withoutHomes(append(append([]string{strace}, opts...), append([]string{binary}, args...)...))
	p.cmd.Dir, p.cmd.Env = s.dir, s.env
	p.cmd.Stdout, p.cmd.Stderr = &p.out, p
	ok(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // the state of the process says it
		close(p.ended)
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.ended })
	return p
}

// withoutHomes is a command that finds no home directories to look into, where
// that can be had: they may be large, and thousands of calls that read them
// would be most of those that can fail.
func withoutHomes(args []string) *exec.Cmd {
	if os.Geteuid() == 0 {
		args = append([]string{"unshare", "--mount", "sh", "-c", `mount --bind /dev/null /etc/passwd && exec "$@"`, "sh"}, args...)
	}
	return exec.Command(args[0], args[1:]...)
}

// endedWithin says whether the process ends within d.
func (p *traced) endedWithin(d time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(d):
		return false
	}
}

// wait waits for the end; a process that does not end is a failure.
func (p *traced) wait(t *testing.T) {
	t.Helper()
	if !p.endedWithin(patience) {
		t.Fatalf("stele hangs\n%s", p.says())
	}
	b, err := os.ReadFile(p.trace)
	ok(t, err)
	p.lastly = string(b)
}

// stuck says whether the process has told that its store takes nothing any more
// and that it keeps what it sees in the spool: it would go on for ever.
func (p *traced) stuck() bool { return strings.Contains(p.says(), "intake has stopped") }

// injected says whether the fault has happened, and to what.
func (p *traced) injected() (where []string) {
	for line := range strings.Lines(p.lastly) {
		if strings.Contains(line, "(INJECTED)") || p.fault.kills() && strings.Contains(line, "+++ killed by SIGKILL") {
			where = append(where, strings.TrimSpace(line))
		}
	}
	return where
}

var (
	anyCall = regexp.MustCompile(`^([0-9]+) +([a-z0-9]+)\(`)
	// What no program survives, or what nobody can be told of: Go wakes itself
	// through an eventfd and ends at once where that fails, and a message that
	// could not be written is not there to be read. Tessera (1.0.4) panics in a
	// goroutine of its own where it cannot open the lock of its state; that the next
	// start recovers is asked all the same.
	beyond = regexp.MustCompile(`write\([0-9]+<anon_inode:\[eventfd\]>|write\(2<|open(at)?\(.*treeState\.lock"`)
)

// busiest is the number of calls of a group of the thread that made most.
func (p *traced) busiest(group string) int {
	names := strings.Split(strings.ReplaceAll(group, "?", ""), ",")
	calls, most := map[string]int{}, 0
	for line := range strings.Lines(p.lastly) {
		if m := anyCall.FindStringSubmatch(line); m != nil && slices.Contains(names, m[2]) {
			calls[m[1]]++
			most = max(most, calls[m[1]])
		}
	}
	return most
}

// excused says whether the fault struck where no message can be asked for.
func (p *traced) excused() bool {
	for _, line := range p.injected() {
		if beyond.MatchString(line) {
			return true
		}
	}
	return false
}

// place is a name of something that can be looked at: a file, or a part of the
// store that has one.
var place = regexp.MustCompile(`/|\b(log|vault|index|spool|keyring|checkpoint|ndjson|blobs)\b`)

// endedWell holds the end of a faulted process against what it may do: go on to
// the end, be killed, or say which place is at fault. It tells which it was.
func (p *traced) endedWell(t *testing.T) (finished bool) {
	t.Helper()
	status, says := p.cmd.ProcessState.ExitCode(), p.says()
	complaint := says[max(0, strings.LastIndex(says, "stele: error: ")):]
	switch {
	case status == 0:
		return true
	case p.excused():
	case p.fault.kills():
		if status != -1 {
			t.Errorf("killed, and yet status %d\n%s", status, says)
		}
	case status != 1 || !strings.HasPrefix(complaint, "stele: error: ") || !place.MatchString(complaint):
		t.Errorf("status %d, and no error that names the place:\n%s", status, says)
	case strings.Contains(says, "goroutine "):
		t.Errorf("crashed:\n%s", says)
	}
	return false
}

// unharmed fails where a run without faults had one, or did not go to its end.
func (p *traced) unharmed(t *testing.T) {
	t.Helper()
	if where := p.injected(); len(where) > 0 || p.cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("a run without faults: %v\n%s", where, p.says())
	}
}

// strata draws n numbers up to two thirds of most, which most runs come to, one
// of each n-th part of the range, by a seed of the fault.
func strata(f fault, n, most int) []int {
	rng := rand.New(rand.NewPCG(20, uint64(len(f.name)*1000+len(f.calls))))
	most = max(1, most*2/3)
	var out []int
	for i := range n {
		low, high := 1+i*most/n, 1+(i+1)*most/n
		if low < high {
			out = append(out, low+rng.IntN(high-low))
		}
	}
	return out
}

// struck runs trial until a fault has struck: how the calls fall to the threads
// differs from run to run, so that a late one may not come. It fails where not
// even the first call fails.
func struck(t *testing.T, when int, trial func(t *testing.T, when int) []string) {
	t.Helper()
	for ; ; when = max(1, when/3) {
		if where := trial(t, when); len(where) > 0 {
			t.Logf("call %d: %s", when, strings.Join(where, "\n\t"))
			return
		}
		if t.Failed() || when == 1 {
			break
		}
	}
	t.Error(errors.New("no fault was injected: this test tests nothing"))
}
