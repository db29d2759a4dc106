package reach

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A link given by root leads to its file; one that a user made, or could have made,
// leads root nowhere.
func TestBehind(t *testing.T) {
	if os.Geteuid() != 0 {
		missing(t, "root")
	}
	dir, err := os.MkdirTemp("/root", "behind")
	if err != nil {
		missing(t, "a directory of root's: "+err.Error())
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func(name string) string { return filepath.Join(dir, name) }
	users := at("users")
	if err := errors.Join(
		os.WriteFile(at("file"), []byte("text"), 0o600), os.Symlink("file", at("link")), os.Symlink("link", at("twice")),
		os.Symlink("nothing", at("dangling")), os.Symlink("/dev/null", at("special")), os.Symlink(dir, at("directory")),
		os.Mkdir(users, 0o755), os.Symlink(at("file"), filepath.Join(users, "link")), os.Chown(users, 4711, 4711),
		os.Lchown(filepath.Join(users, "link"), 4711, 4711), os.Symlink("users/link", at("through")),
	); err != nil {
		t.Fatal(err)
	}
	r := New()
	defer r.Close()
	for name, want := range map[string]string{"file": "", "link": at("file"), "twice": at("file"), "special": "", "directory": ""} {
		if got, err := r.Behind(at(name)); got != want || err != nil {
			t.Errorf("%s: %q %v, want %q", name, got, err, want)
		}
	}
	if got, err := r.Behind(at("dangling")); got != "" || !errors.Is(err, unix.ENOENT) {
		t.Errorf("dangling: %q %v", got, err)
	}
	for _, name := range []string{"users/link", "through"} {
		refused := (*RefusedError)(nil)
		if got, err := r.Behind(at(name)); got != "" || !errors.As(err, &refused) || refused.UID != 4711 {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}
