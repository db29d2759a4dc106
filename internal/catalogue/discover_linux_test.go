package catalogue

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// What may not be read is listed, not left out. Root may read everything, so a
// test run as root looks with the eyes of nobody.
func TestDiscoverListsWhatItMayNotRead(t *testing.T) {
	root := plant(t, "/etc/sudoers", "/etc/sudoers.d/x", "/etc/audit/rules.d/a.rules", "/etc/crontab")
	for name, mode := range map[string]fs.FileMode{"etc/sudoers": 0, "etc/sudoers.d": 0, "etc/audit": 0} {
		if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(filepath.Join(root, name), 0o700) // or it cannot be removed
	}
	denied := map[string]bool{}
	for _, f := range discoverAsNobody(t, root) {
		denied[f.Path] = errors.Is(f.Err, fs.ErrPermission)
		if f.Agent == nil {
			t.Errorf("%s belongs to nobody", f.Path)
		}
	}
	for p, want := range map[string]bool{
		"/etc/sudoers": true, "/etc/sudoers.d": true, "/etc/audit/auditd.conf": true, "/etc/audit/rules.d": true, "/etc/crontab": false,
	} {
		if got, listed := denied[p]; !listed || got != want {
			t.Errorf("%s: listed %v, denied %v; want denied %v", p, listed, got, want)
		}
	}
}

func discoverAsNobody(t *testing.T, root string) []Found {
	t.Helper()
	c := mustBuiltin(t)
	tr, err := openTree(root) // before, because the directories above belong to root
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	v := &discovery{catalogue: c, found: map[string]Found{}}
	done := make(chan error)
	go func() {
		// Never unlocked: the thread, and nobody's eyes, end with the goroutine.
		runtime.LockOSThread()
		var err error
		if os.Geteuid() == 0 {
			err = syscall.Setfsuid(65534)
		}
		if err == nil {
			c.walk(tr, nil, v)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return v.list()
}
