package catalogue

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustBuiltin(t testing.TB) *Catalogue {
	t.Helper()
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// README names every agent that is known, and no other.
func TestReadmeNamesTheAgents(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(readme), "The catalogue knows ")
	line, _, _ = strings.Cut(line, ";")
	var named, known []string
	for i, word := range strings.Split(line, "`") {
		if i%2 == 1 {
			named = append(named, word)
		}
	}
	for _, a := range mustBuiltin(t).Agents {
		known = append(known, a.ID)
	}
	slices.Sort(known)
	if diff := cmp.Diff(known, named); diff != "" {
		t.Error(diff)
	}
}

func TestBuiltinKnowsTheFirstAgents(t *testing.T) {
	c := mustBuiltin(t)
	var ids []string
	for _, a := range c.Agents {
		ids = append(ids, a.ID)
		if c.Agent(a.ID) != a {
			t.Errorf("Agent(%q) is another agent", a.ID)
		}
		if len(a.Weakening) == 0 {
			t.Errorf("%s has no weakening rules", a.ID)
		}
	}
	want := []string{"sshd", "sudo", "cron", "prometheus", "rsyslog", "auditd", "chrony", "claude-code"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
	if len(c.Digest) != 64 || c.Revision < 1 {
		t.Errorf("digest %q, revision %d", c.Digest, c.Revision)
	}
	if c.Agent("nobody") != nil {
		t.Error("an agent nobody knows was found")
	}
}

// samples are real paths of each agent: hit must be claimed by the pattern,
// miss by nobody.
var samples = []struct{ agent, glob, hit, miss string }{
	{"sshd", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config", "/etc/ssh/ssh_config"},
	{"sshd", "/etc/ssh/sshd_config.d/*.conf", "/etc/ssh/sshd_config.d/50-cloud-init.conf", "/etc/ssh/sshd_config.d/sub/x.conf"},
	{"sshd", "/etc/ssh/ssh_host_*_key", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub"},
	{"sshd", "~/.ssh/authorized_keys", "/home/jane/.ssh/authorized_keys", "/home/jane/.ssh/known_hosts"},
	{"sshd", "~/.ssh/authorized_keys2", "/root/.ssh/authorized_keys2", "/root/ssh/authorized_keys2"},
	{"sudo", "/etc/sudoers", "/etc/sudoers", "/etc/sudoers.tmp"},
	{"sudo", "/etc/sudoers.d/*", "/etc/sudoers.d/90-admins", "/etc/sudoers.d/sub/x"},
	{"sudo", "/etc/sudo.conf", "/etc/sudo.conf", "/etc/sudo.config"},
	{"sudo", "/etc/sudo_logsrvd.conf", "/etc/sudo_logsrvd.conf", "/etc/sudo_logsrvd.conf.bak"},
	{"cron", "/etc/crontab", "/etc/crontab", "/etc/crontabs"},
	{"cron", "/etc/anacrontab", "/etc/anacrontab", "/usr/etc/anacrontab"},
	{"cron", "/etc/cron.d/*", "/etc/cron.d/e2scrub_all", "/etc/cron.e/e2scrub_all"},
	{"cron", "/var/spool/cron/crontabs/*", "/var/spool/cron/crontabs/jane", "/var/spool/cron/atjobs/jane"},
	{"cron", "/var/spool/cron/*", "/var/spool/cron/jane", "/var/spool/mail/jane"},
	{"cron", "/etc/cron.hourly/*", "/etc/cron.hourly/0anacron", "/etc/cron.minutely/0anacron"},
	{"cron", "/etc/cron.daily/*", "/etc/cron.daily/man-db", "/etc/cron.daily"},
	{"cron", "/etc/cron.weekly/*", "/etc/cron.weekly/man-db", "/etc/cron.weekly/a/b"},
	{"cron", "/etc/cron.monthly/*", "/etc/cron.monthly/0anacron", "/opt/cron.monthly/0anacron"},
	{"cron", "/etc/cron.allow", "/etc/cron.allow", "/etc/cron.allowed"},
	{"cron", "/etc/cron.deny", "/etc/cron.deny", "/etc/at.deny"},
	{"prometheus", "/etc/prometheus/prometheus.yml", "/etc/prometheus/prometheus.yml", "/etc/prometheus/alertmanager.yml"},
	{"prometheus", "/etc/prometheus/rules/*.yml", "/etc/prometheus/rules/host.yml", "/etc/prometheus/rules/host.yml.bak"},
	{"prometheus", "/etc/prometheus/rules/*.yaml", "/etc/prometheus/rules/host.yaml", "/etc/prometheus/rules/README"},
	{"prometheus", "/etc/prometheus/rules/*.rules", "/etc/prometheus/rules/host.rules", "/etc/prometheus/rules/a/host.rules"},
	{"prometheus", "/etc/prometheus/rules.d/*.yml", "/etc/prometheus/rules.d/host.yml", "/etc/prometheus/rules_d/host.yml"},
	{"prometheus", "/etc/prometheus/rules.d/*.yaml", "/etc/prometheus/rules.d/host.yaml", "/etc/prometheus/rules.d/yaml"},
	{"prometheus", "/etc/prometheus/rules.d/*.rules", "/etc/prometheus/rules.d/host.rules", "/etc/prometheus/rules.d/hostrules"},
	{"prometheus", "/etc/prometheus/*.rules", "/etc/prometheus/old.rules", "/etc/prometheus/old.rule"},
	{"prometheus", "/etc/prometheus/web.yml", "/etc/prometheus/web.yml", "/etc/prometheus/web.yaml"},
	{"prometheus", "/etc/prometheus/web-config.yml", "/etc/prometheus/web-config.yml", "/etc/prometheus/console/web-config.yml"},
	{"rsyslog", "/etc/rsyslog.conf", "/etc/rsyslog.conf", "/etc/rsyslog.cfg"},
	{"rsyslog", "/etc/rsyslog.d/*.conf", "/etc/rsyslog.d/50-default.conf", "/etc/rsyslog.d/50-default"},
	{"auditd", "/etc/audit/auditd.conf", "/etc/audit/auditd.conf", "/etc/audit/auditd.conf.1"},
	{"auditd", "/etc/audit/audit.rules", "/etc/audit/audit.rules", "/etc/audit/audit.rules.prev"},
	{"auditd", "/etc/audit/audit-stop.rules", "/etc/audit/audit-stop.rules", "/etc/audit/audit-start.rules"},
	{"auditd", "/etc/audit/rules.d/*.rules", "/etc/audit/rules.d/audit.rules", "/etc/audit/rules.d/audit.rule"},
	{"auditd", "/etc/audit/plugins.d/*.conf", "/etc/audit/plugins.d/syslog.conf", "/etc/audisp/plugins.d/syslog.conf"},
	{"auditd", "/etc/audit/audisp-remote.conf", "/etc/audit/audisp-remote.conf", "/etc/audisp-remote.conf"},
	{"chrony", "/etc/chrony/chrony.conf", "/etc/chrony/chrony.conf", "/etc/chrony/chrony.drift"},
	{"chrony", "/etc/chrony.conf", "/etc/chrony.conf", "/etc/ntp.conf"},
	{"chrony", "/etc/chrony/conf.d/*.conf", "/etc/chrony/conf.d/site.conf", "/etc/chrony/conf.d/README"},
	{"chrony", "/etc/chrony.d/*.conf", "/etc/chrony.d/site.conf", "/etc/chrony.d/site.conf.off"},
	{"chrony", "/etc/chrony/sources.d/*.sources", "/etc/chrony/sources.d/lan.sources", "/etc/chrony/sources.d/README"},
	{"chrony", "/etc/chrony/chrony.keys", "/etc/chrony/chrony.keys", "/etc/chrony/keys"},
	{"chrony", "/etc/chrony.keys", "/etc/chrony.keys", "/etc/chronykeys"},
	{"claude-code", "/etc/claude-code/managed-settings.json", "/etc/claude-code/managed-settings.json", "/etc/claude-code/settings.json"},
	{"claude-code", "/etc/claude-code/managed-settings.d/*.json", "/etc/claude-code/managed-settings.d/10-deny.json", "/etc/claude-code/managed-settings.d/README"},
	{"claude-code", "/etc/claude-code/managed-mcp.json", "/etc/claude-code/managed-mcp.json", "/etc/claude/managed-mcp.json"},
	{"claude-code", "/etc/claude-code/CLAUDE.md", "/etc/claude-code/CLAUDE.md", "/etc/claude-code/README.md"},
	{"claude-code", "~/.claude/settings.json", "/home/jane/.claude/settings.json", "/home/jane/.claude/history.json"},
	{"claude-code", "~/.claude/settings.local.json", "/home/jane/.claude/settings.local.json", "/home/jane/claude/settings.local.json"},
	{"claude-code", "~/.claude.json", "/home/jane/.claude.json", "/home/jane/claude.json"},
	{"claude-code", "~/.claude/CLAUDE.md", "/home/jane/.claude/CLAUDE.md", "/home/jane/.claude/NOTES.md"},
	{"claude-code", "~/.claude/agents/**/*.md", "/home/jane/.claude/agents/reviewer.md", "/home/jane/.claude/agents/reviewer.txt"},
	{"claude-code", "~/.claude/commands/**/*.md", "/home/jane/.claude/commands/git/commit.md", "/home/jane/commands/git/commit.md"},
	{"claude-code", "~/.claude/skills/**/*.md", "/home/jane/.claude/skills/pdf/SKILL.md", "/home/jane/.claude/todos/pdf/SKILL.md"},
	{"claude-code", "~/.claude/rules/**/*.md", "/home/jane/.claude/rules/go.md", "/home/jane/.claude/rules"},
	{"claude-code", "~/.claude/hooks/**/*", "/home/jane/.claude/hooks/guard.sh", "/home/jane/.claude/guard.sh"},
	{"claude-code", "~/.claude/skills/**/*", "/home/jane/.claude/skills/pdf/fill.py", "/home/jane/.claude/skills"},
	{"claude-code", "~/.claude/.credentials.json", "/home/jane/.claude/.credentials.json", "/home/jane/.credentials.json"},
	{"claude-code", "**/.mcp.json", "/srv/app/.mcp.json", "/srv/app/mcp.json"},
	{"claude-code", "**/CLAUDE.md", "/srv/app/CLAUDE.md", "/srv/app/CLAUDES.md"},
	{"claude-code", "**/CLAUDE.local.md", "/srv/app/CLAUDE.local.md", "/srv/app/CLAUDE.global.md"},
}

// below ~/ and below **/ are the same places to Match; the earlier pattern
// names them.
var shadowed = []string{
	"**/.claude/settings.json", "**/.claude/settings.local.json",
	"**/.claude/agents/**/*.md", "**/.claude/commands/**/*.md", "**/.claude/skills/**/*.md", "**/.claude/rules/**/*.md",
	"**/.claude/hooks/**/*", "**/.claude/skills/**/*",
}

func TestEveryPatternHasASample(t *testing.T) {
	c := mustBuiltin(t)
	sampled := slices.Clone(shadowed)
	for _, s := range samples {
		sampled = append(sampled, s.glob)
		found, ok := c.index.find(s.hit)
		if !ok || found.agent.ID != s.agent || found.pattern.Glob != s.glob {
			t.Errorf("%s: claimed by %+v, want %s of %s", s.hit, found.pattern, s.glob, s.agent)
		}
		if m, ok := c.Match(s.miss); ok {
			t.Errorf("%s: claimed by %s, want nobody", s.miss, m.Agent.ID)
		}
	}
	for _, a := range c.Agents {
		for _, p := range a.Paths {
			if !ofUnit(a, p.Glob) && !slices.Contains(sampled, p.Glob) {
				t.Errorf("%s: no sample for %s", a.ID, p.Glob)
			}
		}
	}
}

// ofUnit reports whether a glob is a drop-in: those have a test of their own.
func ofUnit(a *Agent, glob string) bool {
	return slices.ContainsFunc(a.Units, func(u string) bool {
		return glob == "/etc/default/"+u || glob == "/etc/sysconfig/"+u || strings.Contains(glob, "/systemd/system/")
	})
}

func TestDropIns(t *testing.T) {
	c := mustBuiltin(t)
	for p, want := range map[string]string{
		"/etc/default/ssh":                                         "sshd env",
		"/etc/sysconfig/sshd":                                      "sshd env",
		"/etc/default/prometheus":                                  "prometheus env",
		"/etc/systemd/system/ssh.service.d/override.conf":          "sshd ini",
		"/etc/systemd/system/ssh.service":                          "sshd ini",
		"/run/systemd/system/chronyd.service.d/x.conf":             "chrony ini",
		"/usr/lib/systemd/system/ssh.socket":                       "sshd ini",
		"/etc/systemd/system/multi-user.target.wants/cron.service": "cron ini",
		"/etc/systemd/system/x.service.requires/auditd.service":    "auditd ini",
		"/etc/default/sudo":                                        "",
		"/etc/systemd/system/ssh.service.d/override.conf.bak":      "",
		"/etc/systemd/system/sshx.service":                         "",
	} {
		got := ""
		if m, ok := c.Match(p); ok {
			got = m.Agent.ID + " " + m.Format
		}
		if got != want {
			t.Errorf("Match(%q) = %q, want %q", p, got, want)
		}
	}
}

// minimal is a catalogue around the agents given.
func minimal(agents string) []byte {
	return []byte("version: 1\nrevision: 1\ncommon: {drop_ins: [], ignore: [], weakening: []}\nagents:\n" + agents)
}

func agentWith(id, paths string) string {
	return "- {id: " + id + ", name: N, category: security, format: conf, paths: [" + paths +
		"], weakening: [], evidence: [{how: known, what: x}]}\n"
}

func TestPrecedence(t *testing.T) {
	c, err := Parse(minimal(agentWith("wide", `"/etc/**/*.conf"`) +
		agentWith("star", `"/etc/x/*"`) +
		agentWith("ext", `"/etc/x/*.conf"`) +
		agentWith("name", `"/etc/x/a.conf"`) +
		agentWith("home", `"~/a.conf"`) +
		agentWith("home-first", `"~/.x/*.c"`) +
		agentWith("home-second", `"**/.x/*.c"`) +
		agentWith("home-longer", `"**/.x/b*.c"`) +
		agentWith("base", `"**/q.z"`) +
		agentWith("long-directory", `"**/.directory/*.z"`)))
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{
		"/etc/x/a.conf":      "name",
		"/etc/x/b.conf":      "ext",
		"/etc/x/b":           "star",
		"/etc/x/y/b.conf":    "wide",
		"/etc/z.conf":        "wide",
		"/etc/y/a.conf":      "wide", // a literal directory beats a home
		"/srv/a.conf":        "home",
		"/a.conf":            "home",
		"/h/.x/q.c":          "home-first",
		"/h/.x/bq.c":         "home-longer",
		"/h/q.z":             "base",
		"/h/.directory/q.z":  "long-directory",
		"/etc/x/../x/a.conf": "name",
		"/etc/x/a.conf/":     "name",
		"etc/x/a.conf":       "",
		"":                   "",
		"/":                  "",
	} {
		got := ""
		if m, ok := c.Match(p); ok {
			got = m.Agent.ID
		}
		if got != want {
			t.Errorf("Match(%q) = %q, want %q", p, got, want)
		}
	}
}

func TestMatchCarriesWhatRedactionNeeds(t *testing.T) {
	c := mustBuiltin(t)
	m, _ := c.Match("/etc/chrony/chrony.keys")
	if !m.Opaque || m.Guess {
		t.Errorf("chrony.keys: %+v", m)
	}
	m, _ = c.Match("/home/jane/.claude/settings.json")
	if m.Opaque || m.Format != FormatJSON || !slices.Contains(m.Secrets, "env.*TOKEN*") {
		t.Errorf("settings.json: %+v", m)
	}
}

func TestMatchSuffix(t *testing.T) {
	c := mustBuiltin(t)
	for _, test := range []struct {
		path, agent string
		guess       bool
	}{
		{"/etc/ssh/sshd_config", "sshd", false},
		{"/tmp/x/etc/ssh/sshd_config", "sshd", true},
		{"/tmp/x/etc/ssh/sshd_config.d/a.conf", "sshd", true},
		{"copy/etc/sudoers.d/admins", "sudo", true},
		{"etc/crontab", "cron", true},
		{"/tmp/proj/.mcp.json", "claude-code", false},
		{".mcp.json", "claude-code", true},
		{"/tmp/x/ssh/sshd_config", "", false},
		{"sshd_config", "", false},
		{"", "", false},
		{"/", "", false},
	} {
		m, ok := c.MatchSuffix(test.path)
		id := ""
		if ok {
			id = m.Agent.ID
		}
		if id != test.agent || m.Guess != test.guess {
			t.Errorf("MatchSuffix(%q) = %q, guess %v; want %q, %v", test.path, id, m.Guess, test.agent, test.guess)
		}
	}
}

// Names as the programs write them.
func TestIgnored(t *testing.T) {
	c := mustBuiltin(t)
	for name, by := range map[string]string{
		"sshd_config~":                      "vim and emacs backup",
		"sshd_config.~1~":                   "emacs numbered backup",
		".sshd_config.swp":                  "vim swap",
		".sshd_config.swo":                  "vim second swap",
		".sshd_config.swx":                  "vim probe",
		"4913":                              "vim probe of the directory",
		".#sshd_config":                     "emacs lock",
		"#sshd_config#":                     "emacs auto save",
		".sshd_config.kate-swp":             "kate",
		".goutputstream-A1B2C3":             "GLib",
		"sedAbC123":                         "sed -i",
		"sshd_config.dpkg-new":              "dpkg",
		"sshd_config.dpkg-tmp":              "dpkg",
		"sshd_config.dpkg-old":              "dpkg",
		"sshd_config.dpkg-dist":             "dpkg",
		"sshd_config.ucf-new":               "ucf",
		"sshd_config.ucf-old":               "ucf",
		"sshd_config.ucf-dist":              "ucf",
		"sshd_config.rpmnew":                "rpm",
		"sshd_config.rpmsave":               "rpm",
		"sshd_config;5f3a0b1c":              "rpm while unpacking",
		"sudoers.tmp":                       "visudo",
		"tmp.XyZ123":                        "crontab -e, mktemp",
		"settings.json.tmp.4711.abc":        "atomic write",
		".ansible_tmpabc123sshd_config":     "ansible",
		"sshd_config.4711.2026-01-02@03~":   "ansible backup",
		"__salt.tmp.abc":                    "salt",
		".#override.conf3f9e2d7c1a0b4e55":   "systemctl edit",
		"/etc/ssh/sshd_config.d/.#a.conf":   "emacs lock, whole path",
		"/srv/anything/at/all/x.conf~":      "backup outside every agent",
		"/etc/systemd/system/.#ssh.service": "systemctl edit, whole path",
	} {
		if !c.Ignored(name) {
			t.Errorf("%s (%s) is not ignored", name, by)
		}
	}
	for _, name := range []string{
		"sshd_config", "50-cloud-init.conf", "sedation", "sed.conf", "sedAbC12", "sedAbC1234", "49130", "x.swap",
		"tmp.conf", "tmpfile", ".bashrc", ".mcp.json", "a#b", "x.dpkg", "~x", "tmp", ".tmpx", "",
	} {
		if c.Ignored(name) {
			t.Errorf("%q is ignored", name)
		}
	}
}

// A name the agent reads is no temporary, whatever it looks like.
func TestIgnoredLeavesNoPlaceToHide(t *testing.T) {
	c := mustBuiltin(t)
	for p, want := range map[string]bool{
		"/etc/cron.d/4913":               false,
		"/etc/cron.d/sedAbC123":          false,
		"/etc/cron.d/job.dpkg-old":       false, // cronie runs it
		"/etc/cron.d/job.tmp":            false,
		"/etc/cron.d/job~":               true,
		"/etc/cron.d/.job.swp":           true,
		"/etc/cron.d/#job#":              true,
		"/etc/sudoers.d/4913":            false,
		"/etc/sudoers.d/#x#":             false,
		"/etc/sudoers.d/sedAbC123":       false,
		"/etc/sudoers.d/admins.dpkg-new": true,
		"/etc/sudoers.d/admins~":         true,
		"/etc/prometheus/rules/.#x.yml":  false,
		"/etc/cron.daily/../cron.d/4913": false,
		"/var/spool/cron/crontabs/4913":  false,
		"/home/jane/.claude/hooks/4913":  true, // hooks run by name, from settings
	} {
		if got := c.Ignored(p); got != want {
			t.Errorf("Ignored(%q) = %v, want %v", p, got, want)
		}
	}
}

func TestDefaultsAreOfKeysThatRulesWatch(t *testing.T) {
	for _, a := range mustBuiltin(t).Agents {
		var watched []string
		for _, r := range a.Weakening {
			for _, k := range r.Keys {
				watched = append(watched, strings.Join(k.Path, "."))
			}
		}
		for key := range a.Defaults {
			if !slices.Contains(watched, key) {
				t.Errorf("%s: default of %s, which no rule watches", a.ID, key)
			}
		}
	}
}

// Every expression of the data is seen to find something, and to leave
// something alone: a rule that can never hold protects nobody.
func TestLineRulesOfTheData(t *testing.T) {
	lines := map[string][]string{
		"sshd": {"Match User deploy", "  match address 192.0.2.0/24"},
		"sudo": {
			"%ops ALL=(root) NOPASSWD: /usr/bin/systemctl", "jane ALL=(ALL:ALL) ALL", "jane ALL=(ALL) NOPASSWD: ALL",
			"Defaults !use_pty", "Defaults log_output", `Defaults secure_path="/usr/bin"`, "Plugin sudoers_policy sudoers.so",
		},
		"cron": {"17 * * * * root cd / && run-parts /etc/cron.hourly", `MAILTO=""`, "MAILTO=", "PATH=/usr/bin:/bin"},
		"rsyslog": {
			"*.* @@logs.example.com:6514", `action(type="omfwd" target="192.0.2.1")`, ":msg, contains, \"x\" stop", "& ~",
			`StreamDriverMode="0"`, "$ActionSendStreamDriverAuthMode anon", `queue.type="linkedList"`, `module(load="imudp")`,
			"$FileCreateMode 0644",
		},
		"auditd": {
			"-w /etc/passwd -p wa", "-a always,exit -F arch=b64 -S execve", "-D", "-e 1", "-e 2", "-a never,exit -F uid=0",
			"-a exit,never", "-b 8192", "-f 1",
		},
		"chrony": {
			"server ntp.example.com iburst nts", "pool 2.debian.pool.ntp.org iburst", "makestep 1 -1", "allow 192.0.2.0/24",
			"local stratum 10", "logchange 0.5", "log tracking",
		},
	}
	harmless := []string{"# a comment", "", "X11Forwarding no", "makestep 1 3", "-x", "Defaults use_pty", "$FileCreateMode 0640"}
	for _, a := range mustBuiltin(t).Agents {
		for _, r := range a.Weakening {
			for _, k := range r.Keys {
				if k.Place != InLine {
					continue
				}
				if !slices.ContainsFunc(lines[a.ID], k.Pattern.MatchString) {
					t.Errorf("%s: no sample line for /%s/", a.ID, k.Pattern)
				}
				for _, l := range harmless {
					if k.Pattern.MatchString(l) {
						t.Errorf("%s: /%s/ finds %q", a.ID, k.Pattern, l)
					}
				}
			}
		}
	}
}

func TestFormatsOfTheDataAgreeWithTheirNames(t *testing.T) {
	c := mustBuiltin(t)
	for _, s := range samples {
		m, _ := c.Match(s.hit)
		if f, ok := byExtension[path.Ext(s.hit)]; ok && m.Format != f && f != FormatConf && f != FormatRules {
			t.Errorf("%s: format %q, its name says %q", s.hit, m.Format, f)
		}
	}
}
