package watcher

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/finding"
)

// THREATS 23: the programs that name actors are detached. That is a finding at
// once, over when they are attached anew, and a gap on the record.
func TestCaptureLost(t *testing.T) {
	b := newBench(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	<-b.Ready()
	if !slices.ContainsFunc(b.Status().Layers, func(l capture.Layer) bool { return l.Name == capture.LayerBPF && l.Live }) {
		if os.Getenv("STELE_CI") == "1" {
			t.Error("missing in CI: programs in the kernel")
		} else {
			t.Skip("needs programs in the kernel")
		}
	}
	b.sees()
	if b.found(finding.CaptureLost) {
		t.Error("benign twin: found before anybody did anything")
	}
	closeLinks(t)
	until(t, "found", func() bool { return b.found(finding.CaptureLost) })
	until(t, "over", func() bool { b.sees(); return !b.found(finding.CaptureLost) })
	until(t, "a gap", func() bool { h, ok := b.cfg.Spool.Head(); return ok && h.Next > 0 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !ok(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never %s", what)
		}
	}
}

// closeLinks closes the descriptors that keep programs attached, as somebody
// with a debugger can. Something else takes their place.
func closeLinks(t *testing.T) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for fd := range 256 {
		what, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)) // most are not open
		if !strings.Contains(what, "bpf_link") && !strings.Contains(what, "bpf-link") {
			continue
		}
		if err := unix.Dup3(int(null.Fd()), fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
}
