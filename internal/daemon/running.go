package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/layout"
)

// running is the file that is there while a watcher runs: where it is found at the
// start, the run before did not end by itself. Killed between the end and its
// removal, a watcher is said to have been killed, which is true.
func running(l layout.Store) string { return filepath.Join(l.Watch(), "running") }

// begin says that a watcher runs, and whether the one before ended by itself. Where
// the file cannot be written the next start does not know of a kill, unless something
// changed meanwhile; that is no reason not to watch.
func (p Process) begin() (unended bool) {
	_, err := os.Lstat(running(p.Layout))
	unended = err == nil
	if err = durable.WriteFile(durable.OS, running(p.Layout), nil, 0o600); err != nil {
		p.Diag.Warn("that the watcher runs could not be noted", "error", err)
	}
	return unended
}

// ended says that the watcher ended by itself.
func (p Process) ended() {
	if err := os.Remove(running(p.Layout)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.Diag.Warn("that the watcher ended could not be noted", "error", err)
	}
}

// neverBegan: no watcher came of it, and that the run before did not end by itself,
// if so, is still to be told.
func (p Process) neverBegan(unended bool) {
	if !unended {
		p.ended()
	}
}
