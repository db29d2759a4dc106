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
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/durable"
)

// Dpkg reads the state of dpkg below a root, "/" as a rule. A file is read again when
// it has changed. It is safe for concurrent use.
type Dpkg struct {
	root string

	mu      sync.Mutex
	logged  version
	actions []action
	lists   map[string]list // by file name
}

// NewDpkg returns a Dpkg that has read nothing yet.
func NewDpkg(root string) *Dpkg { return &Dpkg{root: root, lists: make(map[string]list)} }

// list are the files of a package, as one of its files in dpkg's directory names them.
type list struct {
	version
	paths map[string]bool
}

// version tells one state of a file from the next; the zero version is of none.
type version struct {
	size int64
	time time.Time
}

// Limits of what is read, and of what is remembered.
const (
	maxTail  = 256 << 10 // of the end of the log, in bytes
	maxList  = 8 << 20   // of the list of a package's files, in bytes
	maxLists = 64
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
func (d *Dpkg) At(path string, since, at time.Time) *body.Package {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read()
	var found *body.Package
	for i, a := range d.actions {
		if a.at.Before(since.Truncate(time.Second)) || a.at.After(at) || !d.owns(a.name, path) {
			continue
		}
		if name, _, _ := strings.Cut(a.name, ":"); found != nil && found.Name != name {
			return nil // several packages have that file
		}
		found = change(d.actions[:i+1])
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

// read reads the actions at the end of dpkg's log, oldest first, if it has grown.
func (d *Dpkg) read() {
	b, is, fresh := contents(filepath.Join(d.root, "var/log/dpkg.log"), d.logged, maxTail)
	if !fresh {
		return
	}
	d.logged, d.actions = is, nil
	for line := range bytes.Lines(b) {
		if a, ok := parse(string(line)); ok {
			d.actions = append(d.actions, a)
		}
	}
}

// contents returns the end of a file, and which version of it that is, unless it is
// the version given. Of what cannot be read nothing is returned.
func contents(path string, known version, most int64) (b []byte, is version, fresh bool) {
	f, err := durable.OpenRegular(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, version{}, known != version{}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, version{}, true
	}
	if is = (version{info.Size(), info.ModTime()}); is == known {
		return nil, is, false
	}
	b, err = io.ReadAll(io.NewSectionReader(f, max(0, is.size-most), most))
	if err != nil {
		return nil, version{}, true
	}
	return b, is, true
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
// configuration.
func (d *Dpkg) owns(name, path string) bool {
	if strings.ContainsRune(name, '/') {
		return false
	}
	bare, _, _ := strings.Cut(name, ":")
	for _, n := range []string{name, bare} {
		for _, kind := range []string{".list", ".conffiles"} {
			if d.list(n + kind)[path] {
				return true
			}
		}
	}
	return false
}

func (d *Dpkg) list(file string) map[string]bool {
	known := d.lists[file]
	b, is, fresh := contents(filepath.Join(d.root, "var/lib/dpkg/info", file), known.version, maxList)
	if !fresh {
		return known.paths
	}
	paths := make(map[string]bool)
	for line := range strings.Lines(string(b)) {
		paths[strings.TrimSpace(line)] = true
	}
	if len(d.lists) >= maxLists {
		clear(d.lists)
	}
	d.lists[file] = list{is, paths}
	return paths
}
