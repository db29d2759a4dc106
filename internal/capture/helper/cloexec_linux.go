package helper

import "golang.org/x/sys/unix"

const cloexec = unix.MSG_CMSG_CLOEXEC
