//go:build !linux

package watcher

import (
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/stop"
)

// senderOf is nobody: this system does not tell who sent a signal.
func senderOf(*stop.Signal) actor.Actor { return actor.Actor{} }
