package capture

import "github.com/stele-log/stele/body"

// ActorSource describes the process behind a notification. /proc is one; a
// cache fed by the kernel's exec and fork tracepoints can be another.
type ActorSource interface {
	// Layer names the source in Status.
	Layer() string
	// Actor describes the process pid, now. Same reports whether pid still
	// belongs to the process the kernel meant; it is nil where the kernel gave
	// no proof. What was not read of that very process is left out.
	Actor(pid int, same func() bool) Actor
}

// Actor is who did it. The zero Actor is nobody known.
type Actor struct {
	PID        int       // as the kernel told; 0 where it did not
	Who        *body.Who // nil: nothing could be read
	Confidence body.Confidence
}

// confidence of an actor that may be the zero Actor.
func (a Actor) confidence() body.Confidence {
	if a.Who == nil {
		return body.Unknown
	}
	return a.Confidence
}

// sameAs says whether two notifications came from one process. Where the
// kernel names no process (an unprivileged watcher) it says yes: a dance of
// renames must still be told as one change.
func (a Actor) sameAs(b Actor) bool {
	if a.PID != b.PID {
		return false
	}
	return a.Who == nil || b.Who == nil || a.Who.Started == b.Who.Started
}
