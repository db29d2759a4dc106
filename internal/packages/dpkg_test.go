package packages

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
)

const dpkgLog = `2026-03-01 10:00:00 startup archives unpack
2026-03-01 10:00:01 upgrade rsyslog:amd64 8.2302.0-1 8.2302.0-1+deb12u1
2026-03-01 10:00:01 status half-configured rsyslog:amd64 8.2302.0-1
2026-03-01 10:00:02 install snmpd:amd64 <none> 5.9.3
2026-03-01 10:00:03 startup packages configure
2026-03-01 10:00:03 configure rsyslog:amd64 8.2302.0-1+deb12u1 <none>
2026-03-01 10:00:04 configure snmpd:amd64 5.9.3 <none>
2026-03-01 11:00:00 remove snmpd:amd64 5.9.3 <none>
2026-03-01 12:00:00 purge snmpd:amd64 5.9.3 <none>
2026-03-01 13:00:00 configure chrony:amd64 4.3 <none>
2026-03-01 14:00:00 upgrade twin-a:all 1 2
2026-03-01 14:00:00 upgrade twin-b:all 1 2
half a line
`

func TestDpkg(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"var/log/dpkg.log":                       dpkgLog,
		"var/lib/dpkg/info/rsyslog.list":         "/.\n/etc\n/usr/sbin/rsyslogd\n",
		"var/lib/dpkg/info/rsyslog.conffiles":    "/etc/rsyslog.conf\n",
		"var/lib/dpkg/info/snmpd:amd64.list":     "/etc/snmp/snmpd.conf\n",
		"var/lib/dpkg/info/chrony.list":          "/etc/chrony/chrony.conf\n",
		"var/lib/dpkg/info/twin-a.list":          "/etc/twin\n",
		"var/lib/dpkg/info/twin-b.list":          "/etc/twin\n",
		"var/lib/dpkg/info/unrelated-other.list": "/etc/other\n",
	} {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	clock := func(s string) time.Time {
		at, err := time.ParseInLocation(time.DateTime, "2026-03-01 "+s, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	dpkg := NewDpkg(root)
	upgrade := &body.Package{Manager: "dpkg", Name: "rsyslog", Action: "upgrade", From: "8.2302.0-1", To: "8.2302.0-1+deb12u1"}
	for _, c := range []struct {
		path, since, at string
		want            *body.Package
	}{
		{"/etc/rsyslog.conf", "10:00:00", "10:00:02", upgrade},
		{"/etc/rsyslog.conf", "10:00:03", "10:00:03", upgrade}, // configured by a second process
		{"/etc/snmp/snmpd.conf", "10:00:00", "10:00:05", &body.Package{Manager: "dpkg", Name: "snmpd", Action: "install", To: "5.9.3"}},
		{"/etc/snmp/snmpd.conf", "11:59:59", "12:00:01", &body.Package{Manager: "dpkg", Name: "snmpd", Action: "purge", From: "5.9.3"}},
		{"/etc/chrony/chrony.conf", "13:00:00", "13:00:00", &body.Package{Manager: "dpkg", Name: "chrony", Action: "configure", To: "4.3"}},
		{"/etc/rsyslog.conf", "11:00:00", "12:00:01", nil}, // not in that process's time
		{"/etc/rsyslog.conf", "09:00:00", "10:00:00", nil}, // not yet
		{"/etc/other", "10:00:00", "12:00:01", nil},
		{"/etc/twin", "14:00:00", "14:00:01", nil},
	} {
		if d := cmp.Diff(c.want, dpkg.At(c.path, clock(c.since), clock(c.at))); d != "" {
			t.Errorf("%s from %s to %s: %s", c.path, c.since, c.at, d)
		}
	}
	if got := NewDpkg(t.TempDir()).At("/etc/rsyslog.conf", clock("10:00:00"), clock("10:00:02")); got != nil {
		t.Errorf("without dpkg: %v", got)
	}

	// A process that began long before is not what dpkg does now.
	if got := dpkg.At("/etc/chrony/chrony.conf", time.Time{}, clock("13:06:00")); got != nil {
		t.Errorf("minutes after it was configured: %v", got)
	}
	if got := dpkg.At("/etc/chrony/chrony.conf", time.Time{}, clock("13:04:00")); got == nil || got.Name != "chrony" {
		t.Errorf("by its script: %v", got)
	}
	if got := dpkg.At("/etc/chrony/chrony.conf", clock("13:00:00"), clock("13:20:00")); got == nil || got.Name != "chrony" {
		t.Errorf("by dpkg, which was asking somebody: %v", got)
	}

	// Both the log and a list are read again when they change.
	add := func(name, text string) {
		f, err := os.OpenFile(filepath.Join(root, name), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	if got := dpkg.At("/etc/snmp/more.conf", clock("15:00:00"), clock("15:00:01")); got != nil {
		t.Errorf("before: %v", got)
	}
	add("var/log/dpkg.log", "\n2026-03-01 15:00:00 upgrade snmpd:amd64 5.9.3 5.9.4\n")
	add("var/lib/dpkg/info/snmpd:amd64.list", "/etc/snmp/more.conf\n")
	want := &body.Package{Manager: "dpkg", Name: "snmpd", Action: "upgrade", From: "5.9.3", To: "5.9.4"}
	if d := cmp.Diff(want, dpkg.At("/etc/snmp/more.conf", clock("15:00:00"), clock("15:00:01"))); d != "" {
		t.Errorf("after an upgrade: %s", d)
	}
}
