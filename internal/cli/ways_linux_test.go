package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/history"
)

var allWays = flag.Bool("all-ways", false, "TestWays: fail where a program that writes files is not installed")

// A toolWay is how one program changes a file. What it leaves under a name that the
// catalogue ignores is no change. The script has the file as $f, a
// directory of its own as $t, and the text with "one" in it made "two".
type toolWay struct {
	name, tool string
	text       string // "key = one\n" where it is empty
	script     string
	leaves     []string // names beside the file, which are changes too
	by         string   // the program that is named; tool where it is empty
	ci         bool     // CI has it
	single     bool     // it leaves a file with a second name, or behind a link, alone
	behind     []string // what it does to a link, where that is something else than to a file
}

// keys types into a program that wants a terminal.
const keys = `python3 -c '
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[2], sys.argv[2:])
quiet, sent, typed = 0, 0, sys.argv[1].encode().decode("unicode_escape").encode("latin1")
while True:
    ready = select.select([fd], [], [], 0.3)[0]
    if ready:
        try:
            if not os.read(fd, 65536): break
        except OSError: break
    elif sent < len(typed):
        os.write(fd, typed[sent:sent+1]); sent += 1
os.close(fd); os.waitpid(pid, 0)' `

var toolWays = []toolWay{
	{name: "sed", tool: "sed", ci: true, script: `sed -i s/one/two/ $f`},
	{name: "sed-follow", tool: "sed", ci: true, script: `sed -i --follow-symlinks s/one/two/ $f`},
	{name: "sed-backup", tool: "sed", ci: true, script: `sed -i.bak s/one/two/ $f`, leaves: []string{".bak"}},
	{name: "perl", tool: "perl", ci: true, script: `perl -pi -e s/one/two/ $f`},
	{name: "perl-backup", tool: "perl", ci: true, script: `perl -pi.bak -e s/one/two/ $f`, leaves: []string{".bak"}},
	{name: "sponge", tool: "sponge", ci: true, script: `sed s/one/two/ $f | sponge $f`},
	{name: "tee", tool: "tee", ci: true, script: `echo "key = two" | tee $f`},
	{name: "shell", tool: "sh", ci: true, by: "dash", script: `echo "key = two" > $f`},
	{name: "python", tool: "python3", ci: true, script: `python3 -c "open('$f','w').write('key = two\n')"`},
	{name: "dd", tool: "dd", ci: true, script: `echo "key = two" | dd of=$f conv=notrunc status=none`},
	{name: "ed", tool: "ed", ci: true, script: `printf 's/one/two/\nw\nq\n' | ed -s $f`},
	{name: "vim", tool: "vim", ci: true, script: `vim -es -Nu NONE -c '%s/one/two/' -c wq $f`},
	{name: "vim-terminal", tool: "vim", ci: true, script: keys + `':%s/one/two/\r:wq\r' vim -Nu NONE $f`},
	{name: "nano", tool: "nano", ci: true, script: keys + `'two\x0f\r\x18' nano -I $f`},
	{name: "nano-backup", tool: "nano", ci: true, script: keys + `'two\x0f\r\x18' nano -I -B $f`},
	{name: "emacs", tool: "emacs", script: `HOME=$t emacs -Q --batch $f --eval '(progn (goto-char (point-min)) (replace-string "one" "two") (save-buffer))'`},
	{name: "joe", tool: "joe", ci: true, script: keys + `'two\x0bx' joe $f`},
	{name: "micro", tool: "micro", script: `export HOME=$t; ` + keys + `'two\x13\x11' micro $f`},
	{name: "kak", tool: "kak", ci: true, script: `export HOME=$t; ` + keys + `'%sone\rctwo\x1b:wq\r' kak -n $f`},
	{name: "crudini", tool: "crudini", ci: true, by: "python3", script: `crudini --set $f "" key two`},
	{name: "crudini-inplace", tool: "crudini", ci: true, by: "python3", script: `crudini --inplace --set $f "" key two`},
	{name: "augtool", tool: "augtool", ci: true, script: `augtool -As -t "Simplevars.lns incl $f" set /files$f/key two`},
	{name: "augtool-backup", tool: "augtool", ci: true, script: `augtool -Abs -t "Simplevars.lns incl $f" set /files$f/key two`},
	{name: "visudo", tool: "visudo", ci: true, text: "Defaults:one !lecture\n", script: `EDITOR="sed -i s/one/two/" visudo -q -f $f`},
	{name: "puppet", tool: "puppet", ci: true, by: "ruby", script: `echo "file { '$f': content => 'key = two' }" > $t/p.pp; HOME=$t puppet apply $t/p.pp`},
	{name: "ansible-copy", tool: "ansible", ci: true, by: "python3", script: `cd $t; HOME=$t ansible -i localhost, -c local localhost -m copy -a "content=two dest=$f"`},
	{name: "ansible-line", tool: "ansible", ci: true, by: "python3", script: `cd $t; HOME=$t ansible -i localhost, -c local localhost -m lineinfile -a "path=$f line=two"`},
	{name: "ansible-backup", tool: "ansible", ci: true, by: "python3", script: `cd $t; HOME=$t ansible -i localhost, -c local localhost -m copy -a "content=two dest=$f backup=yes"`},
	{name: "ucf", tool: "ucf", ci: true, script: `echo two > $t/new; UCF_FORCE_CONFFNEW=1 ucf --state-dir $t $t/new $f`, by: "cp"},
	{name: "logrotate-copy", tool: "logrotate", ci: true, single: true, script: `printf '%s {\n copytruncate\n rotate 1\n su root root\n}\n' $f > $t/c; chmod 644 $t/c; logrotate -f -s $t/s $t/c`, leaves: []string{".1"}},
	{name: "logrotate", tool: "logrotate", ci: true, single: true, script: `printf '%s {\n create\n rotate 1\n su root root\n}\n' $f > $t/c; chmod 644 $t/c; logrotate -f -s $t/s $t/c`, leaves: []string{".1"}},
	{name: "dpkg", tool: "dpkg", ci: true, behind: []string{}, script: `n=way-$(basename ${f%/*}); mkdir -p $t/d/DEBIAN $t/d${f%/*}; echo two > $t/d$f; echo $f > $t/d/DEBIAN/conffiles; printf "Package: $n\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: way\n" > $t/d/DEBIAN/control; dpkg-deb -b $t/d $t/x.deb; dpkg -i --force-confnew $t/x.deb; dpkg --force-all -r $n`},
	{name: "rsync", tool: "rsync", ci: true, behind: []string{"delete a.conf", "create a.conf"}, script: `echo two > $t/new; rsync $t/new $f`},
	{name: "rsync-inplace", tool: "rsync", ci: true, behind: []string{"delete a.conf", "create a.conf"}, script: `echo two > $t/new; rsync --inplace $t/new $f`},
	{name: "git", tool: "git", ci: true, script: `cd $t; git init -q; mkdir -p ${f%/*}; export GIT_WORK_TREE=${f%/*} GIT_DIR=$t/.git; git add -A; git -c user.name=n -c user.email=e commit -qm one; echo two > $t/new; git update-index --cacheinfo 100644,$(git hash-object -w $t/new),a.conf; git checkout-index -f a.conf`},
	{name: "tar", tool: "tar", ci: true, script: `echo two > $t/a.conf; tar -cf $t/x.tar -C $t a.conf; tar -xf $t/x.tar -C ${f%/*}`},
	{name: "tar-overwrite", tool: "tar", ci: true, script: `echo two > $t/a.conf; tar -cf $t/x.tar -C $t a.conf; tar -x --overwrite -f $t/x.tar -C ${f%/*}`},
	{name: "cp", tool: "cp", ci: true, script: `echo two > $t/new; cp $t/new $f`},
	{name: "cp-archive", tool: "cp", ci: true, script: `echo two > $t/new; cp -a $t/new $f`},
	{name: "cp-remove", tool: "cp", ci: true, script: `echo two > $t/new; cp --remove-destination $t/new $f`},
	{name: "install", tool: "install", ci: true, script: `echo two > $t/new; install $t/new $f`},
	{name: "mv-across", tool: "mv", ci: true, script: `s=$(mktemp /dev/shm/way.XXXXXX); echo two > $s; mv $s $f`},
	{name: "rclone", tool: "rclone", script: `mkdir $t/s; echo two > $t/s/a.conf; HOME=$t rclone copy $t/s ${f%/*}`},
	{name: "restic", tool: "restic", script: `export HOME=$t RESTIC_PASSWORD=x; mkdir $t/s; echo two > $t/s/a.conf; cd $t/s; restic -q -r $t/r init; restic -q -r $t/r backup a.conf; restic -q -r $t/r restore latest --target ${f%/*}`},
	{name: "borg", tool: "borg", by: "python3", script: `export HOME=$t; mkdir $t/s; echo two > $t/s/a.conf; cd $t/s; borg init -e none $t/r; borg create $t/r::x a.conf; cd ${f%/*}; borg extract $t/r::x`},
}

