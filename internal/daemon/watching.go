package daemon

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/reach"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
)

// WatchOptions say what is watched.
type WatchOptions struct {
	Paths     []string
	ScanEvery time.Duration
	Discover  bool     // watch what the catalogue knows
	Probes    bool     // ask for the settings in force that the catalogue knows how to ask for
	OwnEvents bool     // record what this process changes too
	Own       []string // what decides what this process does; it need not be there
}

func (p Process) watcherConfig(o WatchOptions) (watcher.Config, error) {
	cat, err := catalogue.Builtin()
	if err != nil {
		return watcher.Config{}, err
	}
	red, secret, err := Redactor(p.Layout)
	if err != nil {
		return watcher.Config{}, err
	}
	given, err := Absolute(o.Paths)
	if err != nil {
		return watcher.Config{}, err
	}
	own, err := Absolute(o.Own)
	if err != nil {
		return watcher.Config{}, err
	}
	p.tellMissing(given)
	p.tellLinks(given)
	given = append(given, own...)
	paths := given
	if o.Discover {
		found, err := p.discover(cat)
		if err != nil {
			return watcher.Config{}, err
		}
		if len(found) == 0 && len(o.Paths) == 0 {
			p.Say("no agent of the catalogue was found on this machine")
			p.Say("name paths to watch: stele up PATH… (a file, a directory or a pattern)")
		}
		paths = append(slices.Clone(given), cataloguePaths(cat, found)...)
	}
	var probes []catalogue.Probe
	if o.Probes && os.Geteuid() == 0 { // others could not ask, or would be told less
		probes = cat.Probes
	}
	return watcher.Config{
		Probes: probes, Catalogue: cat, Redactor: red, DigestKey: secret.Bytes(), Paths: paths, Claims: claims(given, p.Layout.Dir),
		Socket: p.Layout.Socket(), Version: p.Version, ScanEvery: o.ScanEvery, OwnEvents: o.OwnEvents, Now: time.Now, Diag: p.Diag,
	}, nil
}

// tellLinks says of given links where they lead: the text of the file there is recorded
// under the name that was given.
func (p Process) tellLinks(given []string) {
	r := reach.New()
	defer r.Close()
	for _, g := range given {
		if fi, err := os.Lstat(g); err != nil || fi.Mode()&os.ModeSymlink == 0 {
			continue
		}
		switch f, way, err := r.Follow(g); {
		case f != nil:
			f.Close()
			p.Say("following    %s to %s", terminal.Escape(g), terminal.Escape(way[len(way)-1]))
		case err != nil && !reach.Absent(err):
			p.Say("not followed %s: %v", terminal.Escape(g), err)
		}
	}
}

// tellMissing names what is to be watched and is not there: it may come, and it
// may be mistyped.
func (p Process) tellMissing(given []string) {
	for _, g := range given {
		if _, err := os.Lstat(g); err == nil {
			continue
		}
		if found, err := filepath.Glob(g); err == nil && len(found) == 0 {
			p.Say("missing      %s: recorded once it is there", terminal.Escape(g))
		}
	}
}

// discover lists the agents on this machine and says so.
func (p Process) discover(cat *catalogue.Catalogue) ([]catalogue.Found, error) {
	found, err := cat.Discover("/", homes())
	if err != nil {
		return nil, err
	}
	files := map[string]int{}
	for _, f := range found {
		if f.Err == nil { // else it is told once all is attached, with what else cannot be read
			files[f.Agent.ID]++
		}
	}
	for _, ag := range cat.Agents {
		if n := files[ag.ID]; n > 0 {
			p.Say("found        %-14s %s", ag.ID, terminal.Count(n, "file", "files"))
		}
	}
	return found, nil
}

// homes are the home directories to look into: for root everyone's, for others
// their own.
func homes() []string {
	if os.Geteuid() == 0 {
		if passwd, err := os.ReadFile(passwdFile); err == nil {
			return catalogue.Homes(passwd)
		}
	}
	if h, err := os.UserHomeDir(); err == nil {
		return []string{h}
	}
	return nil
}

