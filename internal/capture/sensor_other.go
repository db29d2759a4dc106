//go:build !linux

package capture

import (
	"context"
	"os"

	"github.com/stele-log/stele/internal/capture/reach"
)

func newSensor(*Capture) (sensor, []Layer) {
	return noSensor{}, []Layer{{LayerFanotify, false, "not on this system"}}
}

func watchMounts(*shares) func(context.Context) { return func(context.Context) {} }

func ownerOf(string) (uint32, bool) { return 0, true }

func eachAttribute(*reach.File, func(string, []byte, bool)) {}

func flagsMoved(*reach.File, string, Known) bool { return false }

func flagsOf(*reach.File) uint32 { return 0 }

func allFlags(_ *os.File, shown uint32) uint32 { return shown }

func writing(int, Known) bool { return false }

func birth(*reach.File) int64 { return 0 }
