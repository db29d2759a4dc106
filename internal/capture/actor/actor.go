// Package actor says which process did what a notification tells of: its
// program and command line, its user and the person behind that, its ancestors,
// its control group, and how the person came in.
//
// On Linux the programs of package bpf record every process from its beginning
// to its end, and [Tracer] orders their records with the notifications; where
// they cannot be had, or a record was lost, /proc is asked, which knows nobody
// that is gone.
//
// Of a file that was found changed without a notification Tracer.Author says who
// made it what it is, by what the kernel remembers of who touched it.
//
// It promises that an [Actor] is what is known of the very process the kernel
// named, as it was then, or nothing; it says [body.Certain] only where no other
// can be meant.
//
// It does not read notifications, does not know which files are watched, and
// tells nothing by itself but how well it sees ([State]) and since when it did
// not (Tracer.Gap).
package actor

import (
	"time"

	"github.com/stele-log/stele/body"
)

// The layers of actors.
const (
	LayerBPF  = "bpf"
	LayerProc = "proc"
)

// Source describes the process behind a notification. Its methods are
// called by one goroutine.
type Source interface {
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
	Line       []Ident   // the process of Who and those it descends from, itself first
	Confidence body.Confidence
}

// Ident is one process. Its number alone is given to others after it.
type Ident struct {
	PID   int
	Start time.Duration // since boot, in whole ticks as /proc has it
}

// Certainty of an actor that may be the zero Actor.
func (a Actor) Certainty() body.Confidence {
	if a.Who == nil {
		return body.Unknown
	}
	return a.Confidence
}

// SameAs says whether two notifications came from one process. Where the
// kernel names no process (an unprivileged watcher) it says yes: a dance of
// renames must still be told as one change.
func (a Actor) SameAs(b Actor) bool {
	if a.PID != b.PID {
		return false
	}
	return a.Who == nil || b.Who == nil || a.Who.Started == b.Who.Started
}

// File is a file as it was found, without any notification that tells who made it
// what it is.
type File struct {
	Dev, Ino         uint64 // as stat tells them
	Parent           uint64 // Ino of the directory it was found in; 0: not known
	MtimeNs, CtimeNs int64
	Since            int64  // it was made, or known to be another, before that, in ns of the calendar; 0: not known
	UID              uint32 // whose it is
	Links            uint32 // names that it has
	Maker            Actor  // who made the directory it was found in, where that was told
	Gone             bool   // it was found to be gone; the rest is as it was before
}
