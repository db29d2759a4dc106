package capture

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
)

// linkTop is a directory in which nobody but root can put anything.
func linkTop(t *testing.T) string {
	t.Helper()
	needRoot(t)
	top := t.TempDir()
	if err := os.Chmod(filepath.Dir(top), 0o755); err != nil { // users may come here
		t.Fatal(err)
	}
	return top
}

// A linkAct changes what a link in a watched directory leads to. $w is that
// directory, $a one beside it that nobody watches.
type linkAct struct {
	name  string
	setup string
	act   string
	want  []string // as line tells; certain, and by one of the processes of act
}

var linkActs = []linkAct{
	{"in-place", `echo one >$a/one; ln -s ../../a/$n/one $w/x`, `echo two >$a/one`, []string{"modify x two by dash"}},
	{"replaced", `echo one >$a/one; ln -s $a/one $w/x`, `echo two >$a/new; mv $a/new $a/one`, []string{"modify x two by mv"}},
	{"sed", `echo one >$a/one; ln -s $a/one $w/x`, `sed -i s/one/two/ $a/one`, []string{"modify x two by sed"}},
	{"second-name", `echo one >$a/one; ln $a/one $a/other; ln -s $a/one $w/x`, `echo two >$a/other`, []string{"modify x two [hard-link] by dash"}},
	{"through", `echo one >$a/one; ln -s $a/one $w/x`, `echo two >$w/x`, []string{"modify x two by dash"}},
	{"mode", `echo one >$a/one; ln -s $a/one $w/x`, `chmod 600 $a/one`, []string{"attributes x one by chmod"}},
	{"exchanged", `echo one >$a/one; echo two >$a/two; ln -s $a/one $w/x`, `ln -sfn $a/two $w/x`, []string{"modify x two by ln"}},
	{"same-text", `echo one >$a/one; echo one >$a/two; ln -s $a/one $w/x`, `ln -sfn $a/two $w/x`, []string{"attributes x one by ln"}},
	{"new", `echo one >$a/one`, `ln -s $a/one $w/x`, []string{"create x one by ln"}},
	{"unlinked", `echo one >$a/one; ln -s $a/one $w/x`, `rm $w/x`, []string{"delete x by rm"}},
	{"dangling", `echo one >$a/one; ln -s ../../a/$n/one $w/x`, `rm $a/one`, []string{"modify x ../../a/dangling/one [link] by rm"}},
	{"comes", `ln -s $a/one $w/x`, `echo two >$a/one`, []string{"modify x two by dash"}},
	{"comes-deep", `ln -s $a/d/e/one $w/x`, `mkdir -p $a/d/e; echo two >$a/d/e/one`, []string{"modify x two by dash"}},
	{"alternatives", `echo one >$a/one; echo two >$a/two; ln -s $a/one $a/alt; ln -s $a/alt $w/x`, `ln -sfn $a/two $a/alt`, []string{"modify x two by ln"}},
	{"two-links", `echo one >$a/one; ln -s $a/one $w/x; ln -s $a/one $w/y`, `echo two >$a/one`, []string{"modify x two by dash", "modify y two by dash"}},
	{"both", `echo one >$w/one; ln -s one $w/x`, `echo two >$w/one`, []string{"modify one two by dash", "modify x two by dash"}},
	{"directory-moved", `mkdir $a/d $a/e; echo one >$a/d/one; echo two >$a/e/one; ln -s $a/d/one $w/x`, `mv -T --exchange $a/d $a/e 2>/dev/null || python3 -c 'import ctypes,sys; sys.exit(ctypes.CDLL(None).renameat2(-100,sys.argv[1].encode(),-100,sys.argv[2].encode(),2))' $a/d $a/e`, []string{"modify x two by *"}},
	{"config-map", `mkdir $a/v1 $a/v2; echo one >$a/v1/c; echo two >$a/v2/c; ln -s v1 $a/..data; ln -s $a/..data/c $w/x`, `ln -s v2 $a/..data_tmp; mv -T $a/..data_tmp $a/..data; rm -r $a/v1`, []string{"modify x two by mv"}},
	{"written-over", `echo one >$a/one; ln -s $a/one $w/x`, `sed -i s/one/two/ $w/x`, []string{"modify x two by sed"}},
	{"in-directory", `mkdir $a/d; echo one >$a/d/one; ln -s $a/d $w/x`, `echo two >$a/d/one`, []string{"modify one two by dash"}},
	{"new-in-directory", `mkdir $a/d; ln -s $a/d $w/x`, `mkdir $a/d/e; echo two >$a/d/e/two`, []string{"create two two by dash"}},
	{"directory-exchanged", `mkdir $a/d $a/e; echo one >$a/d/one; echo two >$a/e/one; ln -s ../../a/$n/d $w/x`, `ln -sfn ../../a/$n/e $w/x`, []string{"modify one two by ln", "modify x ../../a/directory-exchanged/e [link] by ln"}},
	{"directory-unlinked", `mkdir $a/d; echo one >$a/d/one; ln -s $a/d $w/x`, `rm $w/x; echo two >$a/d/one`, []string{"delete one by rm", "delete x by rm"}},
	{"directory-linked", `mkdir $a/d; echo one >$a/d/one`, `ln -s ../../a/$n/d $w/x`, []string{"create one one by ln", "create x ../../a/directory-linked/d [link] by ln"}},
	// and what is no change
	{"twin-root", ``, `ln -s / $w/x; ln -s .. $w/y`, []string{"create x / [link] by ln", "create y .. [link] by ln"}},
	{"twin-same", `echo one >$a/one; ln -s $a/one $w/x`, `echo one >$a/one; cat $w/x`, nil},
	{"twin-times", `echo one >$a/one; ln -s $a/one $w/x`, `touch $a/one; touch -h $w/x`, nil},
	{"twin-beside", `echo one >$a/one; ln -s $a/one $w/x`, `echo two >$a/two; mkdir $a/d; rm -r $a/d $a/two`, nil},
	{"twin-after", `echo one >$a/one; ln -s $a/one $w/x; rm $w/x`, `echo two >$a/one`, nil},
}

