package capture

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/helper"
)

const (
	canaryTask = "canary"
	// canaryID is the user and group of the helper that changes canaries: nobody
	// else's, and not nobody's, so that no other process can do it in its place.
	canaryID = 60853
	// canaryMode is the mode that a canary has in the end.
	canaryMode = 0o400
)

// serveCanary is the task of a helper: in a directory whose descriptor comes with
// the order it makes a cage (mkdirNAME) or removes one (rmdirNAME), or changes the
// canary in it (sing:N). It answers with the number of an error, or "ok".
func serveCanary(c *helper.Conn) {
	for {
		order, fds, err := c.Receive()
		if err != nil || len(fds) != 1 || len(order) < 5 {
			return
		}
		answer := "ok"
		if err := canaryAct(fds[0], string(order[:5]), string(order[5:])); err != nil {
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

func canaryAct(dir int, act, rest string) error {
	switch act {
	case "mkdir":
		return unix.Mkdirat(dir, rest, 0o700)
	case "sing:":
		return canarySing(dir, rest)
	case "rmdir":
		return canaryGone(dir, rest)
	}
	return unix.EINVAL
}

// canaryGone removes a cage.
func canaryGone(above int, name string) error {
	dir, err := unix.Openat(above, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	_ = unix.Unlinkat(dir, canaryName+".new", 0) // what is not there is no matter
	_ = unix.Unlinkat(dir, canaryName, 0)
	return unix.Unlinkat(above, name, unix.AT_REMOVEDIR)
}

// canarySing changes a file as careful programs do: a new one, renamed over the
// old, and then its mode.
func canarySing(dir int, text string) error {
	fd, err := unix.Openat(dir, canaryName+".new", unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte(text))
	if e := unix.Close(fd); err == nil {
		err = e
	}
	if err == nil {
		err = unix.Renameat(dir, canaryName+".new", dir, canaryName)
	}
	if err == nil {
		err = unix.Fchmodat(dir, canaryName, canaryMode, 0)
	}
	return err
}
