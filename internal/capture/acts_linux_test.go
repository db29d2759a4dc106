package capture

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
)

// Each act is one command of one real program on a watched directory with
// a.conf ("one") and b.conf ("two"), and what must be told of it. An act with
// nothing to tell is the benign twin of another.
var acts = []struct {
	name, tool string
	command    string
	want       []string
}{
	{"edit in place", "tee", `echo new | tee a.conf`, []string{"modify a.conf new"}},
	{"the same text again", "tee", `echo one | tee a.conf`, nil},
	{"touch", "touch", `touch a.conf`, nil},
	{"read", "cat", `cat a.conf`, nil},
	{"vim in place", "vim", `vim -Nu NONE -es -c 'set backupcopy=yes' -c '%s/one/vim/' -c wq a.conf`, []string{"modify a.conf vim"}},
	{"vim", "vim", `vim -Nu NONE -es -c 'set backup backupcopy=no' -c '%s/one/vim/' -c wq a.conf`, []string{"modify a.conf vim"}},
	{"vim with nothing to write", "vim", `vim -Nu NONE -es -c q a.conf`, nil},
	{"vi", "vi", `vi -Nu NONE -es -c '%s/one/vi/' -c wq a.conf`, []string{"modify a.conf vi"}},
	{"sed -i", "sed", `sed -i s/one/sed/ a.conf`, []string{"modify a.conf sed"}},
	{"sed -i without effect", "sed", `sed -i s/absent/sed/ a.conf`, nil},
	{"cp over", "cp", `cp b.conf a.conf`, []string{"modify a.conf two"}},
	{"cp new", "cp", `cp a.conf c.conf`, []string{"create c.conf one"}},
	{"mv within", "mv", `mv a.conf c.conf`, []string{"rename c.conf from a.conf one"}},
	{"mv over", "mv", `mv a.conf b.conf`, []string{"rename b.conf from a.conf one"}},
	{"mv in", "mv", `mv ../in.conf c.conf`, []string{"create c.conf in"}},
	{"mv out", "mv", `mv a.conf ../out.conf`, []string{"delete a.conf"}},
	{"install", "install", `install -m 644 b.conf a.conf`, []string{"modify a.conf two"}},
	{"dd", "dd", `dd if=b.conf of=a.conf status=none`, []string{"modify a.conf two"}},
	{"truncate", "truncate", `truncate -s 2 a.conf`, []string{"modify a.conf on"}},
	{"python open w", "python3", `python3 -c 'open("a.conf","w").write("py")'`, []string{"modify a.conf py"}},
	{"python slow rewrite", "python3", `python3 -c 'import time; f=open("a.conf","w"); time.sleep(.3); f.write("py")'`, []string{"modify a.conf py"}},
	{"slow create", "python3", `python3 -c 'import time; f=open("c.conf","w"); time.sleep(1.3); f.write("py")'`, []string{"create c.conf py"}},
	{"rm", "rm", `rm a.conf`, []string{"delete a.conf"}},
	{"chmod", "chmod", `chmod 600 a.conf`, []string{"attributes a.conf one"}},
	{"chmod to what it was", "chmod", `chmod 644 a.conf`, nil},
	{"chown", "chown", `chown 7:7 a.conf`, []string{"attributes a.conf one"}},
	{"setfattr", "python3", `python3 -c 'import os; os.setxattr("a.conf","user.x",b"1")'`, []string{"attributes a.conf one"}},
	{"symlink new", "ln", `ln -s /dev/null c.conf`, []string{"create c.conf /dev/null [link]"}},
	{"symlink swap", "ln", `ln -sfn /dev/null link.conf`, []string{"modify link.conf /dev/null [link]"}},
	{"symlink over a file", "ln", `ln -sf /dev/null a.conf`, []string{"modify a.conf /dev/null [link]"}},
	{"fifo", "mkfifo", `mkfifo c.conf`, []string{"create c.conf [special]"}},
	{"temporary file", "python3", `python3 -c 'import os; open("t.conf","w").write("x"); os.unlink("t.conf")'`, nil},
	{"git checkout", "git", `exec git checkout -q other`, []string{"modify a.conf git"}},
	{"write through a hard link outside", "tee", `echo hard | tee ../hard`, []string{"modify h.conf hard [hard-link]"}},
	{"write through /proc/PID/root", "tee", `echo root | tee /proc/self/root$PWD/a.conf`, []string{"modify a.conf root"}},
	{"write beside", "tee", `echo x | tee ../beside a.txt`, nil},
	{"mmap", "python3", `python3 -c '
import mmap
f=open("a.conf","r+b"); m=mmap.mmap(f.fileno(),0); f.close(); m[0:3]=b"map"; m.close()'`, []string{"modify a.conf map"}},
	{"O_TMPFILE and linkat", "python3", `python3 -c '
import os
import ctypes
fd=os.open(".",os.O_TMPFILE|os.O_RDWR,0o644); os.write(fd,b"tmp")
assert ctypes.CDLL(None).linkat(-100,b"/proc/self/fd/%d"%fd,-100,b"c.conf",0x400)==0'`, []string{"create c.conf tmp"}},
	{
		"renameat2 exchange", "python3", `python3 -c '
import ctypes
assert ctypes.CDLL(None).renameat2(-100,b"a.conf",-100,b"b.conf",2)==0'`,
		[]string{"modify a.conf two", "modify b.conf one"},
	},
	{
		"copy_file_range", "python3", `python3 -c '
import os
s=os.open("b.conf",os.O_RDONLY); d=os.open("a.conf",os.O_WRONLY|os.O_TRUNC); os.copy_file_range(s,d,4)'`,
		[]string{"modify a.conf two"},
	},
	{"rename of the directory", "mv", `mv sub sub2`, []string{"rename s.conf from s.conf sub"}},
	{"directory removed", "rm", `rm -r sub`, []string{"delete s.conf"}},
	{"directory moved out", "mv", `mv sub ../gone`, []string{"delete s.conf"}},
	{"directory moved in", "mv", `mv ../indir new`, []string{"create n.conf n"}},
	{"rename of a parent directory", "mv", `cd ..; mv etc etc2; mkdir etc`, []string{
		"delete a.conf", "delete b.conf", "delete h.conf", "delete link.conf", "delete s.conf",
	}},
}