// cataloguePaths turns the catalogue's patterns into paths to watch, those of
// files that do not exist yet included.
func cataloguePaths(cat *catalogue.Catalogue, found []catalogue.Found) []string {
	var paths []string
	for _, ag := range cat.Agents {
		for _, p := range ag.Paths {
			if strings.HasPrefix(p.Glob, "/") {
				paths = append(paths, stem(p.Glob))
			}
		}
	}
	return foundPaths(append(paths, homePaths(cat, homes())...), found)
}

// homePaths are those of the catalogue's patterns below homes.
func homePaths(cat *catalogue.Catalogue, homes []string) []string {
	var paths []string
	for _, ag := range cat.Agents {
		for _, p := range ag.Paths {
			if rest, ok := strings.CutPrefix(p.Glob, "~"); ok {
				for _, h := range homes {
					paths = append(paths, stem(literal(h)+rest))
				}
			}
		}
	}
	return paths
}

// stem is a pattern up to the directory of which everything below matches.
func stem(glob string) string {
	stem, _, _ := strings.Cut(glob, "/**")
	return stem
}

// literal is a path as a pattern of itself alone: whoever names a file is not to say
// which others are watched, nor to name it so that it is no pattern and nothing is.
func literal(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// foundPaths adds the files that were found, and can be read, to paths.
func foundPaths(paths []string, found []catalogue.Found) []string {
	for _, f := range found {
		if f.Err == nil {
			paths = append(paths, literal(f.Path))
		}
	}
	for i, p := range paths {
		paths[i] = underUsr(p)
	}
	slices.Sort(paths)
	return slices.Compact(slices.DeleteFunc(paths, func(p string) bool { return p == "" }))
}

// underUsr is the name below /usr of a file below /lib where that is a link to
// /usr/lib, as on most machines: one file is one subject.
func underUsr(p string) string {
	if !strings.HasPrefix(p, "/lib/") {
		return p
	}
	if dir, err := filepath.EvalSymlinks("/lib"); err != nil || dir != "/usr/lib" {
		return p
	}
	return "/usr" + p
}

// claims says which files the paths given by a person stand for.
func claims(given []string, store string) func(string) bool {
	return func(p string) bool {
		if Within(store, p) {
			return false
		}
		return slices.ContainsFunc(given, func(g string) bool {
			if Within(g, p) {
				return true
			}
			ok, err := filepath.Match(g, p)
			return err == nil && ok
		})
	}
}

// Within reports whether p is dir or below it.
func Within(dir, p string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// Absolute makes paths absolute.
func Absolute(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		out = append(out, abs)
	}
	return out, nil
}

// SayWatching tells people which layers are active, what is watched, and then, each
// path once, what cannot be read.
func (p Process) SayWatching(st capture.Status) {
	for _, l := range st.Layers {
		p.Say("layer        %-14s %s", l.Name, terminal.Escape(LayerText(l.Live, l.Reason)))
	}
	p.Say("watching     %s; `stele log` shows what changes, Ctrl-C ends", terminal.Count(st.Watched, "file", "files"))
	for _, path := range slices.Sorted(maps.Keys(st.Unreadable)) {
		p.Say("cannot read  %s", terminal.Escape(UnreadableText(path, st.Unreadable[path])))
	}
}

// UnreadableText says why a path cannot be read, and names it once: most reasons begin
// with the path, after what was tried.
func UnreadableText(path, why string) string {
	_, reason, named := strings.Cut(why, path+": ")
	if !named {
		reason = why
	}
	return path + ": " + reason
}

// LayerText is the state of a layer of capture, in words.
func LayerText(live bool, detail string) string {
	state := "active"
	if !live {
		state = "inactive"
	}
	if detail != "" {
		state += ": " + detail
	}
	return state
}
