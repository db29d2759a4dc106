package capture

import (
	"github.com/stele-log/stele/internal/capture/aviary"
	"github.com/stele-log/stele/internal/capture/helper"
	"github.com/stele-log/stele/internal/capture/reach"
)

// Helpers are the tasks that a capture needs other processes of this program for.
// main of whoever runs one begins with helper.Main(capture.Helpers()).
func Helpers() map[string]helper.Task {
	return map[string]helper.Task{reach.Task: reach.Serve, aviary.Task: aviary.Serve}
}
