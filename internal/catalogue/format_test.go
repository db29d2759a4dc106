package catalogue

import (
	"strings"
	"testing"
)

func TestFormatOf(t *testing.T) {
	for _, test := range []struct{ path, head, want string }{
		// By place and name, whatever is in it.
		{"/tmp/sshd_config", "", FormatSSHD},
		{"/tmp/sshd_config.d/a.conf", "", FormatSSHD},
		{"sudoers", "", FormatSudoers},
		{"x/sudoers.d/admins", "", FormatSudoers},
		{"x/crontab", "", FormatCrontab},
		{"x/cron.d/job", "", FormatCrontab},
		{"x/rsyslog.d/a.conf", "", FormatRsyslog},
		{"x/rsyslog.conf", "", FormatRsyslog},
		{"app/.env", "", FormatEnv},
		{"app/.git/config", "[core]\n\tbare = false\n", FormatINI},
		{"app/config", "[core]\n\tbare = false\n", FormatTOML},
		{".gitconfig", "", FormatINI},
		{"app/.env.production", "", FormatEnv},
		{"/etc/default/ssh", "", FormatEnv},
		{"/etc/environment", "", FormatEnv},
		// By extension.
		{"a.yaml", "", FormatYAML},
		{"a.YML", "", FormatYAML},
		{"a.toml", "", FormatTOML},
		{"a.json", `{"a": "http://x"}`, FormatJSON},
		{"a.json", "// note\n{\"a\": 1}", FormatJSONC},
		{"a.json", "{\"a\": 1, /* note */ \"b\": \"\\\" // no\"}", FormatJSONC},
		{"a.json", `{"a": "\" // no"}`, FormatJSON},
		{"a.jsonc", "{}", FormatJSONC},
		{"a.service", "", FormatINI},
		{"a.ini", "", FormatINI},
		{"a.xml", "", FormatXML},
		{"a.rules", "-w /etc/passwd -p wa\n", FormatRules},
		{"CLAUDE.md", "", FormatMarkdown},
		{"prod.env", "", FormatEnv},
		// .conf says little: the content says more.
		{"a.conf", "", FormatConf},
		{"a.conf", "key value\n", FormatConf},
		{"a.conf", "# x\n[section]\nkey = value\n", FormatINI},
		{"telegraf.conf", "# x\n[agent]\n  interval = \"10s\"\n[[inputs.cpu]]\n", FormatTOML},
		{"a.conf", "[agent]\ninterval = \"10s\"\n", FormatTOML},
		{"a.conf", `{"a": 1}`, FormatJSON},
		{"a.conf", "<?xml version=\"1.0\"?>\n", FormatXML},
		{"auditd.conf", "log_file = /var/log/audit/audit.log\nlog_group = adm\n", FormatConf},
		{"nginx.conf", "user www-data;\nevents {\n}\n", FormatConf},
		// By content alone.
		{"x", "\xef\xbb\xbf{\"a\": 1}", FormatJSON},
		{"x", "\xff\xfe{\x00\"\x00a\x00\"\x00:\x001\x00}\x00", FormatJSON},
		{"x", "\xfe\xff\x00a\x00:\x00 \x001\x00\n", FormatYAML},
		{"ossec.conf", "\xff\xfe<\x00?\x00x\x00m\x00l\x00", FormatXML},
		{"a.toml", "\xff\xfe", FormatTOML},
		{"a.toml", "\xff\xfea", FormatTOML},
		{"x", "[1, 2]", FormatUnknown},
		{"x", `["a"]`, FormatJSON},
		{"x", "[{\"a\": 1}]", FormatJSON},
		{"x", "/* c */ {\"a\": 1}", FormatJSONC},
		{"x", "---\na: 1\n", FormatYAML},
		{"x", "a: 1\nb:\n  - c\n", FormatYAML},
		{"x", "[main]\na=b\n", FormatINI},
		{"x", "A=1\nexport B=\"2\"\n", FormatEnv},
		{"x", "MAILTO=root\n17 * * * * root run-parts /etc/cron.hourly\n@daily root x\n", FormatCrontab},
		{"x", "Port 22\nPermitRootLogin no\n", FormatConf},
		// Nothing known.
		{"x", "", FormatUnknown},
		{"x", "# only a comment\n", FormatUnknown},
		{"x", "#!/bin/sh\nA=1\n", FormatUnknown},
		{"x", "}}} ??? !!!\n", FormatUnknown},
		{"x", "{{ template }}\n", FormatUnknown},
		// Not text, whatever it is called.
		{"a.json", "\x7fELF\x00\x01", FormatUnknown},
		{"a.yaml", "a: \xff\xfe\xfd\xfc\xfb", FormatUnknown},
		{"sshd_config", "P\x00o\x00r\x00t\x00", FormatUnknown},
		{"a.yaml", "\xff\xfe\x00\x00a\x00\x00\x00", FormatUnknown}, // UTF-32
		{"a.yaml", "a: caf\xc3", FormatYAML},                       // cut within a character
	} {
		if got := FormatOf(test.path, []byte(test.head)); got != test.want {
			t.Errorf("FormatOf(%q, %q) = %q, want %q", test.path, test.head, got, test.want)
		}
	}
}

func TestFormatOfLooksAtABoundedHead(t *testing.T) {
	head := []byte(strings.Repeat("a: 1\n", sniffed) + "\x00")
	if got := FormatOf("x", head); got != FormatYAML {
		t.Errorf("%q: bytes after the bound were looked at", got)
	}
}

func FuzzFormatOf(f *testing.F) {
	f.Add("/etc/x.conf", []byte("[a]\nb = 1\n"))
	f.Add("x.json", []byte("/*/"))
	f.Add("", []byte("[\n"))
	f.Fuzz(func(t *testing.T, path string, head []byte) {
		if got := FormatOf(path, head); !knownFormat(got) {
			t.Errorf("FormatOf(%q, %q) = %q", path, head, got)
		}
	})
}
