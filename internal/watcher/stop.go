package watcher

import (
	"context"
	"errors"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/stop"
)

// ending is who asked this process to end, and how.
type ending struct {
	signal *stop.Signal // nil: nobody did by a signal
	by     actor.Actor
}

// watchEnd takes down who asks for the end as soon as somebody does: by the time
// all is recorded he may be gone.
func watchEnd(ctx context.Context) <-chan ending {
	told := make(chan ending, 1)
	context.AfterFunc(ctx, func() {
		var e ending
		if errors.As(context.Cause(ctx), &e.signal) {
			e.by = senderOf(e.signal)
		}
		told <- e
	})
	return told
}

// signEnd says on the record that this watcher stops, before it does. From here on
// nobody sees what is changed.
func (w *Watcher) signEnd(e ending) error {
	if e.signal == nil {
		return nil
	}
	who := e.by.Who
	if who == nil {
		who = &body.Who{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gapBy("the watcher was "+e.signal.Error(), w.cfg.Now(), w.without(*w.clean(who)), e.by.Certainty())
}

// causeUnended is that of a gap after a run that did not end by itself.
const causeUnended = "the watcher was killed, or the machine went down: nothing said that it stops"
