//go:build !linux

package helper

const cloexec = 0
