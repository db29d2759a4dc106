package spool

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/durable"
)

// What room a disk has is told as it is: also that there is none.
func TestDiskFree(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("STELE_CI") == "1" {
			t.Fatal("missing in CI: root")
		}
		t.Skip("needs root, to mount a small disk")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, 0) })
	s := &Spool{cfg: Config{Dir: dir, FS: durable.OS}}
	if free, told := s.DiskFree(); !told || free != 1<<20 {
		t.Errorf("an empty disk of 1 MiB: %d bytes free (%t)", free, told)
	}
	if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 2<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if free, told := s.DiskFree(); !told || free != 0 {
		t.Errorf("a full disk: %d bytes free (%t)", free, told)
	}
}
