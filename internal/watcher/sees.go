package watcher

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/verify"
)

// faults are what is wrong with capture now: by code, and by the layer, directory
// or user it is about. A code is raised while it has any.
type faults struct {
	mu sync.Mutex
	of map[verify.Code]map[string]string
}

// fault notes that something is wrong, or no longer.
func (w *Watcher) fault(code verify.Code, about, detail string, over bool) {
	w.faults.mu.Lock()
	defer w.faults.mu.Unlock()
	if w.faults.of == nil {
		w.faults.of = map[verify.Code]map[string]string{}
	}
	all := w.faults.of[code]
	switch {
	case over && all == nil:
		return
	case over:
		delete(all, about)
	case all == nil:
		all = map[string]string{}
		w.faults.of[code] = all
		fallthrough
	default:
		all[about] = detail
	}
	if len(all) == 0 {
		delete(w.faults.of, code)
		w.over(code)
		return
	}
	var details []string
	for _, about := range slices.Sorted(maps.Keys(all)) {
		details = append(details, all[about])
	}
	w.raise(code, strings.Join(details, "; "))
}

// trouble takes over what capture tells of itself. What it means for the record
// goes there as a gap or as intervals; this is for people, now.
func (w *Watcher) trouble(t capture.Trouble) {
	code := map[capture.TroubleKind]verify.Code{
		capture.Churn: finding.Churn, capture.Late: finding.CaptureLate, capture.Lost: finding.CaptureLost,
	}[t.Kind]
	w.fault(code, t.Layer, w.cfg.Redactor.String(t.Detail), t.Over)
}

// heed raises the finding for a gap that tells of a lost layer. The gap itself
// goes on the record.
func (w *Watcher) heed(g *capture.Gap) {
	if g.Cause == capture.CauseActors {
		w.fault(finding.CaptureLost, capture.LayerBPF, "the programs that tell who changes files were detached", false)
	}
}

// sees tells that a lost layer is live again.
func (w *Watcher) sees() {
	live := func(l capture.Layer) bool { return l.Name == capture.LayerBPF && l.Live }
	if slices.ContainsFunc(w.Status().Layers, live) {
		w.fault(finding.CaptureLost, capture.LayerBPF, "", true)
	}
}
