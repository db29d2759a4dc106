//go:build !linux

package capture

import "context"

type event struct{}

func newSensor(*Capture) (sensor, []Layer) {
	return noSensor{}, []Layer{{LayerFanotify, false, "not on this system"}}
}

func watchMounts(context.Context, chan<- struct{}) {}

func extraAttributes(string, func([]byte)) {}

func writing(int, Known) bool { return false }
