package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/watcher"
)

func lines(c history.Change) []string {
	var b bytes.Buffer
	Entry(&b, &history.View{Kind: "change", Changes: []history.Change{c}})
	_, after, _ := strings.Cut(b.String(), "change 0\n")
	var all []string
	for l := range strings.Lines(after) {
		if l = strings.TrimRight(l, "\n"); strings.HasPrefix(l, "  ") {
			all = append(all, l)
		}
	}
	return all
}

func TestBeside(t *testing.T) {
	size := int64(9)
	c := history.Change{
		Mode: "0600", Owner: "root:root", Links: 2, Names: []body.Name{{Path: "/etc/b"}},
		Attributes: []body.Attribute{{Name: "flags", Value: "immutable"}, {Name: "security.capability", Value: "cap_net_raw+ep", Size: &size}, {Name: "user.k", Fingerprint: "AbC", Size: &size}},
		Was:        &history.Was{Mode: "0644", Owner: "jane:jane", Links: 1, Attributes: []body.Attribute{{Name: "flags"}, {Name: "user.gone\x1b", Value: "1", Size: &size}}},
	}
	want := []string{
		"  mode     0600, was 0644",
		"  owner    root:root, was jane:jane",
		"  attr     flags immutable, was none",
		"  attr     security.capability cap_net_raw+ep",
		`  attr     user.gone\x1b none, was 1`,
		"  attr     user.k 9 bytes, fingerprint AbC",
		"  names    2, was 1",
		"  also     /etc/b",
	}
	if diff := cmp.Diff(want, lines(c)); diff != "" {
		t.Error(diff)
	}
	// The twin: nothing is said of how it was where that is as it is.
	want = []string{"  mode     0644", "  owner    0:0", "  target   /dev/null"}
	if diff := cmp.Diff(want, lines(history.Change{Mode: "0644", Owner: "0:0", Target: "/dev/null"})); diff != "" {
		t.Error(diff)
	}
	if got := lines(history.Change{Was: &history.Was{Target: "../a"}}); len(got) != 1 || got[0] != "  target   none, was ../a" {
		t.Errorf("no link any more: %q", got)
	}
}

// A list says in a few words how a file changed beside its text.
func TestDifferences(t *testing.T) {
	size, acl := int64(9), "user::rw-,user:1001:r--,group::r--,mask::r--,other::---"
	c := history.Change{
		Action: "attributes", Path: "/etc/a", Mode: "0600", Owner: "0:0", Marks: []string{"redacted"},
		Attributes: []body.Attribute{{Name: "flags", Value: "immutable"}, {Name: "system.posix_acl_access", Value: acl}, {Name: "user.key", Fingerprint: "AbC", Size: &size}},
		Was:        &history.Was{Mode: "0644", Links: 2, Attributes: []body.Attribute{{Name: "flags"}, {Name: "system.posix_acl_access", Value: acl + ",x"}, {Name: "user.gone\x1b", Value: "1"}, {Name: "user.key"}}},
	}
	want := `  [redacted, mode 0644 → 0600, flags none → immutable, system.posix_acl_access changed, user.gone\x1b 1 → none, user.key changed, names 2 → 1]`
	if got := notes(c); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c.Was = nil
	if got := notes(c); got != "  [redacted]" {
		t.Errorf("nothing differs: %s", got)
	}
}

// A full disk is said, and one that is not is not.
func TestFullDisk(t *testing.T) {
	for free, want := range map[int64]bool{0: true, fullDisk - 1: true, fullDisk: false} {
		var b bytes.Buffer
		printReport(&b, &watcher.Report{DiskFree: &free})
		if strings.Contains(b.String(), "disk     FULL") != want {
			t.Errorf("%d bytes free: %s", free, b.String())
		}
	}
}

// A gap says since when as people read times: to the second in a list, in full by itself.
func TestGapSince(t *testing.T) {
	v := &history.View{Kind: "gap", Lines: []string{"since 2026-11-30T10:01:51.427754653Z"}, Detail: "overflow: the queue was full"}
	if got, want := Headline(v), "gap since "+When("2026-11-30T10:01:51Z")+": overflow: the queue was full"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := openLines(v, ExactTime); got[0] != "since "+ExactTime("2026-11-30T10:01:51.427754653Z") {
		t.Error(got)
	}
}

// Status names each path that cannot be read once.
func TestUnreadableOnce(t *testing.T) {
	var b bytes.Buffer
	printReport(&b, &watcher.Report{Unreadable: map[string]string{"/etc/sudoers": "open /etc/sudoers: permission denied"}})
	if !strings.Contains(b.String(), "cannot read /etc/sudoers: permission denied\n") {
		t.Error(b.String())
	}
}
