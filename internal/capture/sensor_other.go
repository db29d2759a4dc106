//go:build !linux

package capture

import "context"

func newSensor(*Capture) (sensor, []Layer) {
	return noSensor{}, []Layer{{LayerFanotify, false, "not on this system"}}
}

func watchMounts(*shares) func(context.Context) { return func(context.Context) {} }
