package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stele-log/stele/body"
)

// newTrees are ways in which directories come with what is in them, and the
// program that writes that. Where own is set each text is the number of its writer.
var newTrees = []struct {
	name, exe, command string
	own                bool
}{
	{"mkdir and write", "dash", `for i in $(seq 200); do sh -c "mkdir -p m/$i.d && echo \$\$ > m/$i.d/f.conf"; done`, true},
	{"mkdir by one and write by another", "tee", `for i in $(seq 200); do mkdir -p o/$i.d; echo $i | tee o/$i.d/f.conf > /dev/null; done`, false},
	{"deep", "dash", `for i in $(seq 200); do sh -c "mkdir -p e/$i/a/b/c/d/e/f && echo \$\$ > e/$i/a/b/c/d/e/f/g.conf"; done`, true},
	{"python", "python3", `python3 -c '
import os
for i in range(200):
    os.makedirs("py/%d"%i); open("py/%d/f.conf"%i,"w").write(str(os.getpid()))'`, true},
	{"cp -r", "cp", `cp -r ../src cp`, false},
	{"cp -a", "cp", `cp -a ../src cpa`, false},
	{"tar -x", "tar", `mkdir tar && tar -C tar -xf ../src.tar`, false},
	{"git clone", "git", `git clone -q ../repo git`, false},
	{"install", "install", `for i in $(seq 200); do mkdir v$i && install -m 600 ../src/d1/f.conf v$i/f.conf; done`, false},
	{"link", "ln", `for i in $(seq 200); do mkdir l$i && ln -s x l$i/f.conf; done`, false},
	{"mv", "mv", `for i in $(seq 200); do mkdir n$i; echo $i > ../o$i.conf; mv ../o$i.conf n$i/; done`, false},
}

// sources makes what the new trees are copied from.
func sources(t *testing.T, top string) {
	t.Helper()
	for i := range 200 {
		write(t, filepath.Join(top, fmt.Sprintf("src/d%d/f.conf", i)), fmt.Sprint(i))
		write(t, filepath.Join(top, fmt.Sprintf("src/d%d/e/g.conf", i)), fmt.Sprint(-i))
	}
	run(t, top, "sh", "-c", `tar -cf src.tar src && cp -r src repo && cd repo && git init -q . && git add . && git -c user.name=n -c user.email=e commit -qm one`)
}

// shares of actors, in one kind of writing.
type actorShares struct{ certain, likely, unknown, wrong int }

func (s *actorShares) add(o Observation, exe string, own bool) {
	switch {
	case o.Who == nil || o.Who.Exe == "":
		s.unknown++
	case !strings.HasPrefix(filepath.Base(o.Who.Exe), exe) || own && strings.TrimSpace(string(o.Content)) != fmt.Sprint(o.Who.PID):
		s.wrong++
	case o.Confidence == body.Certain:
		s.certain++
	default:
		s.likely++
	}
}

func (s *actorShares) all() int { return s.certain + s.likely + s.unknown + s.wrong }

// What is written into a directory just made has its actor.
func TestNewTrees(t *testing.T) {
	plantTrees(t, Config{}, func(t *testing.T, w *watched, s actorShares) {
		needTouches(t, w)
		if s.wrong > 0 || s.unknown > 0 || s.certain < s.all()*99/100 {
			t.Errorf("of %d changes: %+v", s.all(), s)
		}
	})
}

// The same where the kernel keeps no record of who changed a file: who made the
// directory, or is kin to him, is likely, or nobody is named. Those who are named
// as certain are those that notifications name.
func TestNewTreesByKin(t *testing.T) {
	plantTrees(t, Config{untouched: true}, func(t *testing.T, w *watched, s actorShares) {
		needLive(t, w)
		if touched(w) {
			t.Fatal("there is a record")
		}
		if s.wrong > 0 {
			t.Errorf("of %d changes: %+v", s.all(), s)
		}
		_, kind, _ := strings.Cut(t.Name(), "/")
		if one := []string{"python", "cp--r", "cp--a", "tar--x", "git-clone"}; slices.Contains(one, kind) && s.unknown > s.all()/2 { // its last moments are in doubt
			t.Errorf("one process did all %d, and it is not named: %+v", s.all(), s)
		}
	})
}

func plantTrees(t *testing.T, cfg Config, judge func(*testing.T, *watched, actorShares)) {
	needRoot(t)
	top := t.TempDir()
	sources(t, top)
	for i, a := range newTrees {
		t.Run(strings.ReplaceAll(a.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			needTool(t, strings.Replace(a.exe, "dash", "sh", 1))
			dir := filepath.Join(top, fmt.Sprint("w", i))
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			cfg := cfg
			cfg.Paths, cfg.Want = []string{dir}, isConf
			w := watch(t, cfg)
			run(t, dir, "sh", "-c", a.command)
			var s actorShares
			for _, o := range w.settled(dir) {
				if filepath.Base(o.Path) != "probe.conf" {
					s.add(o, a.exe, a.own)
				}
			}
			t.Logf("%+v", s)
			if s.all() < 200 {
				t.Errorf("%d changes", s.all())
			}
			judge(t, w, s)
			if g := w.gapsSoFar(); len(g) > 0 {
				t.Errorf("gaps %v", g)
			}
		})
	}
}

// needTouches: the kernel tells who changed a file last.
func needTouches(t *testing.T, w *watched) {
	t.Helper()
	needLive(t, w)
	need(t, touched(w), "Linux 6.13")
}

func touched(w *watched) bool {
	return !strings.Contains(w.layer(LayerBPF).Reason, "no record of who changed a file")
}