// TestWays has real programs change a file, each in its own way, and holds what is
// on record against what happened: one change of that file with its last text, by
// that program, and nothing of the names it used in between.
func TestWays(t *testing.T) {
	if os.Getenv("STELE_CI") != "1" || testing.Short() {
		t.Skip("it runs forty programs as root: set STELE_CI=1")
	}
	t.Parallel()
	s := newStore(t)
	etc := filepath.Join(t.TempDir(), "etc")
	var done []*wayTried
	for _, w := range toolWays {
		if _, err := exec.LookPath(w.tool); err != nil && !w.ci && !*allWays {
			t.Logf("%s: not installed", w.name)
			continue
		}
		for _, kind := range []string{"plain", "second-name", "behind-link"} {
			done = append(done, w.prepare(t, etc, kind))
		}
	}
	up := s.up(t, etc)
	for _, d := range done {
		d.run(t)
	}
	last := filepath.Join(etc, "last.conf")
	ok(t, os.WriteFile(last, []byte("last"), 0o644))
	up.until(t, "the last change is recorded", func() bool {
		return strings.Contains(s.must(t, "log", "-n", "0"), "last.conf")
	})
	got := s.changesByDir(t, etc)
	for _, d := range done {
		t.Run(d.dir, func(t *testing.T) { d.check(t, got[d.dir]) })
	}
	up.stop(t)
}

