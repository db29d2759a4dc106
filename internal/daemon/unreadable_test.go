package daemon

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/capture"
)

// What cannot be read is said last, each path once.
func TestSayWatching(t *testing.T) {
	var said []string
	p := Process{Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
	st := capture.Status{Watched: 3, Layers: []capture.Layer{{Name: "scan", Live: true}}, Unreadable: map[string]string{
		"/etc/sudoers.d": "open /etc/sudoers.d: permission denied", "/etc/b": "/etc/b: a link of user 7: not followed", "/etc/c": "no room",
	}}
	p.SayWatching(st)
	want := []string{
		"layer        scan           active",
		"watching     3 files; `stele log` shows what changes, Ctrl-C ends",
		"cannot read  /etc/b: a link of user 7: not followed",
		"cannot read  /etc/c: no room",
		"cannot read  /etc/sudoers.d: permission denied",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}
