package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A link that is given is followed to its file, and that is said; what is no link is
// not spoken of.
func TestBehindLinks(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 { // what lies in /tmp anybody may have put there
		var err error
		if dir, err = os.MkdirTemp("/root", "links"); err != nil {
			t.Skip("needs a directory of root's: " + err.Error())
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("a=1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	var said []string
	p := Process{Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
	missing, pattern := filepath.Join(dir, "missing"), filepath.Join(dir, "*.conf")
	got := p.behindLinks([]string{link, dir, missing, pattern})
	if diff := cmp.Diff([]string{link, dir, missing, pattern, file}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"following    " + link + " to " + file}, said); diff != "" {
		t.Error(diff)
	}
}
