package capture

import "github.com/stele-log/stele/body"

// ActorSource describes the process behind a notification. Its methods are
// called by one goroutine.
type ActorSource interface {
	// Layer names the source in Status.
	Layer() string
	// Actor describes the process that n names. What was not seen or read of
	// that very process is left out.
	Actor(n Named) Actor
}

// Named is the process that a notification names.
type Named struct {
	PID int
	// Number counts the notifications before this one.
	Number uint64
	// Same reports whether PID still belongs to the process the kernel meant;
	// nil where the kernel gave no proof.
	Same func() bool
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
