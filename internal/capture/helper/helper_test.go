package helper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
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

func start(t *testing.T, task string, ids IDs) *Process {
	t.Helper()
	p, err := Start(task, ids)
	if err != nil && strings.Contains(err.Error(), "permission") && os.Geteuid() == 0 && os.Getenv("STELE_CI") != "1" {
		t.Skip("needs a test program that others may run: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}
