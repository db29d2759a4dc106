package actor

import (
	"math"
	"slices"
	"time"

	"github.com/stele-log/stele/internal/capture/bpf"
)

// order tells what came first: a notification, which carries no time, or what a
// record tells of a process.
//
// Every record says how many notifications waited in the queue at its moment.
// With what had been read of the queue by then, that is the number of the first
// notification that came after it. The two are ordered without any guess, but
// for some records that were made while a read was under way.
type order struct {
	taken uint64    // notifications read so far
	reads []reading // the latest that returned some, oldest first
	cut   bool      // there were more
}

// reading is one read of the queue. Times are since boot. Notifications are
// counted from the first one ever.
type reading struct {
	began, ended  time.Duration
	before, after uint64 // notifications read
	least, most   uint64 // notifications made, before and after it
}

const maxReads = 256

// moment is where something stands in the order: notifications with a number
// below lo came before it, those from hi on after it. Between is not known.
type moment struct{ lo, hi uint64 }

// verdict says whether something had happened when a notification was made.
type verdict int

const (
	notYet verdict = iota
	unsure
	happened
)

func (m moment) at(number uint64) verdict {
	switch {
	case number < m.lo:
		return notYet
	case number < m.hi:
		return unsure
	}
	return happened
}

// Read is one read of the queue of notifications. Times are since boot.
type Read struct {
	Events       int // that it returned
	Began, Ended time.Duration
	Waited, Left uint32 // events in the queue before and after it, or Unset
}

// Unset is a number of events that is not known.
const Unset = bpf.Unset

// took takes note of a read.
func (o *order) took(b Read) {
	if b.Events == 0 {
		return
	}
	if len(o.reads) == maxReads {
		o.reads, o.cut = slices.Delete(o.reads, 0, maxReads/2), true
	}
	r := reading{began: b.Began, ended: b.Ended, before: o.taken, after: o.taken + uint64(b.Events)}
	r.least, r.most = r.before, math.MaxUint64
	if b.Waited != Unset {
		r.least += uint64(b.Waited)
	}
	if b.Left != Unset {
		r.most = r.after + uint64(b.Left)
	}
	o.reads, o.taken = append(o.reads, r), r.after
}

// moment of what happened between two times, with so many notifications
// waiting in the queue.
func (o *order) moment(from, until time.Duration, waiting uint32) moment {
	read, made := o.bounds(from, until)
	if waiting == Unset {
		return moment{max(read.lo, made.lo), made.hi}
	}
	n := uint64(waiting)
	return moment{max(read.lo+n, made.lo), min(read.hi+n, made.hi)}
}

// bounds tells how many notifications at least and at most had been read
// between two times, and how many had been made as far as the reads tell.
func (o *order) bounds(from, until time.Duration) (read, made moment) {
	read, made = moment{o.taken, o.taken}, moment{0, math.MaxUint64}
	for _, r := range slices.Backward(o.reads) {
		switch {
		case r.ended < from:
			return read, made
		case r.began > until:
			read = moment{r.before, r.before}
		default: // it was under way
			read.lo = r.before
			if r.began <= from {
				made.lo = max(made.lo, r.least)
			}
			if r.ended >= until {
				made.hi = min(made.hi, r.most)
			}
		}
	}
	if o.cut { // what was forgotten may have come later
		read.lo = 0
	}
	return read, made
}
