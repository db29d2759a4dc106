//go:build linux

package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDiskFull imports onto a disk that is too small: the error says so, what
// was accepted can be read and verifies, and with more room the import goes on.
func TestDiskFull(t *testing.T) {
	_, err := os.Stat(publicData)
	need(t, "the public data set", err == nil)
	need(t, "root, to mount a small disk,", os.Geteuid() == 0)
	dir := t.TempDir()
	disk := filepath.Join(dir, "store")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	defer syscall.Unmount(disk, 0)
	cmd := exec.Command(binary, "import", "ndjson", publicData)
	cmd.Env = append(os.Environ(), "STELE_DATA="+disk, "STELE_TRUST="+filepath.Join(dir, "trust"))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 || !bytes.Contains(errs.Bytes(), []byte("hint: the disk is full")) {
		t.Fatalf("a full disk: %v\n%s", err, errs.String())
	}
	if out := stele(t, dir, "verify"); !bytes.HasPrefix(out, []byte("verified")) {
		t.Fatalf("verify on the full disk: %s", out)
	}
	before := bytes.Count(stele(t, dir, "log", "--json"), []byte("\n"))
	if before == 0 {
		t.Fatal("nothing can be read")
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m,mode=0700"); err != nil {
		t.Fatal(err)
	}
	if out := stele(t, dir, "import", "ndjson", publicData); !bytes.HasPrefix(out, []byte("imported ")) {
		t.Fatalf("import with room: %s", out)
	}
	out := stele(t, dir, "verify", "--strict")
	if !bytes.HasPrefix(out, []byte("verified")) || !bytes.Contains(out, []byte("5921 changes")) {
		t.Fatalf("verify at the end: %s", out)
	}
}
