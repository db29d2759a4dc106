package catalogue

import (
	"slices"
	"strings"
	"testing"
)

// A probe runs one of root's programs, or reads a file of the kernel's, and no other.
func TestProbes(t *testing.T) {
	parse := func(probe string) error {
		_, err := Parse([]byte("version: 1\nrevision: 1\ncommon: {drop_ins: [], ignore: [], weakening: [], probes: [" + probe + "]}\nagents: []\n"))
		return err
	}
	for probe, fault := range map[string]string{
		"{name: a, run: [/usr/sbin/a, -l], by: [a]}":                                     "",
		"{name: a, read: /proc/self/mountinfo, by: [mount]}":                             "",
		"{name: a, run: [/usr/local/bin/a], by: [a]}":                                    "only programs of",
		"{name: a, run: [/usr/sbin/../../tmp/a], by: [a]}":                               "only programs of",
		"{name: a, run: [a], by: [a]}":                                                   "only programs of",
		"{name: a, read: /proc/../etc/shadow, by: [a]}":                                  "below /proc",
		"{name: a, by: [a]}":                                                             "either runs",
		"{name: a, run: [/usr/sbin/a], read: /proc/mounts, by: [a]}":                     "either runs",
		"{name: a/b, run: [/usr/sbin/a], by: [a]}":                                       "lower-case",
		"{name: a, run: [/usr/sbin/a], by: ['*']}":                                       "would ignore everything",
		"{name: a, run: [/usr/sbin/a], by: [a]}, {name: a, run: [/usr/sbin/a], by: [a]}": "already stands",
	} {
		err := parse(probe)
		if (err != nil) != (fault != "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want %q", probe, err, fault)
		}
	}
}

func TestProbeChangedBy(t *testing.T) {
	p := Probe{By: []string{"nft", "mount.*"}}
	for exe, want := range map[string]bool{"/usr/sbin/nft": true, "/tmp/nft (deleted)": true, "/sbin/mount.nfs": true, "/usr/bin/nftables": false, "": false} {
		if p.ChangedBy(exe) != want {
			t.Errorf("%q: %v", exe, !want)
		}
	}
}

// The packet filter counts, without anybody changing it, and most rule sets have it do so.
func TestPacketFilterWithoutCounters(t *testing.T) {
	known, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range known.Probes {
		if p.Name == "nft" {
			if !slices.Equal(p.Run, []string{"/usr/sbin/nft", "-s", "list", "ruleset"}) {
				t.Errorf("asked by %q", p.Run)
			}
			return
		}
	}
	t.Error("not asked")
}