func TestActs(t *testing.T) {
	needRoot(t)
	for _, a := range acts {
		t.Run(strings.ReplaceAll(a.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			needTool(t, a.tool)
			dir := stage(t)
			w := watch(t, Config{Paths: []string{dir}, Want: isConf, Ignore: func(b string) bool { return b == "4913" }})
			run(t, dir, "sh", "-c", a.command)
			got := w.settled(dir)
			actors(t, w, got, a.tool)
			if diff := cmp.Diff(a.want, sorted(got)); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if t.Failed() {
				t.Logf("%+v", w.c.Status())
			}
			if g := w.gapsSoFar(); len(g) > 0 {
				t.Errorf("gaps %v", g)
			}
		})
	}
}

func isConf(path string) bool { return strings.HasSuffix(path, ".conf") }

// stage makes the directory the acts happen in, and what lies beside it.
func stage(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "etc")
	for path, text := range map[string]string{
		"etc/a.conf": "one\n", "etc/b.conf": "two\n", "etc/sub/s.conf": "sub\n", "etc/h.conf": "h\n",
		"in.conf": "in\n", "indir/n.conf": "n\n",
	} {
		write(t, filepath.Join(top, path), text)
	}
	run(t, dir, "sh", "-c", `ln -s /dev/zero link.conf && ln h.conf ../hard && git init -q . && git add a.conf &&
		git -c user.name=n -c user.email=e commit -qm one && git checkout -q -b other && echo git > a.conf &&
		git -c user.name=n -c user.email=e commit -qam two && git checkout -q -`)
	return dir
}

// sorted writes the observations down without their actors.
func sorted(obs []Observation) []string {
	var ls []string
	for _, o := range obs {
		o.Who = nil
		ls = append(ls, line(o))
	}
	slices.Sort(ls)
	return ls
}

// actors: whoever is named must be the tool, and with programs in the kernel
// nobody is gone before being named. A listing names nobody.
func actors(t *testing.T, w *watched, obs []Observation, tool string) {
	t.Helper()
	if tool == "vi" {
		tool = "vim"
	}
	traced := w.layer(LayerBPF).Live
	for _, o := range obs {
		switch {
		case o.Layer == LayerScan:
		case o.Who == nil || o.Who.Exe == "":
			if traced {
				t.Errorf("%s: nobody was named (%s)", line(o), o.Confidence)
			}
		case !strings.HasPrefix(filepath.Base(o.Who.Exe), tool) && o.Confidence == body.Certain:
			t.Errorf("%s: named %s, was %s", line(o), o.Who.Exe, tool)
		case o.Confidence == body.Certain && (len(o.Who.Command) == 0 || len(o.Who.Ancestors) == 0):
			t.Errorf("%s: certain, but not read: command %q, %d ancestors", line(o), o.Who.Command, len(o.Who.Ancestors))
		}
	}
}
