package capture

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Users of the hostile host. They need no account.
const mallory, bob = 1001, 1002

const secret = "Top secret merger notes"

// host is a small host: etc is root's, each of two users has a home with a watched
// directory, and one file is nobody's business.
type host struct {
	t     *testing.T
	top   string
	mount func(path string) // ends with the test

	rounds int // of changes by others
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, top: t.TempDir()}
	openToAll(t, h.top)
	if err := os.Chmod(h.top, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		"etc/x.conf": "a=1", "opt/y.conf": "y=1", "secret/notes.conf": secret,
		"home/mallory/.claude/m.conf": "m=1", "home/bob/.claude/b.conf": "b=1", "home/mallory/dotfiles/d.conf": "d=1",
	} {
		write(t, filepath.Join(h.top, path), text)
	}
	for path, uid := range map[string]int{"home/mallory": mallory, "home/bob": bob} {
		err := filepath.WalkDir(filepath.Join(h.top, path), func(p string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(p, uid, uid)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	run(t, h.top, "chmod", "go=", "secret", "secret/notes.conf")
	run(t, h.top, "ln", "-s", "../opt", "etc/linked") // root's own link
	return h
}

func (h *host) paths() []string {
	var ps []string
	for _, p := range []string{"etc", "etc/linked", "home/mallory/.claude", "home/mallory/.claude/skills", "home/bob/.claude"} {
		ps = append(ps, filepath.Join(h.top, p))
	}
	return ps
}

// as runs a command as a user and returns at once; it is ended with the test.
func (h *host) as(uid uint32, command string) *exec.Cmd {
	h.t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = filepath.Join(h.top, "home/mallory/.claude")
	if uid == bob {
		cmd.Dir = filepath.Join(h.top, "home/bob/.claude")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Setpgid: true}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
	return cmd
}

// Act 68. Each trick is played by one user on a directory of hers that a watcher
// that is root watches.
var tricks = []struct {
	name, tool string
	before     string // the capture starts
	during     string
	lasts      bool // it is still going on when others are looked at
	scans      int  // for so many scans
	setup      func(*host)
	told       []string // what must be told of it, some of the observations
	refused    string   // part of what Status says of a path
	trouble    bool     // churn is told
}{
	{name: "nothing", during: "true"},
	{name: "a link to what only root reads", before: "ln -s TOP/secret skills", refused: "a link on the way"},
	{name: "the same later", during: "ln -s TOP/secret skills", refused: "a link on the way"},
	{name: "a link to a file of root's", during: "ln -s TOP/secret/notes.conf skills", told: []string{"create skills"}},
	{name: "a link to everything", before: "ln -s / skills"},
	{name: "a link to /proc", before: "ln -s /proc skills", refused: "a link on the way"},
	{name: "a link into its own directory", before: "ln -s . skills"},
	{name: "benign twin: a link to a directory of hers", before: "ln -s ../dotfiles skills", told: []string{"baseline d.conf d=1"}},
	{name: "a second name of a file of root's", setup: func(h *host) {
		run(h.t, h.top, "ln", "secret/notes.conf", "home/mallory/.claude/stolen.conf") // where the kernel does not forbid it to users
	}, during: "true", refused: "second name"},
	{name: "a hole of 8 TiB", tool: "truncate", during: "truncate -s 8T hole.conf", told: []string{"create hole.conf [too-large]"}},
	{name: "a hole of 200 MiB, again and again", tool: "python3", lasts: true, during: `exec python3 -c '
import os, time
f=open("hole.conf","wb"); f.truncate(200<<20)
while True:
    f=open("hole.conf","r+b"); f.seek(0); f.write(os.urandom(8)); f.close(); time.sleep(.02)'`},
	{name: "20,000 directories", tool: "python3", before: `exec python3 -c '
import os
for i in range(20000): os.mkdir("d%d"%i)'`, trouble: true},
	{name: "a FIFO", tool: "mkfifo", during: "mkfifo f.conf", told: []string{"create f.conf [special]"}},
	{name: "a lease", tool: "python3", lasts: true, during: `exec python3 -c '
import fcntl, os, signal, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
f=open("m.conf","r+b"); fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK); open("ready","w").close()
time.sleep(3600)'`},
	{name: "names of every kind", tool: "python3", during: `exec python3 -c '
import os
for n in (b"a\nb.conf", b"\x1b[2J.conf", b"\xff\xfe.conf", b"n"*250+b".conf", b" .conf", b"-rf.conf"):
    open(n,"wb").write(b"x")
for i in range(15):
    os.mkdir("p"*250); os.chdir("p"*250)
open("deep.conf","w").write("deep")'`},
	{name: "a tree that changes all the time", tool: "python3", lasts: true, during: `exec python3 -c '
import os
i=0
while True:
    i+=1; d="t%d"%(i%50)
    os.makedirs(d, exist_ok=True); open(d+"/x.conf","w").write(str(i)); os.rename(d, d+"b"); os.unlink(d+"b/x.conf"); os.rmdir(d+"b")'`},
	{name: "stopping and killing her helper", tool: "python3", lasts: true, scans: 6, before: "ln -s ../dotfiles skills", during: `exec python3 -c '
import os
n=0
while True:
    n+=1
    for p in os.listdir("/proc"):
        try:
            name=open("/proc/"+p+"/cmdline","rb").read().split(b"\0")[0]
            if name==b"stele-helper" or name.endswith(b"capture.test"): os.kill(int(p), 19 if n%3 else 9)
        except (OSError, ValueError): pass'`},
	{name: "a file system that never answers", setup: func(h *host) { h.mount(filepath.Join(h.top, "home/mallory/.claude/fs")) }, during: "true"},
	{name: "the same under a name that is watched", setup: func(h *host) { h.mount(filepath.Join(h.top, "home/mallory/.claude/skills")) }, during: "true"},
}

func TestHostileHost(t *testing.T) {
	needRoot(t)
	for _, trick := range tricks {
		t.Run(strings.ReplaceAll(trick.name, " ", "-"), func(t *testing.T) {
			if trick.tool != "" {
				needTool(t, trick.tool)
			}
			h := newHost(t)
			h.mount = func(path string) { muteFUSE(t, path) }
			command := func(s string) string { return strings.ReplaceAll(s, "TOP", h.top) }
			if trick.before != "" {
				if err := h.as(mallory, command(trick.before)).Wait(); err != nil {
					t.Fatal(err)
				}
			}
			if trick.setup != nil {
				trick.setup(h)
			}
			var mu sync.Mutex
			var troubles []Trouble
			w := watch(t, Config{
				Paths: h.paths(), ScanEvery: time.Second,
				Want: func(p string) bool { return isConf(p) || filepath.Base(p) == "skills" },
				Tell: func(r Trouble) { mu.Lock(); defer mu.Unlock(); troubles = append(troubles, r) },
			})
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			var trickster *exec.Cmd
			if trick.during != "" {
				cmd := h.as(mallory, command(trick.during))
				if trickster = cmd; !trick.lasts {
					if err := cmd.Wait(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if trick.name == "a lease" {
				w.eventually("a lease", func() bool { _, err := os.Stat(h.top + "/home/mallory/.claude/ready"); return err == nil })
				run(t, h.top, "touch", "-m", "home/mallory/.claude/m.conf")
			}
			others(t, w, h)
			scans := w.c.Status().Counters.Scans + uint64(trick.scans)
			w.eventually("scans", func() bool { return w.c.Status().Counters.Scans >= scans })
			if trick.scans > 0 {
				others(t, w, h)
			}
			if trick.lasts && !alive(trickster.Process.Pid) {
				t.Error("the trick came to an end by itself")
			}
			w.eventually("refused", func() bool { return trick.refused == "" || refused(w.c.Status(), trick.refused) })
			for _, want := range trick.told {
				w.eventually("told "+want, func() bool {
					return slices.ContainsFunc(w.all(), func(o Observation) bool { return strings.HasPrefix(line(o), want) })
				})
			}
			w.eventually("said", func() bool { mu.Lock(); defer mu.Unlock(); return !trick.trouble || len(troubles) > 0 })
			for _, o := range w.all() {
				if strings.Contains(string(o.Content), secret) || strings.Contains(o.Path, "notes.conf") {
					t.Errorf("foreign: %s %s", o.Path, line(o))
				}
			}
			var after runtime.MemStats
			runtime.ReadMemStats(&after)
			if more := int64(after.HeapAlloc) - int64(before.HeapAlloc); more > 256<<20 {
				t.Errorf("%d MiB more are in use", more>>20)
			}
			ends(t, w)
		})
	}
}

// alive reports whether a child that nobody has waited for still runs.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	state := strings.TrimSpace(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	return err == nil && !strings.HasPrefix(state, "Z")
}

// others: what is root's, what is reached by root's link, and what is another
// user's is recorded meanwhile.
func others(t *testing.T, w *watched, h *host) {
	t.Helper()
	h.rounds++
	n := h.rounds
	run(t, h.top, "sh", "-c", fmt.Sprintf("echo a=%[1]d > etc/x.conf; echo y=%[1]d > opt/y.conf", n+1))
	if err := h.as(bob, fmt.Sprintf("echo b=%d > b.conf", n+1)).Wait(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for _, name := range []string{"x.conf a", "y.conf y", "b.conf b"} {
		want := fmt.Sprintf("modify %s=%d", name, n+1)
		w.eventually("told "+want, func() bool {
			return slices.ContainsFunc(w.all(), func(o Observation) bool { return strings.HasPrefix(line(o), want) })
		})
	}
	t.Logf("others within %s", time.Since(start).Round(time.Millisecond))
}

// ends: nothing keeps the capture from ending.
func ends(t *testing.T, w *watched) {
	t.Helper()
	done := make(chan struct{})
	go func() { w.stop(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience / 4):
		t.Error("does not end")
	}
}

func refused(s Status, part string) bool {
	for _, why := range s.Unreadable {
		if strings.Contains(why, part) {
			return true
		}
	}
	return false
}

// all returns every observation so far.
func (w *watched) all() []Observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.obs)
}

// muteFUSE mounts a file system of mallory's whose server never answers.
func muteFUSE(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	need(t, err == nil, "/dev/fuse")
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d,allow_other", fd, mallory, mallory)
	if err := unix.Mount("mute", path, "fuse", unix.MS_NOSUID|unix.MS_NODEV, data); err != nil {
		unix.Close(fd)
		need(t, false, "permission to mount: "+err.Error())
	}
	t.Cleanup(func() {
		unix.Close(fd) // who waits is told that nobody is there
		_ = unix.Unmount(path, unix.MNT_DETACH)
	})
}
