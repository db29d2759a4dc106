package capture

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/inode"
)

// An observation has the attributes after it, and what was recorded before.
func TestAttributesBeforeAndAfter(t *testing.T) {
	needRoot(t)
	needTool(t, "python3")
	dir := t.TempDir()
	a := filepath.Join(dir, "a.conf")
	write(t, a, "text")
	if err := unix.Setxattr(a, "user.probe", []byte("1"), 0); err != nil {
		need(t, false, "extended attributes in "+dir)
	}
	w := watch(t, Config{Paths: []string{dir}, Want: isConf})
	var before inode.Known
	act := func(command string) Observation {
		t.Helper()
		pid := run(t, dir, "sh", "-c", "exec "+command)
		got := w.settled(dir)
		if len(got) != 1 || got[0].Action != body.Attributes {
			t.Fatalf("%s: told%s, want one change of attributes", command, show(got))
		}
		certain(t, got[0], pid)
		if before != (inode.Known{}) && got[0].Before != before {
			t.Errorf("%s: before it %+v, want %+v", command, got[0].Before, before)
		}
		before = got[0].Known
		return got[0]
	}
	if o := act("chmod 600 a.conf"); o.Before.Mode&0o777 != 0o644 || o.Mode&0o777 != 0o600 {
		t.Errorf("mode %o before, %o after", o.Before.Mode, o.Mode)
	}
	if o := act("chown 7:8 a.conf"); o.Before.Owner() != (body.Owner{}) || o.Owner != (body.Owner{UID: 7, GID: 8}) {
		t.Errorf("owner %v before, %v after", o.Before.Owner(), o.Owner)
	}
	values := func(o Observation) (all []string) {
		for _, a := range o.Attributes {
			all = append(all, fmt.Sprintf("%s=%s", a.Name, a.Value))
		}
		return all
	}
	o := act(`python3 -c 'import os; os.setxattr("a.conf","user.probe",b"2")'`)
	if diff := cmp.Diff([]string{"user.probe=2"}, values(o)); diff != "" {
		t.Error(diff)
	}
	o = act(`python3 -c 'import os; os.setxattr("a.conf","security.capability",bytes.fromhex("0100000200200000"+"00"*12))'`)
	if diff := cmp.Diff([]string{"security.capability=\x01\x00\x00\x02\x00\x20" + strings.Repeat("\x00", 14), "user.probe=2"}, values(o)); diff != "" {
		t.Error(diff)
	}
	o = act(`python3 -c 'import os; os.removexattr("a.conf","user.probe")'`)
	if len(o.Attributes) != 1 {
		t.Errorf("attributes %v, want the capability alone", values(o))
	}
	// The twins: the same value, mode and owner again.
	for _, command := range []string{"chmod 600 a.conf", `python3 -c 'import os; os.setxattr("a.conf","security.capability",bytes.fromhex("0100000200200000"+"00"*12))'`} {
		run(t, dir, "sh", "-c", command)
		if got := w.settled(dir); len(got) > 0 {
			t.Errorf("%s changes nothing: told%s", command, show(got))
		}
	}
}

// A second name is a change with who made it, and where it is, as far as that is
// watched; so is its end.
func TestHardLinkMade(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	dir := filepath.Join(root, "watched")
	write(t, filepath.Join(dir, "a.conf"), "text")
	w := watch(t, Config{Paths: []string{dir}, Want: isConf})

	pid := run(t, dir, "ln", "a.conf", "../outside")
	got := w.settled(dir)
	if len(got) != 1 || got[0].Action != body.Attributes || got[0].Known.Links != 2 || got[0].Before.Links != 1 || len(got[0].Names) > 0 {
		t.Fatalf("a name outside: told%s %+v", show(got), got)
	}
	certain(t, got[0], pid)

	pid = run(t, dir, "ln", "a.conf", "b.conf")
	got = w.settled(dir)
	slices.SortFunc(got, func(a, b Observation) int { return strings.Compare(a.Path, b.Path) })
	if diff := cmp.Diff([]string{"attributes a.conf text [hard-link] by ln", "create b.conf text [hard-link] by ln"}, lines(got)); diff != "" {
		t.Fatalf("a name inside:\n%s", diff)
	}
	for i, other := range []string{"b.conf", "a.conf"} {
		certain(t, got[i], pid)
		if diff := cmp.Diff([]string{filepath.Join(dir, other)}, got[i].Names); diff != "" {
			t.Errorf("%s: names:\n%s", line(got[i]), diff)
		}
	}

	pid = run(t, dir, "rm", "../outside")
	if got = w.settled(dir); len(got) != 2 {
		t.Errorf("a name less: told%s, want both that are left", show(got))
	}
	for _, o := range got {
		certain(t, o, pid)
		if o.Action != body.Attributes || o.Known.Links != 2 || o.Before.Links != 3 {
			t.Errorf("a name less: told %s, %d names before, %d after", line(o), o.Before.Links, o.Known.Links)
		}
	}

	// The twins: a copy, a symbolic link, and a second name of a moment by one process.
	for _, command := range []string{"cp a.conf ../copy", "ln -s watched/a.conf ../link", `python3 -c 'import os; os.link("a.conf","../x"); os.unlink("../x")'`} {
		run(t, dir, "sh", "-c", command)
		if got := w.settled(dir); len(got) > 0 {
			t.Errorf("%s: told%s", command, show(got))
		}
	}
}

// A write by one name is a change under each that is watched.
func TestWriteThroughOneName(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.conf"), "text")
	run(t, dir, "ln", "a.conf", "b.conf")
	run(t, dir, "ln", "a.conf", "c.conf")
	w := watch(t, Config{Paths: []string{dir}, Want: isConf})
	pid := run(t, dir, "dash", "-c", "echo more >> a.conf")
	got := w.settled(dir)
	slices.SortFunc(got, func(a, b Observation) int { return strings.Compare(a.Path, b.Path) })
	if diff := cmp.Diff([]string{"modify a.conf textmore [hard-link] by dash", "modify b.conf textmore [hard-link] by dash", "modify c.conf textmore [hard-link] by dash"}, lines(got)); diff != "" {
		t.Fatal(diff)
	}
	for _, o := range got {
		certain(t, o, pid)
	}
	if gaps := w.gapsSoFar(); len(gaps) > 0 {
		t.Errorf("gaps: %v", gaps)
	}
}

// A file that keeps its former text under another name while it is replaced is one
// change.
func TestBackupByLink(t *testing.T) {
	needRoot(t)
	needTool(t, "python3")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.conf"), "old")
	w := watch(t, Config{Paths: []string{dir}, Want: isConf})
	run(t, dir, "python3", "-c", `
import os
open("a.conf.new-tmp","w").write("new")
os.link("a.conf","a.conf.old-tmp"); os.rename("a.conf.new-tmp","a.conf"); os.unlink("a.conf.old-tmp")`)
	if diff := cmp.Diff([]string{"modify a.conf new by python3"}, withoutVersion(lines(w.settled(dir)))); diff != "" {
		t.Error(diff)
	}
}

// withoutVersion makes python3.N python3.
func withoutVersion(ls []string) []string {
	for i, l := range ls {
		if at := strings.Index(l, "python3."); at >= 0 {
			ls[i] = l[:at+len("python3")]
		}
	}
	return ls
}
