package stop

import (
	"context"
	"errors"
	"syscall"
	"testing"
)

type sender struct{ pid int }

func (s sender) Sender() (int, uint32, bool) { return s.pid, 7, true }

// A signal ends the context, and is its cause with who sent it; the end of the
// parent is no signal.
func TestContext(t *testing.T) {
	ctx, release := Context(t.Context(), sender{4711})
	defer release()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	var s *Signal
	if err := context.Cause(ctx); !errors.As(err, &s) || !errors.Is(err, context.Canceled) || *s != (Signal{"SIGTERM", 4711, 7, false}) {
		t.Errorf("cause %v, %+v", err, s)
	}
	for _, c := range []struct {
		from Senders
		want string
	}{{sender{0}, "stopped by SIGINT from its terminal"}, {sender{4711}, "stopped by SIGINT"}, {nil, "stopped by SIGINT"}} {
		if got := by(syscall.SIGINT, c.from).Error(); got != c.want {
			t.Errorf("from %v: %s", c.from, got)
		}
	}
	parent, cancel := context.WithCancel(t.Context())
	ctx, release = Context(parent, nil)
	defer release()
	cancel()
	<-ctx.Done()
	if err := context.Cause(ctx); errors.As(err, &s) {
		t.Errorf("nobody sent a signal: cause %v", err)
	}
}
