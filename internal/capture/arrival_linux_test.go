package capture

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Act 69: a directory that comes from where nothing is watched takes no mark
// away. The twins do the same from inside, to the outside, and without a move.
func TestDirectoryArrives(t *testing.T) {
	needRoot(t)
	for _, a := range []struct{ name, command string }{
		{"moved in from an unwatched place", "mv ../x/new sub"},
		{"moved within", "mv old sub"},
		{"moved out", "mv old ../x/gone"},
		{"made", "mkdir sub"},
		{"moved in over a name that was watched", "mv old ../x/gone && mv ../x/new old"},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir, other := filepath.Join(top, "w"), filepath.Join(top, "elsewhere")
			write(t, filepath.Join(dir, "a.conf"), "a=1")
			write(t, filepath.Join(other, "o.conf"), "o=1")
			for _, d := range []string{"x/new", "w/old"} {
				if err := os.MkdirAll(filepath.Join(top, d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			w := watch(t, Config{Paths: []string{dir, other}})
			marks := w.c.Status().Marks
			run(t, dir, "sh", "-c", a.command)
			w.settled(dir)
			if n := w.c.Status().Marks; n < marks-1 { // one directory may have gone
				t.Errorf("%d marks of %d are left", n, marks)
			}
			run(t, top, "sh", "-c", "echo a=3 > w/a.conf; echo o=3 > elsewhere/o.conf")
			want := []string{"modify a.conf a=3", "modify o.conf o=3"}
			if diff := cmp.Diff(want, sorted(w.next(2))); diff != "" {
				t.Error(diff)
			}
			if g := w.gapsSoFar(); len(g) > 0 {
				t.Errorf("gaps %v", g)
			}
		})
	}
}
