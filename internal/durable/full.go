package durable

import (
	"errors"
	"strings"
	"syscall"
)

// DiskFull reports whether an error comes of a full disk. It goes by words too:
// libraries render the error of the operating system and do not wrap it.
func DiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		err != nil && (strings.Contains(err.Error(), syscall.ENOSPC.Error()) || strings.Contains(err.Error(), "disk is full"))
}
