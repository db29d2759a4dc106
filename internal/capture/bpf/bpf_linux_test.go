//go:build amd64 || arm64

package bpf

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

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

func opened(t testing.TB, ring uint32) *Programs {
	t.Helper()
	need(t, os.Getuid() == 0, "root")
	queue, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	p, err := open(queue, ring)
	if err != nil {
		need(t, false, "programs in the kernel: "+err.Error())
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		unix.Close(queue)
	})
	return p
}

// records of the process that cmd was, once it has ended.
func records(t *testing.T, p *Programs, cmd *exec.Cmd) []*Record {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var rs []*Record
	err := p.Drain(func(r *Record) {
		if r.PID == cmd.Process.Pid {
			rs = append(rs, r)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func kinds(rs []*Record) []Kind {
	var ks []Kind
	for _, r := range rs {
		ks = append(ks, r.Kind)
	}
	return ks
}

// A process is told of three times, in order, and the notifications that wait
// in the queue are counted.
func TestProcess(t *testing.T) {
	p := opened(t, 0)
	rs := records(t, p, exec.Command("/bin/sh", "-c", "exit 0", "secret"))
	if !slices.Equal(kinds(rs), []Kind{Fork, Exec, Exit}) {
		t.Fatalf("kinds %v", kinds(rs))
	}
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	fork, exec := rs[0], rs[1]
	if fork.Maker != os.Getpid() || fork.MakerStart >= fork.Start || fork.Start > fork.Time || fork.Queued != 0 {
		t.Errorf("fork %+v, by %d", fork, os.Getpid())
	}
	if exec.Exe != sh || string(exec.Args) != "/bin/sh\x00-c\x00exit 0\x00secret\x00" || exec.CutArgs || exec.UnknownArgs {
		t.Errorf("exec %+v", exec)
	}
	for i, r := range rs {
		if r.IDs.UID != 0 || r.Start != fork.Start || r.Until < r.Time || i > 0 && r.Time < rs[i-1].Time {
			t.Errorf("record %d: %+v", i, r)
		}
	}
	if n := p.Lost(); n != 0 || !p.Ordered() {
		t.Errorf("%d lost, ordered: %v", n, p.Ordered())
	}
}

// Where process numbers are not the kernel's own, there are no programs: one
// process would be taken for another.
func TestPIDNamespace(t *testing.T) {
	need(t, os.Getuid() == 0, "root")
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestPIDNamespaceChild$", "-test.v")
	cmd.Env = append(os.Environ(), "STELE_PID_NAMESPACE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v %s", err, out)
	}
}

func TestPIDNamespaceChild(t *testing.T) {
	if os.Getenv("STELE_PID_NAMESPACE") == "" {
		t.Skip("run by TestPIDNamespace")
	}
	p, err := Open(-1)
	if err == nil {
		t.Fatal(p.Close(), "opened in another pid namespace")
	}
	if !strings.Contains(err.Error(), "pid namespace") {
		t.Error(err)
	}
}

// What is too long is cut, and says so.
func TestCut(t *testing.T) {
	p := opened(t, 0)
	rs := records(t, p, exec.Command("/bin/true", strings.Repeat("x", 5000)))
	if r := rs[1]; !r.CutArgs || r.UnknownArgs || len(r.Args) != 4096 {
		t.Errorf("long argument: cut %v, %d bytes", r.CutArgs, len(r.Args))
	}
	b, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 12 {
		dir = filepath.Join(dir, strings.Repeat("d", 200))
	}
	program := filepath.Join(dir, "program")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	r := records(t, p, exec.Command(program))[1]
	tail, ok := strings.CutPrefix(r.Exe, "…")
	if !r.CutPath || !ok || !strings.HasSuffix(program, tail) || len(tail) < 1024 {
		t.Errorf("deep program: cut %v, %q", r.CutPath, r.Exe)
	}
}

// The programs need no name to be told: one in memory, one that is unlinked.
func TestDeleted(t *testing.T) {
	p := opened(t, 0)
	b, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.MemfdCreate("hidden", 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "hidden")
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{f}
	if r := records(t, p, cmd)[1]; r.Exe != "/memfd:hidden (deleted)" {
		t.Errorf("%q", r.Exe)
	}
}

// A ring that is full is no secret.
func TestLost(t *testing.T) {
	p := opened(t, uint32(os.Getpagesize()))
	for range 30 {
		if err := exec.Command("/bin/true").Run(); err != nil {
			t.Fatal(err)
		}
	}
	records(t, p, exec.Command("/bin/true"))
	if p.Lost() == 0 {
		t.Error("nothing was lost in a ring of one page")
	}
	lost := p.Lost()
	if rs := records(t, p, exec.Command("/bin/true")); len(rs) != 3 || p.Lost() != lost {
		t.Errorf("benign twin: with room again %d records, %d more lost", len(rs), p.Lost()-lost)
	}
}

// Somebody else who empties the ring is noticed.
func TestVanished(t *testing.T) {
	p := opened(t, 0)
	other, err := ringbuf.NewReader(p.objects.Records)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetDeadline(time.Unix(0, 0)) // never wait: nobody wakes a reader
	if err := exec.Command("/bin/true").Run(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := other.Read(); err != nil {
			t.Fatal(err)
		}
	}
	records(t, p, exec.Command("/bin/true"))
	if p.Lost() < 3 {
		t.Errorf("%d lost, another reader took 3", p.Lost())
	}
}

// THREATS 23: a link that is closed, or exchanged.
func TestCheck(t *testing.T) {
	for i := range 3 {
		p := opened(t, 0)
		if err := p.Check(); err != nil {
			t.Fatalf("benign twin: %v", err)
		}
		p.links[i].id++
		if err := p.Check(); err == nil {
			t.Errorf("another link in place of %d was not noticed", i)
		}
		p.links[i].id--
		if err := p.links[i].link.Close(); err != nil {
			t.Fatal(err)
		}
		if err := p.Check(); err == nil {
			t.Errorf("link %d is closed, and nobody noticed", i)
		}
	}
}

// The two declarations of a record agree, field by field.
func TestRecordAsCompiled(t *testing.T) {
	var ours, theirs []string
	flatten(reflect.TypeFor[raw](), 0, &ours)
	flatten(reflect.TypeFor[processesRecord](), 0, &theirs)
	for i := range theirs {
		theirs[i] = strings.ReplaceAll(theirs[i], "parent", "maker")
	}
	if !slices.Equal(ours, theirs) {
		t.Errorf("record.go says\n%v\nand the programs\n%v", ours, theirs)
	}
}

// flatten lists the fields of numbers, each with its place.
func flatten(s reflect.Type, at uintptr, list *[]string) {
	for f := range s.Fields() {
		switch {
		case f.Name == "_":
		case f.Type.Kind() == reflect.Struct:
			flatten(f.Type, at+f.Offset, list)
		default:
			*list = append(*list, strings.ToLower(f.Name)+" "+f.Type.String()+" "+string(rune('0'+(at+f.Offset)/4)))
		}
	}
}

// The object and the Go code that are kept are what the source compiles to.
func TestGenerated(t *testing.T) {
	version, _ := exec.Command("clang", "--version").Output()
	need(t, regexp.MustCompile(`clang version 14\.`).Match(version), "clang 14, as Debian 12 has it")
	src, err := os.ReadFile("record.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for line := range strings.Lines(string(src)) {
		line, is := strings.CutPrefix(line, "//go:generate ")
		if !is {
			continue
		}
		cmd := exec.Command("sh", "-c", strings.Replace(line, " bpf2go ", " bpf2go -output-dir "+dir+" ", 1))
		cmd.Env = append(os.Environ(), "GOPACKAGE=bpf")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	made, err := filepath.Glob(dir + "/*")
	if err != nil || len(made) != 6 {
		t.Fatalf("%q are made, want a file of each kind for three sources (%v)", made, err)
	}
	for _, path := range made {
		name := filepath.Base(path)
		want, err1 := os.ReadFile(filepath.Join(dir, name))
		got, err2 := os.ReadFile(name)
		if err1 != nil || err2 != nil || string(got) != string(want) {
			t.Errorf("%s is not what go generate makes (%v, %v)", name, err1, err2)
		}
	}
}
