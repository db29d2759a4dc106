package capture

import (
	"context"
	"time"

	"github.com/stele-log/stele/internal/capture/actor"
)

// kind is a set of what can happen to a name.
type kind uint8

const (
	written    kind = 1 << iota // closed after being open for writing
	created                     // appeared by creat, mkdir, link, symlink, mknod
	arrived                     // appeared by rename
	removed                     // unlinked or renamed away
	attributes                  // mode, owner, times, links, extended attributes
	self                        // the directory itself was moved or removed
	directory                   // it is about a directory
)

// happening is a notification about one path.
type happening struct {
	path  string
	from  string // arrived: the path before, where it is known
	kind  kind
	by    actor.Actor
	layer string
	at    time.Time
	since time.Time // it happened after this; zero: not known
	moved bool      // removed: it has another name now
}

// role says what a directory is marked for.
type role uint8

const (
	roleContent role = 1 << iota // everything in it
	roleEntries                  // names coming and going
	roleWay                      // it lies on the way: only its own moves
)

// sensor tells of what happens in marked directories. Its methods may be called
// from any goroutine.
type sensor interface {
	live() bool
	// markDir asks for notifications about dir under the name path. It can be
	// repeated; roles add up.
	markDir(path string, r role) error
	// markFile asks for notifications about a file by whatever name it is
	// reached.
	markFile(path string) error
	// forget drops the names at and below path.
	forget(path string)
	// marks is how many files and directories notifications are asked for.
	marks() int
	// fileSystems names, for each file system of which something is watched, a
	// directory on it, by the file system's id.
	fileSystems() map[string]string
	// fileSystem is the id of the file system that path is on.
	fileSystem(path string) string
	// restore lists the names whose marks the kernel no longer has, and sets those
	// again.
	restore(context.Context, func(path string) *hands) (lost []string, whole bool, err error)
	// namesProcesses: the kernel says who did it.
	namesProcesses() bool
	// run hands over notifications until ctx ends, and waits while those who take
	// them have too many.
	run(ctx context.Context, out func(raw), full func() bool) error
	// resolve tells which paths a notification is about, with the names that
	// hold at the time of the call.
	resolve(r raw) []happening
	close()
}

// raw is a notification with its actor, before it is known which path it is
// about.
type raw struct {
	event    event
	by       actor.Actor
	at       time.Time
	since    time.Time // the queue was empty then
	overflow bool
	gap      *Gap // not a notification: something was not seen meanwhile
}

// noSensor is the sensor of a system that tells nothing.
type noSensor struct{}

func (noSensor) live() bool                                        { return false }
func (noSensor) markDir(string, role) error                        { return nil }
func (noSensor) markFile(string) error                             { return nil }
func (noSensor) forget(string)                                     {}
func (noSensor) marks() int                                        { return 0 }
func (noSensor) run(context.Context, func(raw), func() bool) error { return nil }
func (noSensor) fileSystems() map[string]string                    { return nil }
func (noSensor) fileSystem(string) string                          { return "" }
func (noSensor) restore(context.Context, func(string) *hands) ([]string, bool, error) {
	return nil, true, nil
}
func (noSensor) namesProcesses() bool    { return false }
func (noSensor) resolve(raw) []happening { return nil }
func (noSensor) close()                  {}
