package intake

import (
	"slices"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// holes are the numbers that sources have passed over and not brought yet. They
// are those seen by this process: what was open before it began stands in the
// log, where verify finds it.
type holes struct {
	mu sync.Mutex
	m  map[entry.Source][]hole // in ascending order
}

type hole struct {
	first, last uint64
	index       uint64 // of the entry beyond it
	since       time.Time
	told        bool
}

// maxHoles bounds what is remembered of one source; the oldest is let go of. One
// finding an hour about a source is recorded anyway.
const maxHoles = 64

// take notes an entry of a source whose next number was to be next.
func (h *holes) take(src entry.Source, next, seq, index uint64, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case seq > next:
		if h.m == nil {
			h.m = make(map[entry.Source][]hole)
		}
		list := append(h.m[src], hole{first: next, last: seq - 1, index: index, since: now})
		h.m[src] = list[max(0, len(list)-maxHoles):]
	case seq < next:
		h.fill(src, seq)
	}
}

// fill takes a number out of the hole it is in. The caller holds mu.
func (h *holes) fill(src entry.Source, seq uint64) {
	list := h.m[src]
	i := slices.IndexFunc(list, func(o hole) bool { return o.first <= seq && seq <= o.last })
	if i < 0 {
		return
	}
	var rest []hole
	if below := list[i]; below.first < seq {
		below.last = seq - 1
		rest = append(rest, below)
	}
	if above := list[i]; seq < above.last {
		above.first = seq + 1
		rest = append(rest, above)
	}
	if list = slices.Replace(list, i, i+1, rest...); len(list) == 0 {
		delete(h.m, src)
		return
	}
	h.m[src] = list
}

// due lists holes that have been open since before that time, each once.
func (h *holes) due(before time.Time) (fs []*verify.Finding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for src, list := range h.m {
		for i := range list {
			if o := &list[i]; !o.told && o.since.Before(before) {
				o.told = true
				fs = append(fs, verify.Missing(o.index, src, o.first, o.last))
			}
		}
	}
	return fs
}
