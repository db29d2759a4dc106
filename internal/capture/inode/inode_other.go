//go:build !linux

package inode

import (
	"os"

	"github.com/stele-log/stele/internal/capture/reach"
)

// FlagsOf are none: not on this system.
func FlagsOf(*reach.File) uint32 { return 0 }

// AllFlags are those that are known.
func AllFlags(_ *os.File, shown uint32) uint32 { return shown }

// FlagsMoved reports false: not on this system.
func FlagsMoved(*reach.File, string, Known) bool { return false }

// Writing reports false: not known.
func Writing(int, Known) bool { return false }

// Birth is not known.
func Birth(*reach.File) int64 { return 0 }

func eachAttribute(*reach.File, func(string, []byte, bool)) {}
