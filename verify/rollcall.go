package verify

import (
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

// aliveWithin is how long before a roll call a source must have shown itself for
// it to be wrong that the roll call lists it absent. A server waits much longer.
const aliveWithin = 30 * time.Second

// maxRecorded is how many leaves of recorders step 26 looks back.
const maxRecorded = 256

// roll is what step 26 holds a roll call against.
type roll struct {
	absent   map[entry.Source]uint64 // one more than the index of the last roll call that lists it absent
	alive    map[entry.Source]uint64 // largest tree an entry of it saw
	recorded []recorded              // the last leaves of recorders
}

// recorded is an entry of a recorder: whoever saw it lived after its time.
type recorded struct {
	index uint64
	at    time.Time
}

func newRoll() roll {
	return roll{absent: make(map[entry.Source]uint64), alive: make(map[entry.Source]uint64)}
}

// rollcall is step 26. What a tree holds was there when it was seen, so a source
// that saw it lived after that; no clock of a source is asked.
func (l *Log) rollcall(lf *leaf, standing Standing) {
	if standing != Fresh {
		return
	}
	e := lf.entry
	if e.Kind == entry.RollCall {
		beats := l.beats(lf)
		l.listedAbsent(lf, beats)
		l.listedPresent(lf, beats)
	}
	l.roll.take(lf.index, e, l.sources.Lookup(e.Source).Role)
}

// take keeps what an entry says about who lived when.
func (r *roll) take(index uint64, e *entry.Entry, role entry.Role) {
	for _, src := range e.Open.Absent {
		r.absent[src] = index + 1
	}
	switch {
	case role == entry.Recorder:
		r.recorded = append(r.recorded, recorded{index, e.At()})
		r.recorded = r.recorded[max(0, len(r.recorded)-maxRecorded):]
	case e.Saw.Size <= index:
		r.alive[e.Source] = max(r.alive[e.Source], e.Saw.Size)
	}
}

// beats are the trees that sources saw by the sound beats a roll call shows.
func (l *Log) beats(lf *leaf) map[entry.Source]uint64 {
	saw := make(map[entry.Source]uint64)
	for _, note := range lf.opened.beats {
		if b, err := entry.ParseBeat([]byte(note)); err == nil && l.sound(lf.index, b) {
			saw[b.Source] = max(saw[b.Source], b.Saw.Size)
		}
	}
	return saw
}

// sound reports whether a beat is its source's, for this log, and of its past.
func (l *Log) sound(index uint64, b *entry.Beat) bool {
	en := l.sources.Lookup(b.Source)
	return en != nil && b.Origin == l.cfg.Key.Origin() && b.Saw.Size <= index &&
		(l.cfg.SkipSignatures || b.Verify(en.Key) == nil)
}

// listedPresent: whoever is listed present has signed a beat since it was listed
// absent.
func (l *Log) listedPresent(lf *leaf, beats map[entry.Source]uint64) {
	if !lf.opened.called {
		return
	}
	for _, src := range lf.entry.Open.Present {
		if saw, ok := beats[src]; !ok || saw < l.roll.absent[src] {
			l.report(found(BadRollCall, lf.index, lf.entry.Source, "source %s is listed present without a beat since it was absent", src))
		}
	}
}

// listedAbsent: whoever is listed absent has not shown itself just before.
func (l *Log) listedAbsent(lf *leaf, beats map[entry.Source]uint64) {
	for _, src := range lf.entry.Open.Absent {
		if at := l.roll.seen(max(l.roll.alive[src], beats[src]), lf.entry.At()); at != nil {
			l.report(found(BadRollCall, lf.index, lf.entry.Source, "source %s is listed absent and had seen entry %d, of %s", src, at.index, body.FormatTime(at.at)))
		}
	}
}

// seen is an entry of a recorder, of late, in a tree of that size.
func (r *roll) seen(size uint64, now time.Time) *recorded {
	for i := range r.recorded {
		o := &r.recorded[i]
		if o.index < size && !o.at.After(now) && o.at.After(now.Add(-aliveWithin)) {
			return o
		}
	}
	return nil
}
