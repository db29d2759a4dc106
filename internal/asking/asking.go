// Package asking answers what people ask at the terminal: which changes there were, in
// words, and how texts differ. It reads times, paths and filters as people write them,
// asks [history.Reader], which proves every piece of an answer, and prints.
//
// Data goes to Out, talk to Talk. Flags, exit statuses and hints are for package cli.
package asking

import (
	"path"
	"path/filepath"
	"strings"
)

// Subject is a path as it was written on a command line, with the host before it if
// one was named: web-1:/etc/ssh/sshd_config.
type Subject struct {
	Host string
	// Path is absolute and clean. A name without a leading slash lies below the
	// directory at hand, and Name is as it was given: what was imported has no root.
	Path string
	Name string
}

// ParseSubject reads a path, below the directory dir if it is relative.
func ParseSubject(s, dir string) Subject {
	if host, rest, ok := strings.Cut(s, ":/"); ok && host != "" && !strings.ContainsAny(host, "/ ") {
		return Subject{Host: host, Path: path.Clean("/" + rest), Name: path.Clean("/" + rest)}
	}
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "*") {
		return Subject{Path: path.Clean(s), Name: path.Clean(s)}
	}
	return Subject{Path: filepath.Join(dir, s), Name: path.Clean(s)}
}
