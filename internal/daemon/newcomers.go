package daemon

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
)

const (
	passwdFile = "/etc/passwd"
	// newcomersEvery is how often the users of the host are looked at.
	newcomersEvery = 3 * time.Second
	// Homes are searched anew for files of agents that may lie anywhere in them, as
	// projects have: as often as costs searchPart of the time, and no more often than
	// searchSoonest.
	searchSoonest = time.Minute
	searchPart    = 500
)

// newcomers watches the homes of users who come while a watcher runs, and the files of
// projects that come in homes. Agents that come need nobody: the places of their files are watched from the start.
type newcomers struct {
	process Process
	cat     *catalogue.Catalogue
	add     func(paths []string) error
	passwd  string
	known   []string // homes that are watched
	seen    os.FileInfo
	search  time.Time // when homes are searched next
}

func (p Process) newcomers(cfg *watcher.Config, add func([]string) error) *newcomers {
	n := &newcomers{process: p, cat: cfg.Catalogue, add: add, passwd: passwdFile, search: time.Now().Add(searchSoonest)}
	for _, h := range homes() { // who came since the paths were listed is a newcomer
		if paths := homePaths(n.cat, []string{h}); len(paths) > 0 && slices.Contains(cfg.Paths, paths[0]) {
			n.known = append(n.known, h)
		}
	}
	return n
}

// run looks now and then until ctx ends.
func (n *newcomers) run(ctx context.Context) {
	tick := time.NewTicker(newcomersEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if os.Geteuid() == 0 { // others watch their own home
				n.look()
			}
			if time.Now().After(n.search) {
				n.searchHomes()
			}
		case <-ctx.Done():
			return
		}
	}
}

// searchHomes watches the files of agents that came in homes where none was. Those that
// are watched are not new.
func (n *newcomers) searchHomes() {
	began := time.Now()
	found, err := n.cat.Discover("/", n.known)
	found = slices.DeleteFunc(found, func(f catalogue.Found) bool {
		return !slices.ContainsFunc(n.known, func(home string) bool { return Within(home, f.Path) })
	})
	if err == nil {
		err = n.add(foundPaths(nil, found))
	}
	if err != nil {
		n.process.Diag.Warn("homes not searched", "error", err)
	}
	n.search = time.Now().Add(max(searchSoonest, searchPart*time.Since(began)))
}

// look watches the homes that are new since the last look. One that went stays: its
// user may come back.
func (n *newcomers) look() {
	fi, err := os.Stat(n.passwd)
	if err != nil || n.seen != nil && os.SameFile(fi, n.seen) && fi.ModTime().Equal(n.seen.ModTime()) && fi.Size() == n.seen.Size() {
		return
	}
	passwd, err := os.ReadFile(n.passwd)
	if err != nil {
		return // the next look finds it as new
	}
	n.seen = fi
	fresh := slices.DeleteFunc(catalogue.Homes(passwd), func(h string) bool { return slices.Contains(n.known, h) })
	if len(fresh) == 0 {
		return
	}
	paths := homePaths(n.cat, fresh)
	if found, err := n.cat.Discover("/", fresh); err == nil {
		paths = foundPaths(paths, found)
	}
	if err := n.add(paths); err != nil {
		n.process.Diag.Warn("home of a new user not watched", "error", err)
		n.seen = nil // the next look tries again
		return
	}
	n.known = append(n.known, fresh...)
	for _, h := range fresh {
		n.process.Say("watching too %s: a new user's home", terminal.Escape(h))
	}
}
