package patience

import "time"

// Moment is a moment as one clock read it. The zero Moment is none.
type Moment struct {
	Time time.Time // as the clock was told it

	wall         time.Time
	able, passed time.Duration // since the clock was made
	known        bool
}

// IsZero reports whether it is none.
func (m Moment) IsZero() bool { return !m.known }

// Verdict is what can be said of somebody who has not answered.
type Verdict int

// The verdicts.
const (
	InTime Verdict = iota
	Late           // this process could have heard an answer for as long as it was to wait
	Untold         // five times as long has passed, and it could not
)

// Waited is the verdict at m on somebody waited for since then.
func (m Moment) Waited(since Moment, within time.Duration) Verdict {
	switch {
	case m.Able(since) >= within:
		return Late
	case m.passed-since.passed >= Bound*within:
		return Untold
	}
	return InTime
}

// Able is how long since then this process could act.
func (m Moment) Able(since Moment) time.Duration { return m.able - since.able }

// Lost is how long since then it could not.
func (m Moment) Lost(since Moment) time.Duration {
	return m.passed - since.passed - m.Able(since)
}
