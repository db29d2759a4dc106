package watcher

import (
	"strings"
	"testing"

	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/finding"
)

// What capture tells of itself is a finding while any of it is so.
func TestTroubles(t *testing.T) {
	b := newBench(t, 0)
	lost := func(layer string, over bool) {
		b.trouble(capture.Trouble{Kind: capture.Lost, Layer: layer, Detail: layer + " is gone", Over: over})
	}
	b.trouble(capture.Trouble{Kind: capture.Late, Over: true})
	if len(b.Findings()) > 0 {
		t.Errorf("over before it began: %v", b.Findings())
	}
	lost("marks", false)
	lost("queue", false)
	b.trouble(capture.Trouble{Kind: capture.Churn, Layer: "user 1001", Detail: "too much"})
	if !b.found(finding.CaptureLost) || !b.found(finding.Churn) || b.found(finding.CaptureLate) {
		t.Errorf("found %v", b.Findings())
	}
	lost("marks", true)
	if fs := b.Findings(); len(fs) != 2 || !strings.Contains(fs[0].Detail, "queue is gone") || strings.Contains(fs[0].Detail, "marks") {
		t.Errorf("one of two is mended: %v", fs)
	}
	lost("queue", true)
	if b.found(finding.CaptureLost) {
		t.Error("mended, and found still")
	}
}
