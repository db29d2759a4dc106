//go:build !amd64 && !arm64

package bpf

import "errors"

// Programs cannot be had on this processor: they were never tried there.
type Programs struct{}

// Open says so.
func Open(int) (*Programs, error) { return nil, errors.New("not on this processor") }

// Close does nothing.
func (*Programs) Close() error { return nil }

// Drain does nothing.
func (*Programs) Drain(func(*Record)) error { return nil }

// Lost is nothing.
func (*Programs) Lost() uint64 { return 0 }

// Ordered is false.
func (*Programs) Ordered() bool { return false }

// Check finds nothing.
func (*Programs) Check() error { return nil }

// Touches cannot be had either.
type Touches struct{}

// OpenTouches says so.
func OpenTouches() (*Touches, error) { return nil, errors.New("not on this processor") }

// Close does nothing.
func (*Touches) Close() error { return nil }

// Check finds nothing.
func (*Touches) Check() error { return nil }

// Of lists nothing.
func (*Touches) Of(uint64, uint64) ([]Touch, bool) { return nil, false }

// Signals cannot be had either.
type Signals struct{}

// OpenSignals says so.
func OpenSignals() (*Signals, error) { return nil, errors.New("not on this processor") }

// Sender is nobody.
func (*Signals) Sender() (pid int, uid uint32, told bool) { return 0, 0, false }

// Close does nothing.
func (*Signals) Close() error { return nil }
