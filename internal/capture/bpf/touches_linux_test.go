//go:build amd64 || arm64

package bpf

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func openTouches(t testing.TB) *Touches {
	t.Helper()
	need(t, os.Getuid() == 0, "root")
	touches, err := OpenTouches()
	if err != nil {
		need(t, false, "Linux 6.13: "+err.Error())
	}
	t.Cleanup(func() { touches.Close() })
	return touches
}

func stat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// Who made, wrote, renamed or changed a file is known after it is gone, with the
// very time of change that the file bears.
func TestTouches(t *testing.T) {
	touches := openTouches(t)
	for _, at := range []string{t.TempDir(), "/dev/shm"} {
		dir, err := os.MkdirTemp(at, "touches")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		path := filepath.Join(dir, "f")
		for _, act := range []string{"echo one > f", "echo two >> f", "truncate -s 9 f", "chmod 600 f", "mv f g; mv g f", "ln f h", "ln -sfn x f"} {
			cmd := exec.Command("sh", "-c", act)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v %s", act, err, out)
			}
			st := stat(t, path)
			got, _ := touches.Of(uint64(st.Dev), st.Ino)
			if len(got) == 0 || got[0].CtimeNs != st.Ctim.Nano() || got[0].PID < cmd.Process.Pid {
				t.Errorf("%s in %s: %+v, changed at %d by %d or its child", act, at, got, st.Ctim.Nano(), cmd.Process.Pid)
			}
		}
		before := stat(t, path)
		if _, err := os.ReadFile(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if got, _ := touches.Of(uint64(before.Dev), before.Ino); len(got) == 0 || got[0].PID == os.Getpid() {
			t.Errorf("benign twin: who reads is told to have changed it: %+v", got)
		}
	}
}

// All who touched a file are known of one that was made meanwhile, until there were too
// many of them; of one that was there before, or was forgotten, they are not.
func TestTouchesWhole(t *testing.T) {
	dir := t.TempDir()
	act := func(act string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", act)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", act, err, out)
		}
	}
	act("echo one > before")
	touches := openTouches(t)
	whole := func(name string) bool {
		st := stat(t, filepath.Join(dir, name))
		_, whole := touches.Of(uint64(st.Dev), st.Ino)
		return whole
	}
	if act("chmod 600 before"); whole("before") {
		t.Error("who made a file that was there before is said to be known")
	}
	act("echo one > made")
	for n := range 3 {
		if !whole("made") {
			t.Errorf("who touched a file is said not to be all, after %d", n+1)
		}
		act("chmod 60" + strconv.Itoa(2*(n%2)) + " made")
	}
	if whole("made") {
		t.Error("of too many all are said to be known")
	}
}

// They are noticed to be gone.
func TestTouchesDetached(t *testing.T) {
	touches := openTouches(t)
	if err := touches.Check(); err != nil {
		t.Fatal(err)
	}
	touches.links[0].Close()
	if touches.Check() == nil {
		t.Error("a program is detached, and nothing is said")
	}
}

// Who had a file with the number before is nobody who touched the new one.
func TestNumberGivenAgain(t *testing.T) {
	touches := openTouches(t)
	dir, reused := t.TempDir(), 0
	for range 20 {
		cmd := exec.Command("sh", "-c", "sh -c 'echo one > f; stat -c %i f; exec rm f'; echo two > g; stat -c %i g")
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		numbers := strings.Fields(string(out))
		g := filepath.Join(dir, "g")
		st := stat(t, g)
		if err := os.Remove(g); err != nil {
			t.Fatal(err)
		}
		if numbers[0] != numbers[1] {
			continue
		}
		reused++
		got, _ := touches.Of(uint64(st.Dev), st.Ino)
		got = slices.DeleteFunc(got, func(b Touch) bool { return b.PID == os.Getpid() })
		if len(got) != 1 || got[0].PID != cmd.Process.Pid {
			t.Errorf("touched by %+v, want process %d alone", got, cmd.Process.Pid)
		}
	}
	t.Logf("the number was given again in %d of 20", reused)
}