// What is behind a link is the text of the link: whoever changes that, by whatever
// name, has changed it.
func TestBehindLinks(t *testing.T) {
	top := linkTop(t)
	sh := func(c linkAct, script string) {
		run(t, top, "sh", "-ec", "n="+c.name+"; w=$PWD/w/$n; a=$PWD/a/$n; "+script)
	}
	for _, c := range linkActs {
		sh(c, "mkdir -p $w $a; "+c.setup)
	}
	probes := filepath.Join(top, "w", "probes")
	write(t, filepath.Join(probes, "probe.conf"), "")
	w := watch(t, Config{Paths: []string{filepath.Join(top, "w")}})
	w.settled(probes)
	for _, c := range linkActs {
		t.Run(c.name, func(t *testing.T) {
			sh(c, c.act)
			var got []string
			for _, o := range w.settled(probes) {
				if !strings.HasPrefix(o.Path, filepath.Join(top, "w", c.name)+"/") {
					continue
				}
				said := line(o)
				if i := strings.LastIndex(said, " by "); i >= 0 && slices.Contains(c.want, said[:i]+" by *") {
					said = said[:i] + " by *"
				}
				got = append(got, said)
				if o.Confidence != body.Certain {
					t.Errorf("%s: %s", line(o), o.Confidence)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if gaps := w.gapsSoFar(); len(gaps) > 0 {
		t.Errorf("gaps: %+v", gaps)
	}
}

// A user's link shows no more than its user may read, and that is said; loops, links
// to directories and to the kernel's own files are links and no more.
func TestLinksThatAreNotFollowed(t *testing.T) {
	top := linkTop(t)
	at := func(name string) string { return filepath.Join(top, "w", name) }
	foreign, theirs := filepath.Join(top, "foreign"), at("theirs")
	write(t, foreign, "foreign")
	write(t, filepath.Join(top, "no", "one"), "foreign")
	write(t, at("mine"), "mine")
	if err := errors.Join(os.Chmod(foreign, 0o600), os.Chmod(filepath.Join(top, "no"), 0o700), os.Mkdir(theirs, 0o755),
		os.Symlink("loop", at("loop")), os.Symlink("/", at("root")), os.Symlink("/proc/self/mounts", at("mounts")), os.Symlink("/dev/null", at("null")),
		os.Symlink(foreign, filepath.Join(theirs, "secret")), os.Symlink(filepath.Join(top, "no", "one"), filepath.Join(theirs, "closed")), os.Symlink("own", filepath.Join(theirs, "link")), os.WriteFile(filepath.Join(theirs, "own"), []byte("own"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "secret", "closed", "link", "own"} {
		if err := os.Lchown(filepath.Join(theirs, name), 4711, 4711); err != nil {
			t.Fatal(err)
		}
	}
	for i := range mostLinked + 1 {
		write(t, filepath.Join(top, "many", strconv.Itoa(i)), "")
	}
	if err := errors.Join(os.Symlink(filepath.Join(top, "many"), at("many")), os.Symlink(top, at("top"))); err != nil {
		t.Fatal(err)
	}
	w := watch(t, Config{Paths: []string{at("")}})
	first := w.obs // all there will be
	got := map[string]string{}
	for _, o := range first {
		got[filepath.Base(o.Path)] = strings.TrimPrefix(line(o), "baseline "+filepath.Base(o.Path)+" ")
	}
	for name, want := range map[string]string{
		"mine": "mine", "loop": "loop [link]", "many": filepath.Join(top, "many") + " [link]", "top": top + " [link]", "root": "/ [link]", "mounts": "/proc/self/mounts [link]", "null": "/dev/null [link]",
		"link": "own", "own": "own", "secret": "[unread]", "closed": filepath.Join(top, "no", "one") + " [link]",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"theirs/secret", "theirs/closed", "../many"} {
		if why := w.c.Status().Unreadable[at(name)]; !strings.Contains(why, "not followed") {
			t.Errorf("%s: %q", name, why)
		}
	}
	if len(first) != 11 {
		t.Errorf("told: %s", show(first))
	}
}

// A mount over what a link leads to is a change of the link.
func TestMountBehindLink(t *testing.T) {
	top := linkTop(t)
	target := filepath.Join(top, "a", "d", "one")
	write(t, target, "one")
	link := filepath.Join(top, "w", "x")
	write(t, filepath.Join(top, "w", "probes", "probe.conf"), "")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	w := watch(t, Config{Paths: []string{filepath.Join(top, "w")}})
	over := filepath.Join(top, "over")
	write(t, filepath.Join(over, "one"), "two")
	need(t, unix.Mount(over, filepath.Dir(target), "", unix.MS_BIND, "") == nil, "mounts")
	t.Cleanup(func() { unix.Unmount(filepath.Dir(target), unix.MNT_DETACH) })
	w.until(func(o Observation) bool { return o.Path == link && string(o.Content) == "two" && o.Mount != "" })
	pid := run(t, "", "tee", target)
	w.until(func(o Observation) bool {
		return o.Path == link && len(o.Content) == 0 && o.Who != nil && o.Who.PID == pid
	})
}
