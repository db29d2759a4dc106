package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/durable/faultdisk"
)

// odd makes at a path what does not belong there, by what the error must say.
var odd = map[string]func(path string) error{
	"a named pipe": func(p string) error { return syscall.Mkfifo(p, 0o600) },
	"a directory":  func(p string) error { return os.Mkdir(p, 0o700) },
	"a link": func(p string) error {
		if err := os.WriteFile(p+".target", []byte("small"), 0o600); err != nil {
			return err
		}
		return os.Symlink(p+".target", p)
	},
	"a link to nothing":  func(p string) error { return os.Symlink(p+".absent", p) },
	"a link to a device": func(p string) error { return os.Symlink("/dev/zero", p) },
	"more than the": func(p string) error {
		if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
			return err
		}
		return os.Truncate(p, 20<<30) // sparse
	},
}

// TestReadSmall: what is put in place of a small file neither makes the reader
// wait nor is read; the error says what it is, and where.
func TestReadSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small")
	if _, err := durable.ReadSmall(durable.OS, path, 10); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	for content, fits := range map[string]bool{"": true, "0123456789": true, "0123456789a": false} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := durable.ReadSmall(durable.OS, path, 10); (err == nil) != fits || fits && string(got) != content {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	for what, make := range odd {
		path := filepath.Join(t.TempDir(), "small")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		_, err := durable.ReadSmall(durable.OS, path, 10)
		var o *durable.OddFile
		kind := strings.TrimSuffix(strings.TrimSuffix(what, " to nothing"), " to a device")
		if !errors.As(err, &o) || o.Path != path || !strings.Contains(err.Error(), kind) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestLockOnAnOddFile: a lock is a file, whatever was put in its place.
func TestLockOnAnOddFile(t *testing.T) {
	for what, make := range odd {
		if what == "more than the" { // of which nothing is read
			continue
		}
		path := filepath.Join(t.TempDir(), "lock")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if l, err := durable.LockFile(path); !errors.As(err, new(*durable.OddFile)) {
			t.Errorf("%s: %v, %v", what, l, err)
		}
	}
}

// TestWaitLock: whoever waits for a lock comes in, one at a time.
func TestWaitLock(t *testing.T) {
	const workers, times = 8, 20
	path := filepath.Join(t.TempDir(), "lock")
	count := path + ".count"
	if err := os.WriteFile(count, []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	add := func() error {
		l, err := durable.WaitLock(t.Context(), path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(count)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(b))
		if err != nil {
			return err
		}
		return errors.Join(os.WriteFile(count, []byte(strconv.Itoa(n+1)), 0o600), l.Release())
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range times {
				if err := add(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if b, err := os.ReadFile(count); err != nil || string(b) != strconv.Itoa(workers*times) {
		t.Errorf("%s of %d were counted, %v", b, workers*times, err)
	}
}

// TestMkdirAll: a file in a directory that was made is there after a power cut,
// wherever the work before was interrupted.
func TestMkdirAll(t *testing.T) {
	for n := 1; n < 12; n++ {
		for _, outcome := range []faultdisk.Outcome{faultdisk.Lost, faultdisk.Done} {
			for _, keep := range []faultdisk.Keep{faultdisk.Nothing, faultdisk.Prefix, faultdisk.Everything, faultdisk.Scattered} {
				d := faultdisk.New(uint64(n))
				d.FailAt(n, outcome, false)
				_ = durable.MkdirAll(d, "/a/b/c", 0o700) // a process that was killed here
				err := durable.MkdirAll(d, "/a/b/c", 0o700)
				if err == nil {
					err = durable.WriteFile(d, "/a/b/c/file", []byte("kept"), 0o600)
				}
				d.Crash(keep)
				if got, rerr := durable.ReadFile(d, "/a/b/c/file"); err == nil && (rerr != nil || string(got) != "kept") {
					t.Errorf("call %d, outcome %d, keep %d: %q, %v", n, outcome, keep, got, rerr)
				}
			}
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := durable.MkdirAll(durable.OS, file+"/below", 0o700); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
	if err := durable.MkdirAll(durable.OS, dir+"/x/y", 0o700); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(dir + "/x/y"); err != nil || info.Mode() != os.ModeDir|0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestWritersAtOnce: two processes that write to one path never meet in a
// temporary file, and leave none.
func TestWritersAtOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for range 50 {
				if err := durable.WriteFile(durable.OS, path, []byte(strings.Repeat(string(rune('a'+w)), 1000)), 0o600); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 1000 || strings.Trim(string(got), string(got[:1])) != "" {
		t.Errorf("a torn file: %d bytes, %v", len(got), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestSweep: what a crash leaves of an unfinished file is removed, and nothing
// else; a write that fails leaves nothing in the first place.
func TestSweep(t *testing.T) {
	for n := 1; n < 6; n++ {
		for _, crash := range []bool{false, true} {
			d := faultdisk.New(uint64(n))
			if err := durable.WriteFile(d, "/a", []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			d.FailAt(n, faultdisk.Done, crash)
			_ = durable.WriteFile(d, "/a", []byte("new"), 0o600)
			if crash {
				d.Crash(faultdisk.Everything)
				if err := durable.Sweep(d, "/"); err != nil {
					t.Fatal(err)
				}
			}
			if files := d.Files(); len(files) != 1 || files["/a"] == nil {
				t.Errorf("call %d, crash %v: left %v", n, crash, files)
			}
		}
	}
}
