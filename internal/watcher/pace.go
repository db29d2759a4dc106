package watcher

import (
	"cmp"
	"time"
)

// Pace is how long a watcher waits for things. Fields that are zero are as fits
// a host; tests of whole histories are quicker.
type Pace struct {
	Quiet      time.Duration // after which an actor's change set is complete
	Long       time.Duration // after which it is complete in any case
	RetryFirst time.Duration // between the first tries to ship
	RetryMost  time.Duration // between later ones
	LookUp     time.Duration // for what the server knows of a path
	Drain      time.Duration // for acknowledgements, when the watcher ends
}

func (p Pace) orDefault() Pace {
	return Pace{
		Quiet: cmp.Or(p.Quiet, 700*time.Millisecond), Long: cmp.Or(p.Long, 2*time.Second),
		RetryFirst: cmp.Or(p.RetryFirst, 100*time.Millisecond), RetryMost: cmp.Or(p.RetryMost, 30*time.Second),
		LookUp: cmp.Or(p.LookUp, 5*time.Second), Drain: cmp.Or(p.Drain, 10*time.Second),
	}
}

// lookAt is how often open change sets are looked at.
func (p Pace) lookAt() time.Duration { return max(p.Quiet/7, time.Millisecond) }
