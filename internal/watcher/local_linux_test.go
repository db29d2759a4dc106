package watcher

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

const nobody = 65534

// serving listens for anybody, and is stopped at the end of the test.
func (b *bench) serving(t *testing.T) (socket string) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("STELE_CI") == "1" {
			t.Fatal("missing in CI: root")
		}
		t.Skip("needs root, to be somebody else")
	}
	dir, err := os.MkdirTemp("", "watch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	l, err := listen(socket, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- b.serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return socket
}

// asNobody starts a program of another user, which ends with its input.
func asNobody(t *testing.T, program string, args ...string) (says string, end func()) {
	t.Helper()
	c := exec.Command("/usr/bin/python3", append([]string{"-c", program}, args...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	says, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%q: %v", says, err)
	}
	return says, func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestCallersOfOneUser: a user who opens connection upon connection is refused at
// some time, and others are still heard.
func TestCallersOfOneUser(t *testing.T) {
	socket := newBench(t, 0).serving(t)
	said, end := asNobody(t, `
import select, socket, sys
held = []
for _ in range(300):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    held.append(s)
print(select.select(held, [], [])[0][0].recv(200), flush=True)
sys.stdin.read()`, socket)
	defer end()
	if !strings.Contains(said, fmt.Sprintf("already open by user %d: 256", nobody)) {
		t.Error(said)
	}
	if _, _, err := Ask(t.Context(), socket, Request{Do: "status"}); err != nil {
		t.Errorf("another user: %v", err)
	}
}

// scarceOnce has no descriptor for the first connection.
type scarceOnce struct {
	*net.UnixListener
	failed bool
}

func (s *scarceOnce) AcceptUnix() (*net.UnixConn, error) {
	if !s.failed {
		s.failed = true
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return s.UnixListener.AcceptUnix()
}

// TestScarceDescriptors: a watcher that runs out of descriptors refuses for a while,
// and does not end.
func TestScarceDescriptors(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := listen(socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	b := newBench(t, 0)
	go func() { served <- b.serve(ctx, &scarceOnce{UnixListener: l}) }()
	if _, _, err := Ask(t.Context(), socket, Request{Do: "status"}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestTalkAfterTheRequest: whoever goes on writing is not read for ever.
func TestTalkAfterTheRequest(t *testing.T) {
	socket := newBench(t, 0).serving(t)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	fmt.Fprintln(conn, `{"do":"run","reason":"approved"}`)
	if said, err := answers.ReadString('\n'); err != nil {
		t.Fatalf("%q: %v", said, err)
	}
	fmt.Fprintln(conn, "more")
	if said, err := answers.ReadString('\n'); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%q: %v", said, err)
	}
}

// TestReasonEndsWithItsProcess: a connection that was handed on keeps no reason
// alive, and one that is kept does.
func TestReasonEndsWithItsProcess(t *testing.T) {
	b := newBench(t, 0)
	socket := b.serving(t)
	said, end := asNobody(t, `
import os, socket, sys
def ask(s):
    s.connect(sys.argv[1])
    s.sendall(b'{"do":"run","reason":"approved"}\n')
    s.recv(200)
handed, kept = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
child = os.fork()
if child == 0:
    ask(handed)
    os._exit(0)
os.waitpid(child, 0)
ask(kept)
print(child, os.getpid(), flush=True)
sys.stdin.read()`, socket)
	var child, parent int
	if _, err := fmt.Sscan(said, &child, &parent); err != nil {
		t.Fatal(err)
	}
	living, _, ok := actor.Living(parent)
	if !ok {
		t.Fatal("its process cannot be read")
	}
	if !b.comes(func() bool {
		reason, ended := b.reasonOf(func(id actor.Ident) bool { return id.PID == child })
		return !reason || ended
	}) {
		t.Error("the reason outlives the process that gave it")
	}
	if why := b.reasons.of(&body.Who{}, []actor.Ident{living}, b.cfg.Now()); why.Reason != "approved" {
		t.Errorf("the reason of a process that lives: %+v", why)
	}
	end()
	if !b.comes(func() bool { _, ended := b.reasonOf(func(id actor.Ident) bool { return id == living }); return ended }) {
		t.Error("the reason of a process that ended")
	}
}

// reasonOf says whether a reason of such a process is kept, and has ended.
func (b *bench) reasonOf(is func(actor.Ident) bool) (kept, ended bool) {
	b.reasons.mu.Lock()
	defer b.reasons.mu.Unlock()
	for id, x := range b.reasons.runs {
		if is(id) {
			return true, !x.ended.IsZero()
		}
	}
	return false, false
}

func (b *bench) comes(so func() bool) bool {
	for late := time.Now().Add(time.Minute); time.Now().Before(late); {
		if so() {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// TestWhoMayExplain: a user gives reasons for what this watcher recorded, and no
// more of them than fit into an hour.
func TestWhoMayExplain(t *testing.T) {
	b := newBench(t, 0)
	b.change(t, "/etc/a", "text")
	if err := b.ships(t, &trouble{}); err != nil {
		t.Fatal(err)
	}
	other, own := uint64(0), b.liar.Size()-1
	ctx, cancel := context.WithCancel(t.Context())
	shipped := make(chan error, 1)
	go func() { shipped <- b.ship(ctx) }()
	defer func() {
		cancel()
		if err := <-shipped; err != nil {
			t.Error(err)
		}
	}()
	uid := uint32(nobody)
	user, root := &body.Who{UID: &uid}, &body.Who{UID: new(uint32)}
	ask := func(who *body.Who, i uint64, about string) Reply {
		return b.explain(t.Context(), who, Request{Reason: "because", Index: &i, About: about})
	}
	for name, c := range map[string]struct {
		reply Reply
		want  string
	}{
		"own":                   {ask(user, own, ""), ""},
		"another source's":      {ask(user, other, ""), "only root may explain it here"},
		"root about another's":  {ask(root, other, ""), ""},
		"an id that is not its": {ask(root, own, strings.Repeat("A", 43)+"="), "has another id than"},
		"none":                  {ask(root, 1000, ""), "has no entry 1000"},
		"without an index":      {b.explain(t.Context(), root, Request{Reason: "because"}), "by its index"},
	} {
		if (c.reply.Error == "") != (c.want == "") || !strings.Contains(c.reply.Error, c.want) {
			t.Errorf("%s: %+v, want %q", name, c.reply, c.want)
		}
	}
	for range mostExplained {
		ask(user, other, "")
	}
	if r := ask(user, own, ""); !strings.Contains(r.Error, "within the hour") {
		t.Errorf("after %d: %+v", mostExplained, r)
	}
	if r := ask(root, own, ""); r.Error != "" {
		t.Errorf("root, after another user's %d: %+v", mostExplained, r)
	}
	b.mu.Lock()
	b.now = b.now.Add(time.Hour)
	b.mu.Unlock()
	if r := ask(user, own, ""); r.Error != "" {
		t.Errorf("an hour later: %+v", r)
	}
}
