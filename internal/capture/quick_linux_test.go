package capture

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

// Each quick act changes one file by one short-lived process. F is the file,
// "new" beside it another text.
var quickActs = []struct {
	tool string
	args []string
}{
	{"sh", []string{"-c", "echo echo > F"}},
	{"sed", []string{"-i", "s/one/sed/", "F"}},
	{"cp", []string{"new", "F"}},
	{"mv", []string{"F.new", "F"}},
	{"python3", []string{"-c", "open('F','w').write('py')"}},
	{"truncate", []string{"-s", "2", "F"}},
	{"chmod", []string{"600", "F"}},
	{"ln", []string{"-sf", "/dev/null", "F"}},
	{"rm", []string{"F"}},
	{"touch", []string{"Fresh.conf"}},
	{"dd", []string{"if=new", "of=F", "status=none"}},
	{"install", []string{"-m", "600", "new", "F"}},
	{"tee", []string{"F"}},
}

// deed is an act as it was done, and who must be named for it.
type deed struct {
	path     string
	pid      int
	exe      string
	command  []string
	uid      uint32
	loginUID uint32
}

// Whoever changes a file is named in full, however short it lived: 13 kinds of
// acts, one after another and eight at a time. What /proc alone would have told
// of the same acts is printed beside it.
func TestQuickActs(t *testing.T) {
	needRoot(t)
	for _, a := range quickActs {
		needTool(t, a.tool)
	}
	for _, side := range []int{1, 8} {
		t.Run(fmt.Sprintf("%d at a time", side), func(t *testing.T) {
			dir := t.TempDir()
			openToAll(t, dir)
			scripts, deeds := make([]string, side), []*deed{}
			for i := range side {
				var ds []*deed
				scripts[i], ds = worker(t, dir, i, 16)
				deeds = append(deeds, ds...)
			}
			traced := watch(t, Config{Paths: []string{dir}, Want: isConf})
			proc := watch(t, Config{Paths: []string{dir}, Want: isConf, Actors: actor.Proc()})
			needLive(t, traced)
			work(t, dir, scripts, deeds)
			full, certain := share(t, traced.settled(dir), deeds, true)
			alone, _ := share(t, proc.settled(dir), deeds, false)
			t.Logf("full actors of %d acts: %d (%d certain), with /proc alone %d", len(deeds), full, certain, alone)
			if full*1000 < len(deeds)*999 {
				t.Errorf("%d of %d actors are full; %+v", full, len(deeds), traced.c.Status())
			}
		})
	}
}

func needLive(t *testing.T, w *watched) {
	t.Helper()
	for _, y := range w.c.Status().Layers {
		if y.Name == LayerBPF {
			need(t, y.Live, "programs in the kernel: "+y.Reason)
			return
		}
	}
	t.Fatalf("no layer %s in %+v", LayerBPF, w.c.Status().Layers)
}

// openToAll lets every user reach dir, and write there.
func openToAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for d := filepath.Dir(dir); d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
}

// worker writes a script that does every act so many times, says which process
// did it, and has logged in as somebody.
func worker(t *testing.T, dir string, n, times int) (string, []*deed) {
	t.Helper()
	uid, login := uint32(n%2*65534), uint32(4000+n)
	var script strings.Builder
	fmt.Fprintf(&script, "echo %d > /proc/self/loginuid || exit 1\n", login)
	var deeds []*deed
	for i := range times * len(quickActs) {
		a := quickActs[i%len(quickActs)]
		name := fmt.Sprintf("w%d-%d.conf", n, i)
		d := &deed{exe: program(t, a.tool), command: []string{a.tool}, uid: uid, loginUID: login}
		for _, arg := range a.args {
			d.command = append(d.command, strings.ReplaceAll(arg, "F", name))
		}
		d.path = filepath.Join(dir, name)
		if a.tool == "touch" {
			d.path = filepath.Join(dir, name+"resh.conf")
		}
		for path, text := range map[string]string{name: "one\n", name + ".new": "moved\n", "new": "new\n"} {
			write(t, filepath.Join(dir, path), text)
			if err := os.Chown(filepath.Join(dir, path), int(uid), int(uid)); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&script, "%s < new > /dev/null & echo $!; wait\n", quoted(d.command))
		deeds = append(deeds, d)
	}
	return script.String(), deeds
}

// program is what the distribution installed: wrappers elsewhere exec others.
func program(t *testing.T, tool string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(filepath.Join("/usr/bin", tool))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func quoted(args []string) string {
	var q []string
	for _, a := range args {
		q = append(q, "'"+strings.ReplaceAll(a, "'", `'\''`)+"'")
	}
	return strings.Join(q, " ")
}

// work runs the scripts side by side and learns who did what.
func work(t *testing.T, dir string, scripts []string, deeds []*deed) {
	t.Helper()
	each := len(deeds) / len(scripts)
	var cmds []*exec.Cmd
	var outs []*bytes.Buffer
	for i, script := range scripts {
		cmd, out := exec.Command("/usr/bin/sh"), &bytes.Buffer{}
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(script), out, os.Stderr
		cmd.Env = []string{"PATH=/usr/bin"}
		uid := deeds[i*each].uid
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds, outs = append(cmds, cmd), append(outs, out)
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		pids := strings.Fields(outs[i].String())
		if len(pids) != each {
			t.Fatalf("%d acts say who did them, want %d", len(pids), each)
		}
		for j, pid := range pids {
			deeds[i*each+j].pid, _ = strconv.Atoi(pid)
		}
	}
}

// share counts the deeds whose actor is told in full, and those of them without
// doubt. A wrong one is an error.
func share(t *testing.T, obs []Observation, deeds []*deed, strict bool) (full, certain int) {
	t.Helper()
	told := map[string]Observation{}
	for _, o := range obs {
		told[o.Path] = o
	}
	for _, d := range deeds {
		o, ok := told[d.path]
		switch {
		case !ok:
			t.Errorf("%q of %s was not told", d.command, d.path)
		case d.full(o):
			full++
			if o.Confidence == body.Certain {
				certain++
			}
		case strict && o.Who != nil:
			t.Errorf("%q by %d: told %+v (%s)", d.command, d.pid, *o.Who, o.Confidence)
		}
	}
	return full, certain
}

func (d *deed) full(o Observation) bool {
	w := o.Who
	return w != nil && o.Confidence != body.Unknown && w.PID == d.pid && w.Exe == d.exe && slices.Equal(w.Command, d.command) &&
		w.UID != nil && *w.UID == d.uid && w.LoginUID != nil && *w.LoginUID == d.loginUID &&
		len(w.Ancestors) > 1 && w.Ancestors[1].PID == os.Getpid()
}
