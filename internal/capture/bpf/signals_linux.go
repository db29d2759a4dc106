//go:build amd64 || arm64

package bpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Signals remember who asked this process to end, until Close. Their methods may be
// called from any goroutine.
type Signals struct {
	objects signalsObjects
	link    link.Link
}

// OpenSignals loads and attaches the program. In a pid namespace other than the
// host's it tells of nobody.
func OpenSignals() (*Signals, error) {
	s := &Signals{}
	if err := loadSignalsObjects(&s.objects, nil); err != nil {
		return nil, fmt.Errorf("load the program for signals: %w", err)
	}
	err := s.objects.Senders.Update(uint32(0), signalsSender{Target: uint32(os.Getpid())}, ebpf.UpdateAny)
	if err == nil {
		s.link, err = link.AttachTracing(link.TracingOptions{Program: s.objects.OnSignal})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("attach the program for signals: %w", err), s.objects.Close())
	}
	return s, nil
}

// Sender is who sent the latest signal to end; 0: the kernel itself did, as for the
// keys of a terminal.
func (s *Signals) Sender() (pid int, uid uint32, told bool) {
	var is signalsSender
	if s.objects.Senders.Lookup(uint32(0), &is) != nil || is.Sig == 0 {
		return 0, 0, false
	}
	return int(is.Pid), is.Uid, true
}

// Close detaches and unloads.
func (s *Signals) Close() error { return errors.Join(s.link.Close(), s.objects.Close()) }
