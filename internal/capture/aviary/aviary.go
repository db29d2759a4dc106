// Package aviary is the helper process that changes canaries: files that a watcher has
// changed for itself, to see that capture works.
package aviary

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/helper"
)

const (
	// Task is the name of the task of [Serve].
	Task = "canary"
	// Name is the file in a cage whose changes must come through.
	Name = "canary"
	// ID is the user and group of the helper that changes canaries: nobody
	// else's, and not nobody's, so that no other process can do it in its place.
	ID = 60853
	// Mode is the mode that a canary has in the end.
	Mode = 0o400
)

// Serve is the task of a helper: in a directory whose descriptor comes with
// the order it makes a cage (mkdirNAME) or removes one (rmdirNAME), or changes the
// canary in it (sing:N). It answers with the number of an error, or "ok".
func Serve(c *helper.Conn) {
	for {
		order, fds, err := c.Receive()
		if err != nil || len(fds) != 1 || len(order) < 5 {
			return
		}
		answer := "ok"
		if err := obey(fds[0], string(order[:5]), string(order[5:])); err != nil {
			answer = "0"
			if e := unix.Errno(0); errors.As(err, &e) {
				answer = strconv.Itoa(int(e))
			}
		}
		unix.Close(fds[0])
		if c.Send([]byte(answer)) != nil {
			return
		}
	}
}

func obey(dir int, act, rest string) error {
	switch act {
	case "mkdir":
		return unix.Mkdirat(dir, rest, 0o700)
	case "sing:":
		return sing(dir, rest)
	case "rmdir":
		return remove(dir, rest)
	}
	return unix.EINVAL
}

// remove removes a cage.
func remove(above int, name string) error {
	dir, err := unix.Openat(above, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	_ = unix.Unlinkat(dir, Name+".new", 0) // what is not there is no matter
	_ = unix.Unlinkat(dir, Name, 0)
	return unix.Unlinkat(above, name, unix.AT_REMOVEDIR)
}

// sing changes a file as careful programs do: a new one, renamed over the
// old, and then its mode.
func sing(dir int, text string) error {
	fd, err := unix.Openat(dir, Name+".new", unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte(text))
	if e := unix.Close(fd); err == nil {
		err = e
	}
	if err == nil {
		err = unix.Renameat(dir, Name+".new", dir, Name)
	}
	if err == nil {
		err = unix.Fchmodat(dir, Name, Mode, 0)
	}
	return err
}
