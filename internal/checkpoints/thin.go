package checkpoints

import (
	"time"

	"github.com/stele-log/stele/internal/durable"
)

// How much is kept.
const (
	newest   = 1024    // of those that agree with the log
	apart    = 16      // of those that contradict it: the first ones
	maxBytes = 1 << 20 // of the file
	leave    = maxBytes * 3 / 4
)

// thin chooses what is kept of a list, which is in order of time, and says of how
// many of the first shipped ones.
func thin(list []item, shipped int) (kept []item, left int) {
	keep := make([]bool, len(list))
	recent, contrary := 0, 0
	for i := len(list) - 1; i >= 0 && recent < newest; i-- {
		if !list[i].apart {
			keep[i] = true
			recent++
		}
	}
	var hour time.Time
	for i := range list {
		h := list[i].at.Truncate(time.Hour)
		switch {
		case list[i].apart:
			keep[i] = contrary < apart
			contrary++
		case !keep[i] && !h.Equal(hour):
			keep[i], hour = true, h
		}
	}
	fit(list, keep)
	for i := range list {
		if keep[i] {
			kept = append(kept, list[i])
			if i < shipped {
				left++
			}
		}
	}
	return kept, left
}

// fit drops the oldest that agree with the log until the rest has room in a file
// that can still grow.
func fit(list []item, keep []bool) {
	bytes := 0
	for i := range list {
		if keep[i] {
			bytes += len(list[i].appendFrame(nil))
		}
	}
	for i := 0; i < len(list) && bytes > leave; i++ {
		if keep[i] && !list[i].apart {
			keep[i] = false
			bytes -= len(list[i].appendFrame(nil))
		}
	}
}

// rewrite writes the file anew, thinned. A crash leaves the old file or the new
// one. The caller holds mu, or nobody else knows k.
func (k *Kept) rewrite() error {
	k.list, k.shipped = thin(k.list, k.shipped)
	b := durable.Header(magic)
	for i := range k.list {
		if i == k.shipped && i > 0 {
			b = durable.AppendFrame(b, []byte{frameShipped}, true)
		}
		b = k.list[i].appendFrame(b)
	}
	if k.shipped == len(k.list) && k.shipped > 0 {
		b = durable.AppendFrame(b, []byte{frameShipped}, true)
	}
	if err := durable.WriteFile(k.fsys, k.path, b, 0o600); err != nil {
		return err
	}
	file, err := durable.OpenAppend(k.fsys, k.path)
	if err != nil {
		return err
	}
	old := k.file
	k.file, k.unsaved, k.fresh = file, false, 0
	if old != nil {
		return old.Close()
	}
	return nil
}
