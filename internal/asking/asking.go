// Package asking answers what people ask at the terminal: which changes there were, in
// words, and how texts differ. It reads times, paths and filters as people write them,
// asks [history.Reader], which proves every piece of an answer, and prints.
//
// Data goes to Out, talk to Talk. Flags, exit statuses and hints are for package cli.
package asking

import (
	"fmt"
	"os"
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

// here is the directory at hand; the root where nobody knows.
func here() string {
	dir, err := os.Getwd()
	if err != nil {
		return "/"
	}
	return dir
}

// Named is the path or reference that an argument names, and its host. What begins with
// a dot lies at the directory at hand; another relative name may be one that was
// imported, or refer to an entry.
func Named(arg, host string) (name, of string) {
	s := ParseSubject(arg, here())
	switch {
	case s.Host != "" && host == "":
		return s.Path, s.Host
	case strings.HasPrefix(arg, "/") && !strings.Contains(arg, "="), strings.HasPrefix(arg, "."):
		return s.Path, host // an id has = at its end, or a number behind that
	}
	return arg, host
}

// Two are two hosts (web-1: web-2:), or two files.
func Two(one, other string) (a, b Subject, err error) {
	read := func(s string) Subject {
		if host, ok := strings.CutSuffix(s, ":"); ok {
			return Subject{Host: host}
		}
		return ParseSubject(s, here())
	}
	a, b = read(one), read(other)
	if (a.Path == "") != (b.Path == "") {
		err = fmt.Errorf("%s and %s: a host and a file cannot be compared", one, other)
	}
	return a, b, err
}

// About takes what an argument names: a host, a path, both. A path has a slash, or is the
// directory at hand.
func (w *Which) About(arg string) {
	if host, ok := strings.CutSuffix(arg, ":"); ok || !strings.Contains(arg, "/") && arg != "." && arg != ".." {
		w.Host = host
		return
	}
	s := ParseSubject(arg, here())
	if w.Path = s.Path; s.Host != "" {
		w.Host = s.Host
	}
}
