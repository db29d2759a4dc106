package watcher

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// tells are arguments with which any program tells of itself and does nothing else.
var tells = []string{"-V", "--version", "-h", "--help"}

// tablesList are the options by which the programs of iptables list.
var tablesList = regexp.MustCompile(`^(-[nvx]*[LS][nvx]*|--list|--list-rules)$`)

// shows reports whether a command line asks a program for what is, and changes
// nothing. Where that is not certain it does not: who ran it is then named as likely,
// while whoever hid behind an option that does both would be named by nobody.
func shows(exe string, command []string) bool {
	if len(command) == 0 {
		return false // nobody knows
	}
	args := command[1:]
	if len(args) == 1 && slices.Contains(tells, args[0]) {
		return true
	}
	switch path.Base(strings.TrimSuffix(exe, " (deleted)")) {
	case "mount":
		return only(args, "-l", "--show-labels")
	case "auditctl":
		return len(args) > 0 && only(args, "-l", "-s", "-i", "-v")
	case "nft":
		return nftLists(args)
	case "xtables-nft-multi":
		return strings.HasSuffix(command[0], "-save") || len(args) > 0 && tablesList.MatchString(args[0])
	}
	return false
}

func only(args []string, of ...string) bool {
	return !slices.ContainsFunc(args, func(a string) bool { return !slices.Contains(of, a) })
}

// nftLists: what is behind a semicolon or on another line is a command of its own.
func nftLists(args []string) bool {
	for len(args) > 0 && slices.Contains([]string{"-s", "-a", "-n", "-nn", "-j", "-y", "-t", "--stateless", "--handle", "--numeric", "--json", "--terse"}, args[0]) {
		args = args[1:]
	}
	return len(args) > 0 && (args[0] == "list" || strings.HasPrefix(args[0], "list ")) &&
		!slices.ContainsFunc(args, func(a string) bool { return strings.ContainsAny(a, ";\n") })
}
