package catalogue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plant makes a tree: "path" is a file, "path/" a directory, "path -> target"
// a symbolic link, "path |" a named pipe.
func plant(t *testing.T, entries ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, e := range entries {
		name, target, link := strings.Cut(e, " -> ")
		full := filepath.Join(root, strings.TrimSuffix(name, " |"))
		dir := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			dir = full
		}
		err := os.MkdirAll(dir, 0o755)
		switch {
		case err != nil || dir == full:
		case link:
			err = os.Symlink(target, full)
		case strings.HasSuffix(name, " |"):
			err = syscall.Mkfifo(full, 0o600)
		default:
			err = os.WriteFile(full, []byte("x\n"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// lines writes what was found as "agent path [-> real] [reason]".
func lines(found []Found) []string {
	all := []string{}
	for _, f := range found {
		s := f.Agent.ID + " " + f.Path
		if f.Link || f.Real != f.Path && f.Err == nil {
			s += " -> " + f.Real
		}
		switch {
		case errors.Is(f.Err, syscall.ELOOP):
			s += " loop"
		case errors.Is(f.Err, errNotFile):
			s += " not a file"
		case errors.Is(f.Err, errBound):
			s += " bound"
		case f.Err != nil:
			s += " " + f.Err.Error()
		}
		all = append(all, s)
	}
	return all
}

func discover(t *testing.T, root string, homes ...string) []string {
	t.Helper()
	found, err := mustBuiltin(t).Discover(root, homes)
	if err != nil {
		t.Fatal(err)
	}
	return lines(found)
}

func TestDiscover(t *testing.T) {
	root := plant(t,
		"/etc/ssh/sshd_config",
		"/etc/ssh/sshd_config.d/10-a.conf", "/etc/ssh/sshd_config.d/.#10-a.conf", "/etc/ssh/sshd_config.d/10-a.conf~",
		"/etc/ssh/sshd_config.d/dir.conf/", "/etc/ssh/ssh_config",
		"/etc/ssh/ssh_host_rsa_key",
		"/etc/cron.d/job", "/etc/cron.d/job~", "/etc/cron.d/4913", "/etc/cron.d/sub/x",
		"/etc/cron.daily/.placeholder",
		"/etc/sudoers.d/x |",
		"/home/jane/.claude/settings.json", "/home/jane/.claude/skills/pdf/SKILL.md", "/home/jane/.claude/skills/pdf/a/fill.py",
		"/home/jane/.claude/projects/x.jsonl",
		"/home/jane/src/app/.mcp.json", "/home/jane/src/app/.claude/settings.local.json", "/home/jane/src/app/CLAUDE.md~",
		"/home/jane/src/app/node_modules/m/.mcp.json", "/home/jane/go/pkg/mod/m/.mcp.json",
		"/home/jane/1/2/3/4/5/6/.mcp.json", "/home/jane/1/2/3/4/5/6/7/.mcp.json",
		"/home/joe/.claude/settings.json",
		"/srv/app/.mcp.json",
	)
	want := []string{
		"cron /etc/cron.d/4913",
		"cron /etc/cron.d/job",
		"sshd /etc/ssh/ssh_host_rsa_key",
		"sshd /etc/ssh/sshd_config",
		"sshd /etc/ssh/sshd_config.d/10-a.conf",
		"sudo /etc/sudoers.d/x not a file",
		"claude-code /home/jane/.claude/settings.json",
		"claude-code /home/jane/.claude/skills/pdf/SKILL.md",
		"claude-code /home/jane/.claude/skills/pdf/a/fill.py",
		"claude-code /home/jane/1/2/3/4/5/6/.mcp.json",
		"claude-code /home/jane/src/app/.claude/settings.local.json",
		"claude-code /home/jane/src/app/.mcp.json",
	}
	if diff := cmp.Diff(want, discover(t, root, "/home/jane", "/home/nobody")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDiscoverSaysWhatMatchSays(t *testing.T) {
	root := plant(t, "/etc/chrony/chrony.keys", "/etc/default/ssh", "/home/jane/.claude/skills/x/SKILL.md")
	c := mustBuiltin(t)
	found, err := c.Discover(root, []string{"/home/jane"})
	if err != nil || len(found) != 3 {
		t.Fatalf("%v, %v", lines(found), err)
	}
	for _, f := range found {
		if m, ok := c.Match(f.Path); !ok || m.Agent != f.Agent || m.Format != f.Format || m.Opaque != f.Opaque {
			t.Errorf("found %+v, Match says %+v", f, m)
		}
	}
}

// Links lead where they would lead if the tree were the system, and never out
// of it.
func TestDiscoverFollowsLinksInsideTheRoot(t *testing.T) {
	outside := plant(t, "/sshd_config", "/rules.d/evil.rules", "/chrony.conf")
	root := plant(t,
		"/srv/prometheus/prometheus.yml", "/etc/prometheus -> /srv/prometheus", // absolute, to a directory
		"/srv/rsyslog.conf", "/etc/rsyslog.conf -> ../srv/rsyslog.conf", // relative, to a file
		"/etc/ssh/sshd_config -> "+outside+"/sshd_config",
		"/etc/audit/rules.d -> "+outside+"/rules.d",
		"/etc/chrony/chrony.conf -> "+strings.Repeat("../", 30)+strings.TrimPrefix(outside, "/")+"/chrony.conf",
		"/etc/systemd/system/ssh.service -> /dev/null", // masked, and no /dev in the tree
		"/etc/crontab -> crontab",                      // to itself
		"/etc/sudoers -> a", "/etc/a -> b", "/etc/b -> sudoers",
		"/usr/lib/systemd/system/cron.service", "/lib -> usr/lib",
		"/home/jane/.claude/skills/up -> ../..", // a loop of directories
		"/home/jane/.claude/skills/me.md",
	)
	want := []string{
		"chrony /etc/chrony/chrony.conf -> ",
		"cron /etc/crontab ->  loop",
		"prometheus /etc/prometheus/prometheus.yml -> /srv/prometheus/prometheus.yml",
		"rsyslog /etc/rsyslog.conf -> /srv/rsyslog.conf",
		"sshd /etc/ssh/sshd_config -> ",
		"sudo /etc/sudoers ->  loop",
		"sshd /etc/systemd/system/ssh.service -> ",
		"claude-code /home/jane/.claude/skills/me.md",
		"claude-code /home/jane/.claude/skills/up -> /home/jane",
		"cron /usr/lib/systemd/system/cron.service",
	}
	if diff := cmp.Diff(want, discover(t, root, "/home/jane")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The same, where the names outside exist inside too.
func TestDiscoverTakesTheRootForTheTop(t *testing.T) {
	root := plant(t, "/srv/sshd_config", "/etc/ssh/sshd_config -> ../../../../../../srv/sshd_config")
	want := []string{"sshd /etc/ssh/sshd_config -> /srv/sshd_config"}
	if diff := cmp.Diff(want, discover(t, root)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDiscoverListsWhatItCannotEnter(t *testing.T) {
	root := plant(t, "/etc/ssh -> ssh", "/etc/rsyslog.conf")
	want := []string{"rsyslog /etc/rsyslog.conf", "sshd /etc/ssh loop"}
	if diff := cmp.Diff(want, discover(t, root)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDiscoverEndsInADeepTree(t *testing.T) {
	deepest := "/home/jane/.claude/hooks/" + strings.Repeat("d/", maxDepth+3)
	root := plant(t, deepest+"x.sh", "/home/jane/.claude/hooks/a.sh")
	got := discover(t, root, "/home/jane")
	bound := fmt.Sprintf("claude-code /home/jane/.claude/hooks/%s bound", strings.TrimSuffix(strings.Repeat("d/", maxDepth), "/"))
	if diff := cmp.Diff([]string{"claude-code /home/jane/.claude/hooks/a.sh", bound}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What was read before the bound is listed, and so is the bound.
func TestDiscoverEndsInAFullDirectory(t *testing.T) {
	root := plant(t, "/etc/x/a.conf", "/etc/x/b.conf", "/etc/y/c.conf")
	c := small(t, "/etc/x/*", "/etc/y/*", "/etc/z/*")
	tr, err := openTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	tr.left = 2
	v := &discovery{catalogue: c, found: map[string]Found{}}
	c.walk(tr, nil, v)
	want := []string{"x /etc/x bound", "x /etc/x/a.conf", "x /etc/x/b.conf", "x /etc/y bound"}
	if diff := cmp.Diff(want, lines(v.list())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDiscoverWithoutARoot(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if found, err := mustBuiltin(t).Discover(missing, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", found, err)
	}
	if roots, err := mustBuiltin(t).Roots(missing, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", roots, err)
	}
}

func small(t *testing.T, globs ...string) *Catalogue {
	t.Helper()
	c, err := Parse(minimal(agentWith("x", `"`+strings.Join(globs, `", "`)+`"`)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRoots(t *testing.T) {
	for _, test := range []struct {
		name  string
		tree  []string
		globs []string
		want  []Root
	}{
		{
			"a file that is there",
			[]string{"/etc/x/a.conf"},
			[]string{"/etc/x/a.conf"},
			[]Root{{Dir: "/etc/x", Real: "/etc/x"}},
		},
		{
			"a file that is not",
			[]string{"/etc/x/"},
			[]string{"/etc/x/a.conf"},
			[]Root{{Dir: "/etc/x", Real: "/etc/x"}},
		},
		{
			"no directory yet",
			[]string{"/etc/"},
			[]string{"/etc/x/y/a.conf", "/etc/x/z/*.conf", "/etc/w/a"},
			[]Root{{Dir: "/etc", Real: "/etc", Awaits: []string{"/etc/w", "/etc/x"}}},
		},
		{
			"nothing at all", nil,
			[]string{"/etc/x/y/a.conf"},
			[]Root{{Dir: "/", Real: "/", Awaits: []string{"/etc"}}},
		},
		{
			"a file where a directory should be",
			[]string{"/etc/x"},
			[]string{"/etc/x/a.conf"},
			[]Root{{Dir: "/etc", Real: "/etc", Awaits: []string{"/etc/x"}}},
		},
		{
			"directories by wildcard",
			[]string{"/etc/x1/", "/etc/x2/", "/etc/y/", "/etc/x3"},
			[]string{"/etc/x*/a.conf"},
			[]Root{
				{Dir: "/etc", Real: "/etc", Awaits: []string{"/etc/x*"}},
				{Dir: "/etc/x1", Real: "/etc/x1"},
				{Dir: "/etc/x2", Real: "/etc/x2"},
			},
		},
		{
			"everything below",
			[]string{"/etc/x/a/b/"},
			[]string{"/etc/x/**/*.conf", "/etc/x/a/c.conf"},
			[]Root{{Dir: "/etc/x", Real: "/etc/x", Recursive: true}},
		},
		{
			"a link to the directory",
			[]string{"/srv/x/", "/etc/x -> /srv/x"},
			[]string{"/etc/x/a.conf"},
			[]Root{{Dir: "/etc", Real: "/etc"}, {Dir: "/etc/x", Real: "/srv/x"}},
		},
		{
			"a link to the file",
			[]string{"/srv/y/a.conf", "/etc/x/a.conf -> /srv/y/a.conf"},
			[]string{"/etc/x/a.conf"},
			[]Root{{Dir: "/etc/x", Real: "/etc/x"}, {Dir: "/srv/y", Real: "/srv/y"}},
		},
		{
			"a link to a link to the file",
			[]string{"/srv/y/a.conf", "/opt/l -> /srv/y/a.conf", "/etc/x/a.conf -> /opt/l"},
			[]string{"/etc/x/a.conf"},
			[]Root{{Dir: "/etc/x", Real: "/etc/x"}, {Dir: "/opt", Real: "/opt"}, {Dir: "/srv/y", Real: "/srv/y"}},
		},
		{
			"homes",
			[]string{"/home/jane/.x/", "/home/joe/"},
			[]string{"~/.x/a.conf"},
			[]Root{
				{Dir: "/home/jane/.x", Real: "/home/jane/.x"},
				{Dir: "/home/joe", Real: "/home/joe", Awaits: []string{"/home/joe/.x"}},
			},
		},
		{
			"projects",
			[]string{"/home/jane/src/a/.x.json", "/home/jane/src/b/", "/srv/c/.x.json"},
			[]string{"**/.x.json"},
			[]Root{{Dir: "/home/jane/src/a", Real: "/home/jane/src/a"}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := plant(t, test.tree...)
			got, err := small(t, test.globs...).Roots(root, []string{"/home/jane", "/home/joe"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever is found stands in a directory that is watched.
func TestRootsCoverWhatIsFound(t *testing.T) {
	root := plant(t,
		"/etc/ssh/sshd_config", "/etc/cron.d/job", "/srv/p/prometheus.yml", "/etc/prometheus -> /srv/p",
		"/etc/systemd/system/multi-user.target.wants/ssh.service -> /lib/systemd/system/ssh.service",
		"/lib/systemd/system/ssh.service", "/home/jane/.claude/skills/a/b/c.md", "/home/jane/src/.mcp.json",
	)
	c := mustBuiltin(t)
	homes := []string{"/home/jane"}
	found, err := c.Discover(root, homes)
	if err != nil || len(found) != 7 {
		t.Fatalf("%v, %v", lines(found), err)
	}
	roots, err := c.Roots(root, homes)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		for _, p := range []string{f.Path, f.Real} {
			if !watched(roots, p) {
				t.Errorf("nobody watches %s", p)
			}
		}
	}
}

func watched(roots []Root, p string) bool {
	for _, r := range roots {
		for _, dir := range []string{r.Dir, r.Real} {
			if filepath.Dir(p) == dir || r.Recursive && strings.HasPrefix(p, dir+"/") {
				return true
			}
		}
	}
	return false
}

func TestHomes(t *testing.T) {
	passwd := strings.Join([]string{
		"root:x:0:0:root:/root:/bin/bash",
		"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin",
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
		"joe:x:1001:1001::/home/joe/:/bin/sh",
		"jane:x:1000:1000:Jane,,,:/home/jane:/bin/bash",
		"twin:x:1002:1000::/home/jane:/bin/bash",
		"slash:x:1003:1003::/:/bin/sh",
		"rel:x:1004:1004::home/rel:/bin/sh",
		"+::::::",
		"broken:x:1005",
		"odd:x:-1:0::/home/odd:/bin/sh",
		"last:x:1006:1006::/home/last:/bin/sh",
	}, "\n")
	want := []string{"/home/jane", "/home/joe", "/home/last", "/root"}
	if diff := cmp.Diff(want, Homes([]byte(passwd))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Homes(nil); len(got) != 0 {
		t.Errorf("homes of nobody: %v", got)
	}
}
