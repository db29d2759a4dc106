package actor

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
)

const statTail = " S 41 41 41 34817 41 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10 1 2 3"

func TestParseStat(t *testing.T) {
	want := stats{ppid: 41, tty: 34817, started: 987654}
	for _, name := range []string{"sh", "a) S 1 (b", "x\ny", ")"} {
		if got := parseStat([]byte("42 (" + name + ")" + statTail)); got != want {
			t.Errorf("%q: %+v", name, got)
		}
	}
	for _, bad := range []string{"", "42 (sh", "42 (sh) S 1", strings.Replace("42 (sh)"+statTail, "987654", "x", 1)} {
		if got := parseStat([]byte(bad)); got != (stats{}) {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func FuzzParseProc(f *testing.F) {
	f.Add([]byte("42 (sh)" + statTail))
	f.Add([]byte("Uid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\n"))
	f.Add([]byte("0::/system.slice/a.service\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseStat(b)
		parseStatus(b)
		if unit, id := parseCgroup(b); strings.Contains(unit, "/") || (id != "" && len(id) != 64) {
			t.Errorf("unit %q, container %q", unit, id)
		}
		parsePasswd(string(b))
	})
}

func TestParseStatus(t *testing.T) {
	got, ok := parseStatus([]byte("Name:\tsudo\nPPid:\t1\nUid:\t1000\t0\t0\t0\nGid:\t100\t0\t0\t0\nGroups:\t7\n"))
	if want := (ids{1000, 0, 100}); !ok || got != want {
		t.Errorf("%+v %v", got, ok)
	}
	if _, ok := parseStatus([]byte("Uid:\t1000\t0\t0\t0\n")); ok {
		t.Error("half a status accepted")
	}
}

func TestTTYName(t *testing.T) {
	for nr, want := range map[int]string{
		0: "", 136<<8 | 3: "pts/3", 137<<8 | 1: "pts/257", 136<<8 | 0x10002c: "pts/300",
		4<<8 | 1: "tty1", 4<<8 | 64: "ttyS0", 204<<8 | 64: "204:64",
	} {
		if got := ttyName(nr); got != want {
			t.Errorf("%#x: %q, want %q", nr, got, want)
		}
	}
}

func TestParseCgroup(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for group, want := range map[string][2]string{
		"0::/":                              {"", ""},
		"0::/system.slice/telegraf.service": {"telegraf.service", ""},
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope":                           {"x.scope", ""},
		"0::/system.slice/docker-" + id + ".scope":                                                     {"docker-" + id + ".scope", id},
		"12:memory:/docker/" + id + "\n1:name=systemd:/docker/" + id:                                   {"", id},
		"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + id + ".scope":                       {"cri-containerd-" + id + ".scope", id},
		"11:cpu:/x.service\n1:name=systemd:/system.slice/cron.service\n0::/system.slice/other.service": {"cron.service", ""},
	} {
		unit, container := parseCgroup([]byte(group))
		if got := [2]string{unit, container}; got != want {
			t.Errorf("%q: %q, want %q", group, got, want)
		}
	}
}

func TestAccountsFollowTheFile(t *testing.T) {
	etc := t.TempDir()
	a := newAccounts(etc)
	if got := a.user(0); got != "" {
		t.Errorf("without a file: %q", got)
	}
	path := filepath.Join(etc, "passwd")
	writeFile(t, path, "root:x:0:0::/root:/bin/sh\ntoor:x:0:0\nbroken\nbad:x:nan:0\njane:x:1000:1000::/:\n")
	if got := []string{a.user(0), a.user(1000), a.user(7)}; !cmp.Equal(got, []string{"root", "jane", ""}) {
		t.Errorf("%q", got)
	}
	writeFile(t, path, "john:x:1000:1000::/:\n")
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := a.user(1000); got != "john" {
		t.Errorf("after the file changed: %q", got)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A shell that somebody calls sshd is no door, whatever environment it gives.
func TestNoDoorByName(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(sh)
	if err != nil {
		t.Fatal(err)
	}
	sshd := filepath.Join(t.TempDir(), "sshd")
	if err := os.WriteFile(sshd, b, 0o755); err != nil {
		t.Fatal(err)
	}
	who := actorOf(t, sshd, "-c", `SSH_CONNECTION="192.0.2.7 1 192.0.2.1 22" sh -c "echo \$\$; read x; exit 0"; exit 0`)
	if s := who.Session; s != nil && s.Address == "192.0.2.7" {
		t.Errorf("session %+v", s)
	}
}

// How a person came in is told by the nearest of root's doors; what is not from there
// is said to be unproved.
func TestArrival(t *testing.T) {
	root, jane := uint32(0), uint32(1000)
	step := func(uid *uint32, exe, address, peer string, login uint32) ancestor {
		return ancestor{Process: body.Process{Exe: exe, UID: uid}, address: address, peer: peer, loginUID: login}
	}
	shell := step(&jane, "/usr/bin/bash", "192.0.2.7", "", 1000)
	hers := step(&jane, "/usr/sbin/sshd", "", "", 1000)
	end, silent := step(&root, "/usr/sbin/sshd", "", "192.0.2.9", 1000), step(&root, "/usr/sbin/sshd", "", "", 1000)
	listener := step(&root, "/usr/sbin/sshd", "", "203.0.113.1", unset)
	for name, c := range map[string]struct {
		chain    []ancestor
		unit     string
		session  *body.Session
		unproved []string
	}{
		"by the connection": {[]ancestor{shell, hers, end, listener}, "", &body.Session{Kind: "ssh", Address: "192.0.2.9"}, nil},
		"by the environment, and not that of another client": {
			[]ancestor{shell, hers, silent, listener}, "", &body.Session{Kind: "ssh", Address: "192.0.2.7"}, []string{body.UnprovedAddress},
		},
		"a door of the person's own": {
			[]ancestor{shell, step(&jane, "/home/jane/sshd", "192.0.2.6", "192.0.2.8", 1000)}, "", nil, []string{body.UnprovedLogin},
		},
		"one that root runs": {
			[]ancestor{step(&root, "/tmp/sshd", "192.0.2.6", "192.0.2.8", 1000)}, "", nil, []string{body.UnprovedLogin},
		},
		"a login that the door did not give": {
			[]ancestor{step(&root, "/usr/sbin/cron", "", "", unset)}, "", &body.Session{Kind: "cron"}, []string{body.UnprovedLogin},
		},
		"a unit of her own": {nil, "user@1000.service", &body.Session{Kind: "service"}, nil},
		"a unit of another": {nil, "user@1001.service", &body.Session{Kind: "service"}, []string{body.UnprovedLogin}},
	} {
		w := &body.Who{LoginUID: &jane, Unit: c.unit}
		arrival(w, unset, "", c.chain)
		if d := cmp.Diff(c.session, w.Session); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if d := cmp.Diff(c.unproved, w.Unproved); d != "" {
			t.Errorf("%s: unproved %s", name, d)
		}
	}
}

// Whoever listens lets in many: none of them is his.
func TestPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	script := `import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
if sys.argv[2] == "listens":
    l = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
sys.stdin.read()`
	for name, want := range map[string]string{"connected": "127.0.0.1", "listens": ""} {
		cmd := exec.Command("python3", "-c", script, strconv.Itoa(l.Addr().(*net.TCPAddr).Port), name)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			if os.Getenv("STELE_CI") == "1" {
				t.Fatal(err)
			}
			t.Skip("needs python3")
		}
		if _, err := io.ReadFull(out, make([]byte, len("ready"))); err != nil {
			t.Fatal(err)
		}
		st := readStat(t, cmd.Process.Pid)
		if got := peerOfProcess(cmd.Process.Pid, time.Duration(st.started)*tickLength); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if got := peerOfProcess(cmd.Process.Pid, time.Duration(st.started+1000)*tickLength); got != "" {
			t.Errorf("%s: %q of a process of another time", name, got)
		}
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func readStat(t *testing.T, pid int) stats {
	t.Helper()
	dir, err := openProc(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.close()
	return parseStat(dir.read("stat", 2<<10))
}

// actorOf describes the process whose number the command prints, while it waits.
func actorOf(t *testing.T, name string, args ...string) *body.Who {
	t.Helper()
	cmd := exec.Command(name, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_, _ = io.WriteString(in, "\n")
		_ = cmd.Wait()
	}()
	b := make([]byte, 32)
	n, err := out.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	pid := 0
	for _, c := range strings.TrimSpace(string(b[:n])) {
		pid = pid*10 + int(c-'0')
	}
	a := newProcActors().Actor(Named{PID: pid, Same: func() bool { return true }})
	if a.Who == nil || a.Confidence != body.Certain {
		t.Fatalf("process %d: %+v", pid, a)
	}
	return a.Who
}

// Of a command line that is too long to be read, no argument is told in part.
func TestLongCommandOfAnAncestor(t *testing.T) {
	secret := "https://jane:" + strings.Repeat("hunter2", 20) + "@example.org/"
	who := actorOf(t, "sh", "-c", "sh -c 'echo $$; read x'; true", strings.Repeat("x", maxShort-100), secret, "end")
	got := who.Ancestors[0].Command
	if last := got[len(got)-1]; last != "…" || len(got) != 5 {
		t.Errorf("%d arguments, the last %q", len(got), last)
	}
}

// A process that becomes another user between two writes is not told under the
// ids of the first.
func TestChangedUserWithinAMoment(t *testing.T) {
	needRoot(t)
	_, err := exec.LookPath("python3")
	need(t, err == nil, "python3")
	cmd := exec.Command("/usr/bin/python3", "-c", "import os; input('1'); os.setuid(65534); input('2')")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := newProcActors()
	for _, want := range []uint32{0, 65534} {
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		a := p.Actor(Named{PID: cmd.Process.Pid, Same: func() bool { return true }})
		if a.Who == nil || *a.Who.UID != want {
			t.Errorf("not told as user %d", want)
		}
		_, _ = io.WriteString(in, "\n")
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// A number that no longer belongs to the process the kernel meant names nobody,
// though a process of that number lives.
func TestReusedNumberNamesNobody(t *testing.T) {
	gone := func() bool { return false }
	p := newProcActors()
	if a := p.Actor(Named{PID: os.Getpid(), Same: gone}); a.Who != nil || a.Certainty() != body.Unknown {
		t.Errorf("%+v", a)
	}
	if a := p.Actor(Named{PID: os.Getpid()}); a.Confidence != body.Likely {
		t.Errorf("without proof: %s", a.Confidence)
	}
	if a := p.Actor(Named{PID: os.Getpid(), Same: gone}); a.Certainty() != body.Likely {
		t.Errorf("read a moment ago and gone: %s", a.Certainty())
	}
}
