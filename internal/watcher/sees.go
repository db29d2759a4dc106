package watcher

import (
	"slices"

	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/finding"
)

// heed raises the finding for a gap that tells of a lost layer. The gap itself
// goes on the record.
func (w *Watcher) heed(g *capture.Gap) {
	if g.Cause == capture.CauseActors {
		w.raise(finding.CaptureLost, "the programs that tell who changes files were detached")
	}
}

// sees tells that a lost layer is live again.
func (w *Watcher) sees() {
	live := func(l capture.Layer) bool { return l.Name == capture.LayerBPF && l.Live }
	if slices.ContainsFunc(w.Status().Layers, live) {
		w.over(finding.CaptureLost)
	}
}
