package watcher

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCallersOfOneUser: a user who opens connection upon connection is refused at
// some time, and others are still heard.
func TestCallersOfOneUser(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("STELE_CI") == "1" {
			t.Fatal("missing in CI: root")
		}
		t.Skip("needs root, to be somebody else")
	}
	b := newBench(t, 0)
	dir, err := os.MkdirTemp("", "watch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
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
	crowd := exec.Command("/usr/bin/python3", "-c", `
import select, socket, sys
held = []
for _ in range(300):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    held.append(s)
print(select.select(held, [], [])[0][0].recv(200))
input()`, socket)
	crowd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	in, err := crowd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := crowd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := crowd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 200)
	n, err := out.Read(said)
	if err != nil || !strings.Contains(string(said[:n]), "256 connections already") {
		t.Errorf("%v: %s", err, said[:n])
	}
	if _, _, err := Ask(t.Context(), socket, Request{Do: "status"}); err != nil {
		t.Errorf("another user: %v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	_ = crowd.Wait() // it had no line to read
}
