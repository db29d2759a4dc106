// Package fanotify hears from the kernel what happens in the directories that are
// marked, and has package actor name the process at once.
//
// It promises that every notification the kernel queued for a marked inode is handed
// over once, in the kernel's order, with the names that its directory goes by; that
// a queue which overflowed is told; and that no writer is ever made to wait: no
// permission event is asked for.
//
// It does not decide what is watched, does not look at what files say, and finds
// nothing that came before a mark: listings and scans are its caller's.
//
// Marks are on inodes. Of a directory that a mount hides, or whose mark somebody
// took away, it hears nothing: Restore finds the latter.
package fanotify

import (
	"time"

	"github.com/stele-log/stele/internal/capture/actor"
)

// Layer names the sensor among the layers of capture.
const Layer = "fanotify"

// Kind is a set of what can happen to a name.
type Kind uint8

// What can happen.
const (
	Written    Kind = 1 << iota // closed after being open for writing
	Created                     // appeared by creat, mkdir, link, symlink, mknod
	Arrived                     // appeared by rename
	Removed                     // unlinked or renamed away
	Attributes                  // mode, owner, times, links, extended attributes
	Self                        // the directory itself was moved or removed
	Directory                   // it is about a directory
)

// Happening is a notification about one path.
type Happening struct {
	Path  string
	From  string // Arrived: the path before, where it is known
	Kind  Kind
	By    actor.Actor
	Maker actor.Actor // of what was found in a directory: who made that
	Layer string      // which means of capture it came by; of this package: [Layer]
	At    time.Time
	Since time.Time // it happened after this; zero: not known
	Moved bool      // Removed: it has another name now

	Behind bool // it happened to what Path, a link, leads over or to
}

// Role says what a directory is marked for.
type Role uint8

// Roles add up.
const (
	Content Role = 1 << iota // everything in it
	Entries                  // names coming and going
	Way                      // it lies on the way: only its own moves
)

// Notice is a notification with its actor, before it is known which path it is
// about.
type Notice struct {
	Overflow bool      // the queue was full: something was not told
	Unnamed  time.Time // not a notification: since then nobody told of processes

	event event
	by    actor.Actor
	at    time.Time
	since time.Time // the queue was empty then
}

// Patience has do done for a path, for as long as its file system may take. Its
// error says that it was not: do may still be under way then, and what it was to
// find is not to be looked at.
type Patience func(path string, do func()) error
