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
)

// newcomers watches the homes of users who come while a watcher runs. Agents that
// come need nobody: the places of their files are watched from the start.
type newcomers struct {
	process Process
	cat     *catalogue.Catalogue
	add     func(paths []string) error
	passwd  string
	known   []string // homes that are watched
	seen    os.FileInfo
}

func (p Process) newcomers(cfg *watcher.Config, add func([]string) error) *newcomers {
	n := &newcomers{process: p, cat: cfg.Catalogue, add: add, passwd: passwdFile}
	for _, h := range homes() { // who came since the paths were listed is a newcomer
		if paths := homePaths(n.cat, []string{h}); len(paths) > 0 && slices.Contains(cfg.Paths, paths[0]) {
			n.known = append(n.known, h)
		}
	}
	return n
}

// run looks now and then until ctx ends.
func (n *newcomers) run(ctx context.Context) {
	if os.Geteuid() != 0 {
		return // others watch their own home
	}
	tick := time.NewTicker(newcomersEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.look()
		case <-ctx.Done():
			return
		}
	}
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
