// Package hint keeps apart what went wrong and what to do about it: an error may
// carry a word on what to do next, which a command prints on a line of its own.
package hint

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/wire"
)

// Error is an error with a word on what to do next.
type Error struct {
	Err  error
	Hint string
}

func (e Error) Error() string { return e.Err.Error() }

// Unwrap returns the error alone.
func (e Error) Unwrap() error { return e.Err }

// With adds a hint to an error.
func With(err error, format string, args ...any) error {
	return Error{err, fmt.Sprintf(format, args...)}
}

// Of is the hint that an error carries; empty if none.
func Of(err error) string {
	var e Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// Store adds what to do about a directory of ours that cannot be opened.
func Store(err error) error {
	switch {
	case errors.Is(err, keyfile.ErrOtherMachine):
		return With(err, "if the store was moved to this machine for good: stele serve --moved")
	case errors.Is(err, durable.ErrLocked):
		return With(err, "another process writes to this store; stop it first, or name another store with --data")
	case errors.Is(err, fs.ErrPermission):
		return With(err, "name a store of your own with --data DIR, or run as the user who owns this one")
	}
	return err
}

// Answer adds the hint that a server gave with its answer, or what to do where it
// gave none. An error with a hint keeps its own.
func Answer(err error) error {
	var s *wire.StatusError
	switch {
	case Of(err) != "":
	case errors.Is(err, mtls.ErrPin):
		return With(err, "another server may answer in its place; if its operator replaced its key, ask for a new token")
	case errors.As(err, &s) && s.Hint != "":
		return With(err, "%s", s.Hint)
	case errors.Is(err, wire.ErrUnreachable):
		return With(err, "check that the server runs and its port is reachable from here")
	}
	return err
}
