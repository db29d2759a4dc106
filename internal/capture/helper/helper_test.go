package helper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	Main(map[string]Task{"say": say, "mute": mute})
	os.Exit(m.Run())
}

func mute(c *Conn) {
	for {
		if _, _, err := c.Receive(); err != nil {
			return
		}
	}
}

// say answers with its ids and what it reads from a descriptor.
func say(c *Conn) {
	for {
		order, fds, err := c.Receive()
		if err != nil {
			return
		}
		text := ""
		if len(fds) == 1 {
			f := os.NewFile(uintptr(fds[0]), "")
			b, _ := io.ReadAll(f)
			text = string(b)
			f.Close()
		}
		_, locked := os.Open("/etc/shadow")
		if c.Send(fmt.Appendf(nil, "%s %d %d %s %v", order, os.Getuid(), os.Getgid(), text, errors.Is(locked, os.ErrPermission))) != nil {
			return
		}
	}
}

// A helper has the ids it was started with and no others, takes descriptors, and
// ends with its socket.
func TestHelper(t *testing.T) {
	ids, want := IDs{UID: 65534, GID: 65534}, "a 65534 65534 text true"
	if os.Geteuid() != 0 {
		ids = IDs{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
		want = fmt.Sprintf("a %d %d text true", ids.UID, ids.GID)
	}
	p := start(t, "say", ids)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, _, err := p.Ask([]byte("a"), []int{int(f.Fd())}, time.Minute)
		if err != nil || string(got) != want {
			t.Errorf("answered %q, %v; want %q", got, err, want)
		}
	}
	p.Close()
	if !p.Ended() {
		t.Error("closed, and there still")
	}
}

// What the kernel says of a helper of root's: the user's ids and groups, none of
// root's powers, and nobody but root may look into it.
func TestNothingOfRoot(t *testing.T) {
	needRoot(t)
	p := start(t, "say", IDs{UID: 65534, GID: 65534, Groups: []uint32{4, 65533}})
	if _, _, err := p.Ask([]byte("a"), nil, time.Minute); err != nil { // it has dropped by then
		t.Fatal(err)
	}
	dir := fmt.Sprintf("/proc/%d/", p.PID())
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t4 65533 \n",
		"CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
	} {
		if !strings.Contains(string(status), want) {
			t.Errorf("want %q in\n%s", want, status)
		}
	}
	info, err := os.Stat(dir + "environ") // root's own while nobody else may trace it
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
		t.Errorf("user %d may look into it", uid)
	}
}

// A helper is still root while it becomes one: nobody else can stop it, and whoever
// waits for its start, before it runs.
func TestStartIsRoots(t *testing.T) {
	needRoot(t)
	p := start(t, "mute", IDs{UID: 65534, GID: 65534})
	if c := p.cmd.SysProcAttr.Credential; c != nil {
		t.Errorf("the kernel starts it as user %d", c.Uid)
	}
}

// An order after the end goes to nobody, whatever file has the number by then.
func TestAskAfterClose(t *testing.T) {
	ids := IDs{UID: 65534, GID: 65534}
	if os.Geteuid() != 0 {
		ids = IDs{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	}
	p := start(t, "say", ids)
	p.Close()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0) // it takes the number that was freed
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if _, _, err := p.Ask([]byte("a"), nil, time.Minute); !errors.Is(err, ErrGone) {
		t.Errorf("answered: %v", err)
	}
	for _, fd := range fds {
		if n, _, err := unix.Recvfrom(fd, make([]byte, 8), unix.MSG_DONTWAIT); err != unix.EAGAIN {
			t.Errorf("%d bytes for somebody else, %v", n, err)
		}
	}
}

// One that does not answer is ended.
func TestMuteHelper(t *testing.T) {
	ids := IDs{UID: 65534, GID: 65534}
	if os.Geteuid() != 0 {
		ids = IDs{UID: uint32(os.Getuid())}
	}
	p := start(t, "mute", ids)
	if _, _, err := p.Ask([]byte("a"), nil, 50*time.Millisecond); err == nil {
		t.Error("nothing answered, and that was no error")
	}
	<-p.over
}

// There is no helper with root's ids.
func TestNoRoot(t *testing.T) {
	if _, err := Start("say", IDs{}); !errors.Is(err, ErrNone) {
		t.Errorf("started as root: %v", err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("STELE_CI") == "1":
		t.Fatal("missing in CI: root")
	default:
		t.Skip("needs root, to give it up")
	}
}

func start(t *testing.T, task string, ids IDs) *Process {
	t.Helper()
	p, err := Start(task, ids)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}
