package examine_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stele-log/stele/internal/steletest"
)

// place is a copy of a ground to tamper with, with beliefs of its own.
type place struct {
	*ground
	steletest.Store
	dir     string // of store and trust
	beliefs string // the beliefs as they were
	earlier string // file of an earlier belief
}

// newPlace copies a ground. What is believed is what verify has come to believe of
// the younger store and of the one now.
func newPlace(t *testing.T, g *ground) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{
		ground: g, Store: steletest.StoreIn(t, filepath.Join(dir, "store"), filepath.Join(dir, "trust")), dir: dir,
		beliefs: filepath.Join(dir, "beliefs"), earlier: filepath.Join(dir, "earlier"),
	}
	for _, from := range []string{g.older, g.Store.Layout.Dir} {
		copyTree(t, from, p.Layout.Dir)
		if s := verified(t, p.Store); s.status != 0 || len(s.Findings) > 0 {
			t.Fatalf("the sound store is not clean: %d %s%s", s.status, s.out, s.errs)
		}
		if from == g.older {
			copyTree(t, p.Trust.Path(), p.earlier)
		}
	}
	copyTree(t, beliefsOf(p.Store), p.beliefs)
	return p
}

// item is a file or directory of a store.
type item struct {
	rel  string // below the place, the belief as trust/belief.json
	kind string
	dir  bool
}

const beliefName = "trust/belief.json"

// path is where an item lies.
func (p *place) path(rel string) string {
	if rel == beliefName {
		return p.Trust.Path()
	}
	return filepath.Join(p.dir, rel)
}

// rel undoes path.
func (p *place) rel(path string) (string, bool) {
	if path == p.Trust.Path() {
		return beliefName, true
	}
	return strings.CutPrefix(path, p.dir+"/")
}

// sound is where the same item lies as it was.
func (p *place) sound(rel string) string {
	switch top, rest, _ := strings.Cut(rel, "/"); {
	case rel == beliefName:
		return filepath.Join(p.beliefs, filepath.Base(p.Trust.Path()))
	case top == "trust":
		return filepath.Join(p.beliefs, rest)
	default:
		return filepath.Join(p.ground.Store.Layout.Dir, rest)
	}
}

// youngerOf is where it lies in the younger store, and foreignOf in the one of
// another log; empty where it is not there.
func (p *place) youngerOf(rel string) string {
	if rel == beliefName {
		return p.earlier
	}
	return present(filepath.Join(p.older, strings.TrimPrefix(rel, "store/")))
}

func (p *place) foreignOf(rel string) string {
	return present(filepath.Join(p.foreign, strings.TrimPrefix(rel, "store/")))
}

func present(path string) string {
	if _, err := os.Lstat(path); err != nil {
		return ""
	}
	return path
}

// mend puts items back as they were.
func (p *place) mend(t *testing.T, rels ...string) {
	t.Helper()
	for _, rel := range rels {
		if present(p.sound(rel)) == "" {
			if err := os.RemoveAll(p.path(rel)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		copyTree(t, p.sound(rel), p.path(rel))
	}
}

// items are the files and directories of the place.
func (p *place) items(t *testing.T) (list []item) {
	t.Helper()
	for _, top := range []string{p.Layout.Dir, beliefsOf(p.Store)} {
		err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, _ := p.rel(path)
			list = append(list, item{rel, kindOf(t, p, rel, e.IsDir()), e.IsDir()})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// differences are the items that are not as they were.
func (p *place) differences(t *testing.T) (list []string) {
	t.Helper()
	for _, it := range p.items(t) {
		was, err := os.Lstat(p.sound(it.rel))
		is, err2 := os.Lstat(p.path(it.rel))
		if err != nil || err2 != nil || was.Mode() != is.Mode() {
			list = append(list, fmt.Sprint(it.rel, err, err2))
			continue
		}
		if !it.dir && !bytes.Equal(read(t, p.sound(it.rel)), read(t, p.path(it.rel))) {
			list = append(list, it.rel)
		}
	}
	return list
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
