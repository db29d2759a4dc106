package monitor

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// touched names files of the store that somebody touches though nothing does any
// more: tiles and bundles, which are written under another name and moved into
// place, closed segments of the vault, the checkpoint other than by replacing it.
// What is missed by it, for want of watches say, the next pass finds.
func (m *monitor) touched(ctx context.Context) <-chan string {
	out := make(chan string, 1)
	w, err := fsnotify.NewWatcher()
	if err != nil {
		m.cfg.Diag.Warn("files of the store are not watched", "error", err)
		return out
	}
	for _, dir := range []string{m.cfg.Layout.Log(), m.cfg.Layout.Vault()} {
		m.watch(w, dir)
	}
	go func() {
		defer w.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case err := <-w.Errors:
				m.cfg.Diag.Debug("watching the files of the store", "error", err)
			case e := <-w.Events:
				if e.Has(fsnotify.Create) && isDir(e.Name) {
					m.watch(w, e.Name)
				}
				if m.settled(e) {
					select {
					case out <- e.Name:
					default: // a pass is due already
					}
				}
			}
		}
	}()
	return out
}

// watch watches a directory and those below it.
func (m *monitor) watch(w *fsnotify.Watcher, dir string) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || e.Name() == ".state" {
			return nil
		}
		return w.Add(path)
	})
	if err != nil {
		m.cfg.Diag.Warn("a directory of the store is not watched", "directory", dir, "error", err)
	}
}

func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

var (
	part    = regexp.MustCompile(`^\d{1,3}$`) // of a tile or bundle, in a directory NNN.p
	full    = regexp.MustCompile(`^\d{3}$`)
	segment = regexp.MustCompile(`^([a-z]+)-\d{6}\.seg$`)
)

// settled reports whether an event is about a file that should be left alone.
func (m *monitor) settled(e fsnotify.Event) bool {
	written, gone := e.Has(fsnotify.Write), e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)
	dir, name := filepath.Split(e.Name)
	dir = filepath.Clean(dir)
	switch {
	case !written && !gone:
		return false
	case dir == m.cfg.Layout.Log():
		return name == "checkpoint" && written
	case dir == m.cfg.Layout.Vault():
		s := segment.FindStringSubmatch(name)
		return s != nil && (gone || !newest(dir, s[1], name))
	case strings.HasSuffix(dir, ".p"):
		return written && part.MatchString(name) // parts are cleared away once they are of no use
	default:
		return full.MatchString(name)
	}
}

// newest reports whether a segment is the last of its kind, which is appended to.
func newest(dir, kind, name string) bool {
	all, err := filepath.Glob(filepath.Join(dir, kind+"-*.seg"))
	return err == nil && len(all) > 0 && filepath.Base(all[len(all)-1]) == name
}
