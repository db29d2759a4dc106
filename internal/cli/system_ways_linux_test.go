package cli_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A systemWay is how a program of the system changes files that have one place. It
// runs where a copy of them is in that place for it alone, so that the machine stays
// as it is: $e is that copy, mounted over /etc.
type systemWay struct {
	name, tool string
	setup      string   // with $e; nobody watches yet
	script     string   // with /etc
	want       []string // sorted
	by         []string // the programs that are named, one of them
}

// accounts are the files that programs of users and groups want.
const accounts = `cp -a /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/login.defs $e; touch $e/subuid $e/subgid $e/.pwd.lock; chmod 600 $e/.pwd.lock; rm -f $e/*-; chmod 640 $e/shadow $e/gshadow; cp -a /etc/pam.d /etc/security /etc/default /etc/nsswitch.conf $e 2>/dev/null || true; `

var systemWays = []systemWay{
	{
		"vipw", "vipw", accounts, `EDITOR="sed -i s,^root:x:0:0:[^:]*,root:x:0:0:changed," vipw -q`,
		[]string{"create passwd-", "modify passwd"},
		[]string{"vipw"},
	},
	{
		"vigr", "vigr", accounts, `EDITOR="sed -i s,^daemon:x:1:.*,daemon:x:1:root," vigr -q`,
		[]string{"create group-", "modify group"},
		[]string{"vigr", "vipw"},
	},
	{
		"useradd", "useradd", accounts, `useradd -M -N -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 wayuser`,
		[]string{"create passwd-", "create shadow-", "modify passwd", "modify shadow"},
		[]string{"useradd"},
	},
	{
		"usermod", "usermod", accounts, `usermod -s /bin/false daemon`,
		[]string{"create passwd-", "modify passwd"},
		[]string{"usermod"},
	},
	{
		"visudo", "visudo", accounts + `printf 'Defaults:one !lecture\n' >$e/sudoers; chmod 440 $e/sudoers`, `EDITOR="sed -i s/one/two/" visudo -q`,
		[]string{"modify sudoers"},
		[]string{"visudo"},
	},
	{
		"augenrules", "augenrules", `cp -a /etc/alternatives $e; mkdir -p $e/audit/rules.d; echo "-D" >$e/audit/rules.d/a.rules; echo "-b 1" >$e/audit/audit.rules; chmod 640 $e/audit/*.rules`, `augenrules || true`,
		[]string{"create audit/audit.rules.prev", "modify audit/audit.rules"},
		[]string{"cp", "mv", "dash", "bash", "augenrules", "chmod"},
	},
	{
		"update-alternatives", "update-alternatives", `mkdir -p $e/alternatives $e/admin; echo one >$e/one; echo two >$e/two; ln -s /etc/one $e/alternatives/way; ln -s /etc/alternatives/way $e/way; printf 'auto\n/etc/way\n\n/etc/one\n1\n/etc/two\n2\n\n' >$e/admin/way`,
		`update-alternatives --altdir /etc/alternatives --admindir /etc/admin --set way /etc/two`,
		[]string{"modify admin/way", "modify alternatives/way"},
		[]string{"update-alternatives"},
	},
	{
		"systemctl", "systemctl", `mkdir -p $e/systemd/system; printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' >$e/systemd/system/way.service`,
		`systemctl --root=/ enable way.service; systemctl --root=/ mask other-way.service`,
		[]string{"create systemd/system/multi-user.target.wants/way.service", "create systemd/system/other-way.service"},
		[]string{"systemctl"},
	},
	{
		"crontab", "crontab", accounts + `mkdir -p $e/crontabs; chmod 1730 $e/crontabs; printf '# one\n' >$e/crontabs/root; chmod 600 $e/crontabs/root`, `mount --bind /etc/crontabs /var/spool/cron/crontabs; echo "# two" | crontab -`,
		[]string{"modify crontabs/root"},
		[]string{"crontab"},
	},
}

// TestSystemWays has programs of the system change its own files, in a place of their
// own, and holds what is on record against what happened.
func TestSystemWays(t *testing.T) {
	if os.Getenv("STELE_CI") != "1" || testing.Short() {
		t.Skip("it runs programs as root: set STELE_CI=1")
	}
	t.Parallel()
	s := newStore(t)
	top := filepath.Join(t.TempDir(), "top")
	var ways []systemWay
	for _, w := range systemWays {
		if _, err := exec.LookPath(w.tool); err != nil {
			t.Logf("%s: not installed", w.name) // of other distributions, or beside what CI needs
			continue
		}
		e := filepath.Join(top, w.name)
		ok(t, os.MkdirAll(e, 0o755))
		inPlace(t, e, "set -e; "+w.setup)
		ways = append(ways, w)
	}
	if len(ways) < 5 {
		t.Errorf("only %d programs are here", len(ways))
	}
	up := s.up(t, top)
	said := map[string]string{}
	for _, w := range ways {
		e := filepath.Join(top, w.name)
		said[w.name] = inPlace(t, e, "exec unshare -m sh -ec 'mount --bind $e /etc; "+strings.ReplaceAll(w.script, "'", `'\''`)+"'")
	}
	// A name that is made without being written takes longest to be told.
	ok(t, os.Symlink("nowhere", filepath.Join(top, "last.conf")))
	up.until(t, "the last change is recorded", func() bool {
		return strings.Contains(s.must(t, "log", "-n", "0"), "last.conf")
	})
	got := s.changesByDir(t, top)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) { w.check(t, got, said[w.name]) })
	}
	up.stop(t)
}

func (w systemWay) check(t *testing.T, got map[string][]recordedChange, said string) {
	told := []string{}
	for dir, changes := range got {
		if dir != w.name && !strings.HasPrefix(dir, w.name+"/") {
			continue
		}
		for _, c := range changes {
			_, name, _ := strings.Cut(c.path, "/top/"+w.name+"/")
			told = append(told, c.action+" "+name)
			if !slices.Contains(w.by, c.by) || c.confidence != "certain" {
				t.Errorf("%s %s by %q, %s", c.action, name, c.by, c.confidence)
			}
		}
	}
	slices.Sort(told)
	if diff := cmp.Diff(w.want, told); diff != "" {
		t.Errorf("-want +told\n%s\n%s", diff, said)
	}
}

// inPlace runs a script with a directory as $e, and returns what it says.
func inPlace(t *testing.T, e, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Env = append(os.Environ(), "e="+e)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", e, err, out)
	}
	return string(out)
}
