package capture

import (
	"context"
	"time"

	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
)

// sensor tells of what happens in marked directories. Its methods may be called
// from any goroutine.
type sensor interface {
	Live() bool
	// MarkDir asks for notifications about dir under the name path. It can be
	// repeated; roles add up.
	MarkDir(path string, r fanotify.Role) error
	// MarkFile asks for notifications about a file by whatever name it is
	// reached.
	MarkFile(path string) error
	// Forget drops the names at and below path.
	Forget(path string)
	// Marks is how many files and directories notifications are asked for.
	Marks() int
	// Anew is how often one was set where there was none.
	Anew() uint64
	// FileSystems names, for each file system of which something is watched, a
	// directory on it that is not to be passed over, by the file system's id.
	FileSystems(pass func(dir string) bool) map[string]string
	// FileSystem is the id of the file system that path is on.
	FileSystem(path string) string
	// Restore lists the names whose marks the kernel no longer has, and sets those
	// again.
	Restore(context.Context, fanotify.Patience) (lost []string, whole bool, err error)
	// NamesProcesses: the kernel says who did it.
	NamesProcesses() bool
	// Run hands over notifications until ctx ends, and waits while those who take
	// them have too many.
	Run(ctx context.Context, out func(fanotify.Notice), full func() bool) error
	// Resolve tells which paths a notification is about, with the names that
	// hold at the time of the call.
	Resolve(n fanotify.Notice) []fanotify.Happening
	// Queued is the number of the first notification that the kernel has not queued
	// yet, and Passed that of the first that was not handed over yet.
	Queued() uint64
	Passed() uint64
	// Author says who made a file what it is, where no notification tells.
	Author(f actor.File) actor.Actor
	// Lately is the process that has, or had a moment ago, a number.
	Lately(pid int) actor.Actor
	// Ran is who ran a program of a kind since a time.
	Ran(kind func(by actor.Actor, exe string) bool, since time.Time) actor.Actor
	Close()
}

// noSensor is the sensor of a system that tells nothing.
type noSensor struct{}

func (noSensor) Live() bool                                                    { return false }
func (noSensor) MarkDir(string, fanotify.Role) error                           { return nil }
func (noSensor) MarkFile(string) error                                         { return nil }
func (noSensor) Forget(string)                                                 {}
func (noSensor) Marks() int                                                    { return 0 }
func (noSensor) Anew() uint64                                                  { return 0 }
func (noSensor) Run(context.Context, func(fanotify.Notice), func() bool) error { return nil }
func (noSensor) FileSystems(func(string) bool) map[string]string               { return nil }
func (noSensor) FileSystem(string) string                                      { return "" }
func (noSensor) Restore(context.Context, fanotify.Patience) ([]string, bool, error) {
	return nil, true, nil
}
func (noSensor) NamesProcesses() bool                         { return false }
func (noSensor) Resolve(fanotify.Notice) []fanotify.Happening { return nil }
func (noSensor) Queued() uint64                               { return 0 }
func (noSensor) Passed() uint64                               { return 0 }
func (noSensor) Author(actor.File) actor.Actor                { return actor.Actor{} }
func (noSensor) Lately(int) actor.Actor                       { return actor.Actor{} }
func (noSensor) Close()                                       {}
func (noSensor) Ran(func(actor.Actor, string) bool, time.Time) actor.Actor {
	return actor.Actor{}
}
