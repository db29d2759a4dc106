package watcher

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/packages"
)

// Of a file that nobody saw come the package manager's own records may tell.
func TestUnpacked(t *testing.T) {
	root := t.TempDir()
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.Local)
	for name, text := range map[string]string{
		"var/log/dpkg.log":              at.Format(time.DateTime) + " install snmpd:amd64 <none> 5.9.3\n",
		"var/lib/dpkg/info/snmpd.list":  "/etc/snmp\n/etc/snmp/snmpd.conf\n",
		"var/lib/dpkg/info/other.list":  "/etc/other.conf\n",
		"var/lib/dpkg/info/unused.list": "\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w := &Watcher{dpkg: packages.NewDpkg(root)}
	seen := func(path string, after time.Duration) *capture.Observation {
		return &capture.Observation{Path: path, Action: body.Create, Known: inode.Known{CtimeNs: at.Add(after).UnixNano()}}
	}
	if p := w.unpacked(seen("/etc/snmp/snmpd.conf", time.Second)); p == nil || p.Name != "snmpd" || p.Action != "install" || p.To != "5.9.3" {
		t.Errorf("%+v", p)
	}
	named, users, changed := seen("/etc/snmp/snmpd.conf", time.Second), seen("/etc/snmp/snmpd.conf", time.Second), seen("/etc/snmp/snmpd.conf", time.Second)
	named.Who, users.Known.UID, changed.Action = &body.Who{PID: 7}, 1000, body.Modify
	for name, o := range map[string]*capture.Observation{
		"of no package":        seen("/etc/mine.conf", time.Second),
		"of another package":   seen("/etc/other.conf", time.Second),
		"before it was":        seen("/etc/snmp/snmpd.conf", -time.Minute),
		"long after":           seen("/etc/snmp/snmpd.conf", time.Hour),
		"somebody was named":   named,
		"a user's":             users,
		"changed, not created": changed,
	} {
		if p := w.unpacked(o); p != nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// Of a text behind a link what either name says of secrets holds.
func TestBothNamesHaveRules(t *testing.T) {
	const harmless, opaque = "/etc/a.conf", "/etc/ssh/ssh_host_rsa_key"
	table := "agent:Tr0ub4dor:7:\n"
	for _, c := range []struct {
		name, path, real, text string
		masked                 bool
	}{
		{"opaque behind", harmless, opaque, "words\n", true},
		{"opaque by its link", opaque, harmless, "words\n", true},
		{"a table behind", harmless, "/etc/ppp/shadow", table, true},
		{"a table by its link", "/etc/ppp/shadow", harmless, table, true},
		{"neither", harmless, "/etc/b.conf", "words\n", false},
		{"no link", harmless, "", "words\n", false},
	} {
		o := seen(inode.Known{}, inode.Known{Mode: regular | 0o644})
		o.Path, o.Real, o.Content, o.HasContent = c.path, c.real, []byte(c.text), true
		if got := observing(t).observe(o); (string(got.text) != c.text) != c.masked {
			t.Errorf("%s: %q", c.name, got.text)
		}
	}
}

// Where a followed link leads, and led, is in the change of it.
func TestTargetOfFollowedLink(t *testing.T) {
	w := observing(t)
	o := seen(inode.Known{}, inode.Known{Mode: regular | 0o644, Target: [32]byte{1}})
	o.Target, o.Real, o.Content, o.HasContent = "../b.conf", "/b.conf", []byte("text"), true
	if got := w.observe(o); got.what.Target != "../b.conf" || string(got.text) != "text" || len(got.what.Marks) > 0 {
		t.Errorf("%+v %q", got.what, got.text)
	}
	o.Target, o.Before = "/c.conf", o.Known
	if got := w.observe(o); got.what.Target != "/c.conf" || got.what.Was == nil || got.what.Was.Target != "../b.conf" {
		t.Errorf("%+v", got.what)
	}
}
