package presence

import (
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/patience"
)

// ComeWithin is how long what a beat says still waits may stay away.
const ComeWithin = 10 * time.Minute

// SettleFor is how long batches may overtake each other, and beats them.
const SettleFor = 5 * time.Second

// announced is what the beats of a source say must be in the log, or come.
type announced struct {
	proved uint64          // all below were proved to the source, it says
	next   uint64          // all below it has signed
	since  patience.Moment // that next has been ahead of the log
	lost   uint64          // all below were announced once, and are no longer
	at     patience.Moment // of what was said last
	level  uint64          // the next number of the source in the log, when it was looked at
}

// says takes in a beat.
func (a *announced) says(b *entry.Beat, now patience.Moment) {
	if b.Next < a.next {
		a.lost = max(a.lost, a.next)
	}
	if b.Next > a.next || a.since.IsZero() {
		a.since = now
	}
	a.proved, a.next, a.at = max(a.proved, b.Next-b.Kept), b.Next, now
}

// open reports whether the log has to be looked at: it may lack something.
func (a *announced) open(now patience.Moment) bool {
	return max(a.proved, a.next, a.lost) > a.level && now.Able(a.at) >= SettleFor
}

// missing says what the log lacks, given the next number of the source in it. It
// is said once.
func (a *announced) missing(level uint64, now patience.Moment) (first, last uint64, is bool) {
	if level > a.level {
		a.level, a.since = level, now
	}
	level = a.level // what was missed before is not missed again
	upto := max(a.proved, a.lost)
	if a.next > upto && now.Able(a.since) >= ComeWithin {
		upto = a.next
	}
	if upto <= level {
		return 0, 0, false
	}
	a.level = upto
	return level, upto - 1, true
}
