package fanotify

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMounts(t *testing.T) {
	got := parseMounts("36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw\n" +
		"37 35 98:0 /blank\\040file /etc/a\\040b rw - ext4 /dev/root rw,errors=continue\n" +
		"38 35 0:5 / /tmpfs rw shared:2 master:3 - tmpfs none rw\nhalf a line\n")
	want := map[string]Mount{
		"36 98:0 / /mnt":                     {id: 36, Point: "/mnt", Type: "ext4", Source: "/dev/root"},
		`37 98:0 /blank\040file /etc/a\040b`: {id: 37, Point: "/etc/a b", Type: "ext4", Source: "/blank file of /dev/root"},
		"38 0:5 / /tmpfs":                    {id: 38, Point: "/tmpfs", Type: "tmpfs", Source: "none"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Mount{})); diff != "" {
		t.Error(diff)
	}
}
