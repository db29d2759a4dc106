// Package packages says what a package manager was doing when it changed a file, from
// what the manager itself writes down.
//
// That is the manager's word, read a moment later: where it does not name one package
// that owns the file, nothing is said.
package packages

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stele-log/stele/body"
)

// Dpkg reads the state of dpkg below a root, "/" as a rule.
type Dpkg struct{ Root string }

// Limits of what is read: the end of the log, and the list of a package's files.
const (
	maxTail = 256 << 10
	maxList = 8 << 20
)

// action is one line of dpkg's log: what it set out to do with one package.
type action struct {
	at             time.Time // to the second
	verb, name     string    // the name with its architecture
	before, behind string    // versions; empty: none
}

// actions are the verbs of dpkg's log that change files of a package.
var actions = []string{"install", "upgrade", "configure", "remove", "purge"}

// none is how dpkg's log writes that there is no version.
const none = "<none>"

// At is what dpkg was doing with the package of a file at that time, given since when
// its process ran. nil: that cannot be told.
func (d Dpkg) At(path string, since, at time.Time) *body.Package {
	var found *body.Package
	list := d.log()
	for i, a := range list {
		if a.at.Before(since.Truncate(time.Second)) || a.at.After(at) || !d.owns(a.name, path) {
			continue
		}
		if name, _, _ := strings.Cut(a.name, ":"); found != nil && found.Name != name {
			return nil // several packages have that file
		}
		found = change(list[:i+1])
	}
	return found
}

// change is the last of some actions; configuring a package completes what was begun
// with that version of it.
func change(list []action) *body.Package {
	a := list[len(list)-1]
	if a.verb == "configure" {
		for _, b := range slices.Backward(list[:len(list)-1]) {
			if b.name == a.name && b.behind == a.before && (b.verb == "install" || b.verb == "upgrade") {
				a.verb, a.before, a.behind = b.verb, b.before, b.behind
				break
			}
		}
	}
	name, _, _ := strings.Cut(a.name, ":")
	p := &body.Package{Manager: "dpkg", Name: name, Action: a.verb, From: a.before, To: a.behind}
	if a.verb == "configure" {
		p.From, p.To = "", a.before
	}
	return p
}

// log reads the actions at the end of dpkg's log, oldest first.
func (d Dpkg) log() []action {
	f, err := os.Open(filepath.Join(d.Root, "var/log/dpkg.log"))
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(io.NewSectionReader(f, max(0, info.Size()-maxTail), maxTail), maxTail))
	if err != nil {
		return nil
	}
	var list []action
	for line := range bytes.Lines(b) {
		if a, ok := parse(string(line)); ok {
			list = append(list, a)
		}
	}
	return list
}

// parse reads a line of dpkg's log: date, time, verb, package, version there and
// version to be.
func parse(line string) (a action, ok bool) {
	f := strings.Fields(line)
	if len(f) != 6 || !slices.Contains(actions, f[2]) {
		return a, false
	}
	at, err := time.ParseInLocation(time.DateTime, f[0]+" "+f[1], time.Local)
	if err != nil {
		return a, false
	}
	return action{at, f[2], f[3], strings.TrimPrefix(f[4], none), strings.TrimPrefix(f[5], none)}, true
}

// owns says whether a file is one of a package, by the list of its files or of its
// configuration, now or before.
func (d Dpkg) owns(name, path string) bool {
	bare, _, _ := strings.Cut(name, ":")
	if strings.ContainsRune(name, '/') {
		return false
	}
	for _, n := range []string{name, bare} {
		for _, list := range []string{".list", ".conffiles"} {
			if d.lists(n+list, path) {
				return true
			}
		}
	}
	return false
}

func (d Dpkg) lists(file, path string) bool {
	f, err := os.Open(filepath.Join(d.Root, "var/lib/dpkg/info", file))
	if err != nil {
		return false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxList))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if strings.TrimSpace(line) == path {
			return true
		}
	}
	return false
}
