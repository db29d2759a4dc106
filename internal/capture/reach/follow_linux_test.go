package reach

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// A link of root's leads to its file, over every link on the way; one that a user
// made, or could have made, leads no further than that user may go.
func TestFollow(t *testing.T) {
	if os.Geteuid() != 0 {
		missing(t, "root")
	}
	dir, err := os.MkdirTemp("/root", "follow")
	if err != nil {
		missing(t, "a directory of root's: "+err.Error())
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func(name string) string { return filepath.Join(dir, name) }
	users := at("users")
	if err := errors.Join(
		os.WriteFile(at("file"), []byte("text"), 0o600), os.Symlink("file", at("link")), os.Symlink("link", at("twice")), os.Symlink("x/../twice", at("up")),
		os.Mkdir(at("x"), 0o755), os.Symlink("..", at("x/back")), os.Symlink("x/back/file", at("over")),
		os.Symlink("nothing/at/all", at("dangling")), os.Symlink("/dev/null", at("special")), os.Symlink(dir, at("directory")), os.Symlink("loop", at("loop")), os.Symlink("/proc/self/mounts", at("mounts")),
		os.Mkdir(users, 0o755), os.Symlink(at("file"), filepath.Join(users, "link")), os.Chown(users, 4711, 4711),
		os.Lchown(filepath.Join(users, "link"), 4711, 4711), os.Symlink("users/link", at("through")),
	); err != nil {
		t.Fatal(err)
	}
	r := New()
	defer r.Close()
	for name, want := range map[string][]string{
		"link": {"file"}, "twice": {"link", "file"}, "up": {"twice", "link", "file"}, "over": {"x/back", "file"},
	} {
		f, way, err := r.Follow(at(name))
		if err != nil || f == nil || !slices.EqualFunc(way, want, func(got, want string) bool { return got == at(want) }) {
			t.Errorf("%s: %v %v, want %v", name, way, err, want)
			continue
		}
		text, err := f.Reader()
		if b, _ := io.ReadAll(text); err != nil || string(b) != "text" {
			t.Errorf("%s: %q %v", name, b, err)
		}
		f.Close()
	}
	for _, name := range []string{"file", "special", "directory", "mounts"} {
		if f, _, err := r.Follow(at(name)); f != nil && name != "file" || err != nil {
			t.Errorf("%s: %v %v", name, f, err)
		}
	}
	if f, way, err := r.Follow(at("dangling")); f != nil || !errors.Is(err, unix.ENOENT) || !slices.Equal(way, []string{at("nothing/at/all")}) {
		t.Errorf("dangling: %v %v", way, err)
	}
	if f, way, err := r.Follow(at("loop")); f != nil || !Absent(err) || len(way) > maxLinks+1 {
		t.Errorf("loop: %d %v", len(way), err)
	}
	for _, name := range []string{"users/link", "through"} {
		refused := (*RefusedError)(nil)
		if f, _, err := r.Follow(at(name)); f != nil || !errors.As(err, &refused) || refused.UID != 4711 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
