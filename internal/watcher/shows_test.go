package watcher

import (
	"strings"
	"testing"
)

// TestShows: who only asks is not named, and who does something is, however he asks
// beside it.
func TestShows(t *testing.T) {
	for command, want := range map[string]bool{
		"mount":                          true,
		"mount -l":                       true,
		"mount --version":                true,
		"mount -L DATA /mnt":             false, // by its label
		"mount -l /dev/sdb /mnt":         false,
		"mount -s /dev/sdb /mnt":         false,
		"mount -T /tmp/fstab -a":         false,
		"umount -l /mnt":                 false, // lazily
		"umount -V":                      true,
		"nft list ruleset":               true,
		"nft -s -a list table inet f":    true,
		"nft list ruleset ; flush table": false,
		"nft -s add table inet f":        false,
		"nft -f /etc/nftables.conf":      false,
		"nft flush ruleset":              false,
		"auditctl -l":                    true,
		"auditctl -s -D":                 false,
		"auditctl -l -D":                 false,
		"auditctl":                       false,
		"iptables -L INPUT":              true,
		"iptables -nvL":                  true,
		"iptables-save":                  true,
		"iptables -s 192.0.2.1 -A INPUT": false,
		"iptables -A INPUT -S":           false,
		"fusermount3 -V":                 true,
		"":                               false,
	} {
		words := strings.Fields(command)
		exe := "/usr/sbin/" + strings.Join(words[:min(1, len(words))], "")
		if strings.HasPrefix(command, "iptables") {
			exe = "/usr/sbin/xtables-nft-multi"
		}
		if got := shows(exe, words); got != want {
			t.Errorf("%q: %v", command, got)
		}
	}
	if shows("/usr/sbin/nft", []string{"nft", "list ruleset; flush ruleset"}) || !shows("/usr/sbin/nft (deleted)", []string{"nft", "list ruleset"}) {
		t.Error("in one argument")
	}
}