// wayTried is a way that changed a file.
type wayTried struct {
	toolWay
	dir, file string
	real      string // behind the link that file is
	err       error
	out       []byte
}

func (w toolWay) prepare(t *testing.T, etc, kind string) *wayTried {
	t.Helper()
	d := &wayTried{toolWay: w, dir: w.name + "-" + kind}
	d.file = filepath.Join(etc, d.dir, "a.conf")
	ok(t, os.MkdirAll(filepath.Dir(d.file), 0o755))
	if kind == "behind-link" { // what lies elsewhere, and nobody watches
		d.real = filepath.Join(filepath.Dir(etc), "elsewhere", w.name, "r.conf")
		ok(t, os.MkdirAll(filepath.Dir(d.real), 0o755))
		ok(t, os.Symlink(d.real, d.file))
	}
	text := w.text
	if text == "" {
		text = "key = one\n"
	}
	ok(t, os.WriteFile(d.file, []byte(text), 0o640))
	if kind == "second-name" {
		ok(t, os.Link(d.file, filepath.Join(t.TempDir(), "other")))
	}
	return d
}

func (d *wayTried) run(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", d.script)
	cmd.Env = append(os.Environ(), "f="+d.file, "t="+t.TempDir())
	began := time.Now()
	d.out, d.err = cmd.CombinedOutput()
	t.Logf("%s: %v", d.dir, time.Since(began).Round(time.Millisecond))
}

func (d *wayTried) check(t *testing.T, got []recordedChange) {
	if d.err != nil {
		t.Fatalf("%v\n%s", d.err, d.out)
	}
	want, told := []string{}, []string{}
	switch {
	case d.real != "" && d.behind != nil:
		want = slices.Clone(d.behind)
	case !d.single || strings.HasSuffix(d.dir, "plain"):
		want = append(want, "modify a.conf")
		for _, suffix := range d.leaves {
			want = append(want, "create a.conf"+suffix)
		}
	}
	for _, c := range got {
		name := strings.TrimPrefix(c.path, filepath.Dir(d.file)+"/")
		if i := slices.IndexFunc(d.leaves, func(l string) bool { m, _ := filepath.Match("a.conf"+l, name); return m }); i >= 0 {
			name = "a.conf" + d.leaves[i]
		}
		told = append(told, c.action+" "+name)
		if by := d.by; c.by != by && c.by != d.tool && !strings.HasPrefix(c.by, d.tool) && !(by != "" && strings.HasPrefix(c.by, by)) {
			t.Errorf("%s %s by %q", c.action, name, c.by)
		}
		if c.confidence != "certain" {
			t.Errorf("%s %s: %s", c.action, name, c.confidence)
		}
		text, err := os.ReadFile(c.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if c.action != "delete" && c.text != string(text) {
			t.Errorf("%s %s: text %q, there is %q", c.action, name, c.text, text)
		}
	}
	slices.Sort(told)
	slices.Sort(want)
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +told\n%s", diff)
	}
}

// recordedChange is one change as it stands on record.
type recordedChange struct{ path, action, text, by, confidence string }

// changesByDir are the changes after the first sight, oldest first, by directory.
func (s store) changesByDir(t *testing.T, etc string) map[string][]recordedChange {
	t.Helper()
	all := make(map[string][]recordedChange)
	dec := json.NewDecoder(bufio.NewReader(strings.NewReader(s.must(t, "log", "--json", "-n", "0", "--kind", "change"))))
	for {
		var v history.View
		if err := dec.Decode(&v); err == io.EOF {
			break
		} else {
			ok(t, err)
		}
		for _, c := range v.Changes {
			if c.Action == "baseline" || c.Action == "" {
				continue
			}
			r := recordedChange{path: c.Path, action: c.Action, confidence: v.Actor.Confidence, by: filepath.Base(v.Actor.Exe)}
			if c.After != "" {
				r.text = s.must(t, "cat", c.After)
			}
			dir, err := filepath.Rel(etc, filepath.Dir(c.Path))
			ok(t, err)
			all[dir] = append(all[dir], r)
		}
	}
	for _, cs := range all {
		slices.Reverse(cs)
	}
	return all
}
