// Package layout says where the parts of a store lie in its directory, and
// whether there is a store of this version. It opens none of them: readers ask
// it for paths without meeting the writer.
package layout

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/durable"
)

// Store is where the parts of a store lie in its directory.
type Store struct{ Dir string }

const format = "stele store 1\n"

// later is the format of a later version of this program.
var later = regexp.MustCompile(`^stele store ([2-9]|[1-9]\d+)\n$`)

// maxSmall bounds the files that hold a line.
const maxSmall = 4096

// Log is the directory of the log, as tlog-tiles: public, opaque.
func (l Store) Log() string { return filepath.Join(l.Dir, "log") }

// Vault is the directory of disclosures and texts, encrypted.
func (l Store) Vault() string { return filepath.Join(l.Dir, "vault") }

// Keyring is the directory of the keys that open the vault.
func (l Store) Keyring() string { return filepath.Join(l.Dir, "keyring") }

// Index is the database, in clear.
func (l Store) Index() string { return filepath.Join(l.Dir, "index", "index.db") }

// Watch is the directory of the watcher on this machine.
func (l Store) Watch() string { return filepath.Join(l.Dir, "watch") }

// Importers are the directories of importers, one for each server that one has joined.
func (l Store) Importers() (dirs []string) {
	list, _ := os.ReadDir(filepath.Join(l.Dir, "importer")) // of one that cannot be listed: none
	for _, e := range list {
		dirs = append(dirs, filepath.Join(l.Dir, "importer", e.Name()))
	}
	return dirs
}

// Socket is where the watcher listens for run and explain.
func (l Store) Socket() string { return filepath.Join(l.Dir, "watch", "socket") }

// Keys is the directory of secrets.
func (l Store) Keys() string { return filepath.Join(l.Dir, "keys") }

// Endpoint is the file that says how the operator reaches a running server.
func (l Store) Endpoint() string { return filepath.Join(l.Dir, "keys", "endpoint.json") }

// Key is the file of a key.
func (l Store) Key(name string) string { return filepath.Join(l.Dir, "keys", name+".key") }

// Roll is the file that says who is present, as the roll calls told. It is
// derived: without it they are told again.
func (l Store) Roll() string { return filepath.Join(l.Dir, "index", "roll.json") }

// Monitor is the file that says how the store was examined last. It is derived.
func (l Store) Monitor() string { return filepath.Join(l.Dir, "index", "monitor.json") }

// Rescan is the file that says how far the rules of now were tried on what is
// recorded. It is derived: without it they are tried again.
func (l Store) Rescan() string { return filepath.Join(l.Dir, "index", "rescan.json") }

// RescanLock is the file that whoever writes the other holds.
func (l Store) RescanLock() string { return filepath.Join(l.Dir, "index", "rescan.lock") }

// Checkpoints is the file of checkpoints that sources handed on.
func (l Store) Checkpoints() string { return filepath.Join(l.Dir, checkpoints.FileName) }

// Lock is the file one writer holds.
func (l Store) Lock() string { return filepath.Join(l.Dir, "lock") }

// Format is the file that says which version of the layout this is.
func (l Store) Format() string { return filepath.Join(l.Dir, "format") }

// Writing reports whether the process that last locked the store still runs. It
// only asks: taking the lock, even for a moment, could make a writer fail.
func (l Store) Writing() bool {
	b, err := durable.ReadSmall(durable.OS, l.Lock(), maxSmall)
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return err == nil && pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// Ended reports whether the process that last locked the store came to its end in
// good order: then nothing in the store is what a crash has left. Of a process of
// an earlier version nobody knows.
func (l Store) Ended() bool {
	info, err := os.Lstat(l.Lock())
	return err == nil && info.Mode().IsRegular() && info.Size() == 0
}

// ErrNewer says that a store was made by a later version of this program.
var ErrNewer = errors.New("store was made by a later version of stele")

// ErrNoStore says that there is no store in a directory.
var ErrNoStore = errors.New("no store here")

// Prepare makes the directories that a writer needs.
func (l Store) Prepare() error {
	for _, d := range []string{l.Dir, l.Keys(), filepath.Dir(l.Index()), l.Watch()} {
		if err := durable.MkdirAll(durable.OS, d, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// Begin refuses a store of another version; in a directory without one it begins
// one.
func (l Store) Begin() error {
	err := l.Check()
	if errors.Is(err, ErrNoStore) {
		return durable.WriteFile(durable.OS, l.Format(), []byte(format), 0o600)
	}
	return err
}

// Check reports whether a store of this version is there: nil, [ErrNoStore],
// [ErrNewer], or what else is wrong.
func (l Store) Check() error {
	got, err := durable.ReadSmall(durable.OS, l.Format(), maxSmall)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Join(l.Log(), "checkpoint")); err == nil {
			return fmt.Errorf("%s is missing from a store that has a log", l.Format())
		}
		return fmt.Errorf("%s: %w", l.Dir, ErrNoStore)
	case err != nil:
		return err
	case string(got) == format:
		return nil
	case later.Match(got):
		return fmt.Errorf("%s: %w: %q", l.Dir, ErrNewer, bytes.TrimSpace(got))
	}
	return fmt.Errorf("%s is damaged: %.40q", l.Format(), got)
}
