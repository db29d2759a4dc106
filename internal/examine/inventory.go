package examine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/index/sqlite"
	"github.com/stele-log/stele/internal/keyring"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/vault"
)

// inventory accounts for every file of the store: each belongs to a part of it, is
// a file and no link, and is its owner's alone. What is in a file is for others to
// examine. The log may be public; its files are told by logFiles.
func (x *examination) inventory(ctx context.Context) error {
	root := x.cfg.Layout.Dir
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil { // a writer is at work
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return x.account(p, filepath.ToSlash(rel), info)
	})
	if err != nil {
		return fmt.Errorf("list the files of the store: %w", err)
	}
	x.guard()
	return nil
}

// guard names who else can write to what is believed, the guard of the store: they
// could take it back.
func (x *examination) guard() {
	file, lock := x.cfg.Trust.Path(), x.cfg.Trust.Lock()
	if file == "" {
		return
	}
	for _, path := range []string{filepath.Dir(file), file, lock} {
		info, err := os.Lstat(path)
		if err != nil {
			continue // whoever reads it says so
		}
		why := shared(info.Mode(), true)
		if odd := (*durable.OddFile)(nil); path == lock && errors.As(durable.Regular(path, info), &odd) {
			why = odd.Why + ": remove it"
		}
		if why != "" {
			x.problem(finding.UnsafeStore, path, "%s", why)
		}
	}
}

// account names what is odd about one file or directory.
func (x *examination) account(p, rel string, info fs.FileInfo) error {
	if rel == "." {
		rel = ""
	}
	if x.named(p) {
		return nil
	}
	public := rel == "" || rel == "log" || strings.HasPrefix(rel, "log/")
	var odd *durable.OddFile
	why := ""
	switch {
	case public || info.IsDir() && layout.OwnsDir(rel) || info.Mode().Type() == fs.ModeSocket && layout.IsSocket(rel):
	case info.IsDir():
		x.problem(finding.UnsafeStore, p, "no part of a store: move it away")
		return filepath.SkipDir
	case !belongs(rel):
		why = "no file of a store: move it away"
	case errors.As(durable.Regular(p, info), &odd):
		why = odd.Why + ": put the file itself here"
	}
	if why == "" {
		why = shared(info.Mode(), public)
	}
	if why != "" {
		x.problem(finding.UnsafeStore, p, "%s", why)
	}
	return nil
}

// shared says who else than its owner may use a file, which what is public may be
// read by.
func shared(m fs.FileMode, public bool) string {
	if m&fs.ModeSymlink != 0 {
		return ""
	}
	mask, right := fs.FileMode(0o077), "go-rwx"
	if public {
		mask, right = 0o022, "go-w"
	}
	if m.Perm()&mask == 0 {
		return ""
	}
	return fmt.Sprintf("mode %04o lets others than its owner in: chmod %s", m.Perm(), right)
}

// belongs reports whether a file of that name may be in a store.
func belongs(rel string) bool {
	if durable.IsTemp(rel) {
		rel = durable.TempOf(rel)
	}
	base := path.Base(rel)
	switch path.Dir(rel) {
	case "vault":
		return vault.Owns(base)
	case "keyring":
		return keyring.Owns(base)
	case "index":
		return sqlite.Owns(base) || layout.Owns(rel)
	}
	return layout.Owns(rel)
}
