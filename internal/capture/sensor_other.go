//go:build !linux

package capture

import "context"

type event struct{}

func newSensor(*Capture) (sensor, []Layer) {
	return noSensor{}, []Layer{{LayerFanotify, false, "not on this system"}}
}

func openMounts() int { return -1 }

func watchMounts(context.Context, int, chan<- struct{}) {}

func extraAttributes(string, func([]byte)) {}

func writing(int, Known) bool { return false }
