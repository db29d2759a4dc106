// Package stop ends a process that is asked to by a signal, and says who asked,
// where the kernel tells it.
package stop

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signal is why a context of [Context] ended. It is a context.Canceled too.
type Signal struct {
	Name   string // SIGTERM or SIGINT
	PID    int    // who sent it; 0: the kernel, or not known
	UID    uint32 // of the sender
	Kernel bool   // sent it, as for the keys of a terminal
}

func (s *Signal) Error() string {
	if s.Kernel {
		return fmt.Sprintf("stopped by %s from its terminal", s.Name)
	}
	return fmt.Sprintf("stopped by %s", s.Name)
}

// Is makes it what ends every context.
func (s *Signal) Is(err error) bool { return err == context.Canceled }

// Senders know who sent the latest signal.
type Senders interface {
	Sender() (pid int, uid uint32, told bool)
}

// Context is done once a signal asks the process to end, with a [*Signal] as its
// cause. nil: no sender is known.
func Context(parent context.Context, from Senders) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := range c {
			cancel(by(s, from))
		}
	}()
	return ctx, func() {
		signal.Stop(c)
		close(c)
		<-ended
		cancel(nil)
	}
}

func by(s os.Signal, from Senders) *Signal {
	is := &Signal{Name: s.String()}
	if n, ok := s.(syscall.Signal); ok {
		is.Name = unix.SignalName(n)
	}
	if from != nil {
		var told bool
		is.PID, is.UID, told = from.Sender()
		is.Kernel = told && is.PID == 0
	}
	return is
}
