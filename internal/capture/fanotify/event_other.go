//go:build !linux

package fanotify

type event struct{}
