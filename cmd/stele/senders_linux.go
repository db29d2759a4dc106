package main

import (
	"github.com/stele-log/stele/internal/capture/bpf"
	"github.com/stele-log/stele/internal/stop"
)

// senders know who sends this process signals; nil where the kernel does not tell,
// as without privilege.
func senders() stop.Senders {
	s, err := bpf.OpenSignals()
	if err != nil {
		return nil
	}
	return s
}
