package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// Known is the newest checkpoint that is believed of a log.
type Known struct {
	Checkpoint verify.Checkpoint // of size 0: none
	File       File              // in which it stands
	Place      string            // where that log is kept, in words for people
	Own        bool              // it was believed of this very store
}

// Newest returns the newest checkpoint that is believed of the log with that key:
// in this file, or in another one beside it, of a store in another place or of a
// server. So an older copy of a store is found out wherever it lies.
func (f File) Newest(key *entry.LogKey) (Known, error) {
	best := Known{Checkpoint: verify.Checkpoint{Origin: key.Origin(), Root: entry.EmptyRoot}, File: f, Own: true}
	files, err := f.siblings()
	if err != nil {
		return best, err
	}
	for _, other := range append([]File{f}, files...) {
		b, ok, err := other.Read()
		if err != nil {
			if other.path != f.path && filepath.Base(other.path) != nameOfLog(key.VKey()) {
				continue // nobody can tell which log it was about
			}
			return best, err
		}
		if !ok || b.VKey != key.VKey() {
			continue
		}
		cp, err := b.Open()
		if err != nil {
			return best, &Damaged{other.path, err.Error()}
		}
		if cp.Size > 0 && cp.Size == best.Checkpoint.Size && cp.Root != best.Checkpoint.Root {
			return best, &verify.Finding{Code: verify.Fork, Accused: verify.TheLog, Detail: fmt.Sprintf("%s and %s believe in two histories of %d entries, both signed by the log", best.File.path, other.path, cp.Size)}
		}
		if cp.Size > best.Checkpoint.Size {
			best = Known{cp, other, b.place(other), other.path == f.path}
		}
	}
	return best, nil
}

// Explain says of the finding that a log is shorter than is known where the longer
// one is, if that is another place.
func (k Known) Explain(err error) error {
	var f *verify.Finding
	if k.Own || !errors.As(err, &f) || f.Code != verify.Shrunk {
		return err
	}
	older := *f
	older.Detail = fmt.Sprintf("older copy of the log believed at %s: %s", k.Place, f.Detail)
	return &older
}

func (b Belief) place(f File) string {
	if b.Store != "" {
		return b.Store
	}
	return "the place that " + f.path + " is about"
}

// siblings are the other files in the directory of this one.
func (f File) siblings() (files []File, err error) {
	dir := filepath.Dir(f.path)
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for what is believed: %w", err)
	}
	for _, e := range list {
		if path := filepath.Join(dir, e.Name()); strings.HasSuffix(path, suffix) && path != f.path {
			files = append(files, File{path: path})
		}
	}
	return files, nil
}
