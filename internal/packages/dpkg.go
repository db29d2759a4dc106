// Package packages says what a package manager was doing when it changed a file, from
// what the manager itself writes down.
//
// That is the manager's word, read a moment later: where it does not name one package
// that owns the file, nothing is said.
package packages

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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
	actions []action        // of the end of the log, oldest first
	rest    []byte          // of a line that was not whole yet
	lists   map[string]list // by file name
	held    int             // paths in all of them
}

// NewDpkg returns a Dpkg that has read nothing yet.
func NewDpkg(root string) *Dpkg { return &Dpkg{root: root, lists: make(map[string]list)} }

// list are the files of a package, as one of its files in dpkg's directory names them.
type list struct {
	version
	paths map[string]bool
	seen  time.Time // when it was last looked at
}

// version tells one state of a file from the next; the zero version is of none.
type version struct {
	file uint64 // inode
	size int64
	time time.Time
}

// Limits of what is read, and of what is remembered.
const (
	maxTail    = 256 << 10       // of the end of the log, in bytes
	maxActions = 1 << 12         // of the end of the log
	maxList    = 8 << 20         // of the list of a package's files, in bytes
	maxHeld    = 1 << 19         // paths in all lists
	mostNames  = 64              // packages that are asked for a file, the latest first
	freshFor   = time.Second     // what a list holds it is taken to hold still
	doneWithin = 5 * time.Minute // a script of a package has done its work
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
// its process ran; zero: it was a script that dpkg ran, or what that has started. nil:
// it cannot be told.
func (d *Dpkg) At(path string, since, at time.Time) *body.Package {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read()
	if since.IsZero() {
		since = at.Add(-doneWithin)
	}
	since = since.Truncate(time.Second)
	var found *body.Package
	asked := make(map[string]bool)
	for i, a := range slices.Backward(d.actions) {
		if a.at.Before(since) || len(asked) == mostNames {
			break
		}
		if a.at.After(at) || asked[a.name] {
			continue
		}
		asked[a.name] = true
		if !d.owns(a.name, path) {
			continue
		}
		p := change(d.actions[:i+1])
		if found != nil && found.Name != p.Name {
			return nil // several packages have that file
		}
		found = p
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

// read reads what the log has grown by; of another log, its end.
func (d *Dpkg) read() {
	f, is := open(filepath.Join(d.root, "var/log/dpkg.log"))
	if f == nil {
		d.logged, d.actions, d.rest = version{}, nil, nil
		return
	}
	defer f.Close()
	from := d.logged.size
	if is == d.logged {
		return
	}
	if is.file != d.logged.file || is.size < from || is.size-from > maxTail {
		d.actions, d.rest, from = nil, nil, max(0, is.size-maxTail)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, from, is.size-from))
	if err != nil {
		return // it is read again
	}
	d.logged = is
	d.rest = append(d.rest, b...)
	for {
		line, rest, whole := bytes.Cut(d.rest, []byte("\n"))
		if !whole {
			break
		}
		d.rest = rest
		if a, ok := parse(string(line)); ok {
			d.actions = append(d.actions, a)
		}
	}
	d.rest = bytes.Clone(d.rest[max(0, len(d.rest)-maxTail):])
	if n := len(d.actions) - maxActions; n > 0 {
		d.actions = slices.Clone(d.actions[n:])
	}
}

// open opens a file and says which version of it that is. nil: there is none to read.
func open(path string) (*os.File, version) {
	f, err := durable.OpenRegular(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, version{}
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, version{}
	}
	is := version{size: info.Size(), time: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		is.file = st.Ino
	}
	return f, is
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
			if d.lists[n+kind].holds(path) || d.list(n + kind)[path] {
				return true
			}
		}
	}
	return false
}

// list is the paths in a list, read again when it has changed. One that is not there
// is remembered too.
func (d *Dpkg) list(file string) map[string]bool {
	known, is := d.lists[file]
	now := list{seen: time.Now()}
	if f, v := open(filepath.Join(d.root, "var/lib/dpkg/info", file)); f != nil {
		defer f.Close()
		if now.version = v; is && v == known.version {
			now.paths = known.paths
		} else {
			now.paths = paths(f)
		}
	}
	if d.held += len(now.paths) - len(known.paths); d.held > maxHeld || len(d.lists) > maxHeld/8 {
		clear(d.lists)
		d.held = len(now.paths)
	}
	d.lists[file] = now
	return now.paths
}

// holds reports whether a list that was looked at a moment ago had a path. What it had
// not dpkg may be writing.
func (l list) holds(path string) bool { return l.paths[path] && time.Since(l.seen) < freshFor }

func paths(f *os.File) map[string]bool {
	all := make(map[string]bool)
	for s := bufio.NewScanner(io.LimitReader(f, maxList)); s.Scan(); {
		all[strings.TrimSpace(s.Text())] = true
	}
	return all
}
