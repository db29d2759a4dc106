package faultdisk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stele-log/stele/internal/durable"
)

func create(t *testing.T, d *Disk, name string) durable.File {
	t.Helper()
	f, err := d.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, f durable.File, s string, off int64) {
	t.Helper()
	if _, err := f.WriteAt([]byte(s), off); err != nil {
		t.Fatal(err)
	}
}

func TestCrashForgetsWhatWasNotSynced(t *testing.T) {
	for _, c := range []struct {
		keep             Keep
		syncDir, syncOne bool
		want             string // "-": no file
	}{
		{Nothing, false, true, "-"},
		{Nothing, true, false, ""},
		{Nothing, true, true, "one"},
		{Everything, false, false, "onetwo"},
		{Everything, true, true, "onetwo"},
	} {
		d := New(1)
		f := create(t, d, "/a")
		write(t, f, "one", 0)
		if c.syncOne {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		if c.syncDir {
			if err := d.SyncDir("/"); err != nil {
				t.Fatal(err)
			}
		}
		write(t, f, "two", 3)
		d.Crash(c.keep)
		got, err := durable.ReadFile(d, "/a")
		if errors.Is(err, fs.ErrNotExist) {
			got = []byte("-")
		}
		if string(got) != c.want {
			t.Errorf("%+v: %q", c, got)
		}
		if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, ErrCrashed) {
			t.Errorf("a handle from before the crash: %v", err)
		}
	}
}

func TestCrashKeepsPrefixesAndScatteredWrites(t *testing.T) {
	seen := map[Keep]map[string]bool{Prefix: {}, Scattered: {}}
	for keep := range seen {
		for seed := range uint64(200) {
			d := New(seed)
			f := create(t, d, "/a")
			if err := d.SyncDir("/"); err != nil {
				t.Fatal(err)
			}
			write(t, f, "ab", 0)
			write(t, f, "cd", 2)
			d.Crash(keep)
			seen[keep][string(d.Files()["/a"])] = true
		}
	}
	for keep, want := range map[Keep][]string{
		Prefix:    {"", "a", "ab", "abc", "abcd"},
		Scattered: {"", "ab", "\x00\x00cd", "abcd"},
	} {
		if len(seen[keep]) != len(want) {
			t.Errorf("keep %d: %d outcomes, want %q", keep, len(seen[keep]), want)
		}
		for _, w := range want {
			if !seen[keep][w] {
				t.Errorf("keep %d: never %q", keep, w)
			}
		}
	}
}

func TestNamesNeedSyncDir(t *testing.T) {
	d := New(1)
	if err := durable.WriteFile(d, "/a", []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Rename("/a", "/b"); err != nil {
		t.Fatal(err)
	}
	d.Crash(Nothing)
	if _, err := d.Stat("/a"); err != nil {
		t.Errorf("a rename that was not synced is not undone: %v", err)
	}
	if err := errors.Join(d.Rename("/a", "/b"), d.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	d.Crash(Nothing)
	if _, err := d.Stat("/b"); err != nil {
		t.Errorf("a rename that was synced is undone: %v", err)
	}
}

func TestFailAt(t *testing.T) {
	for _, c := range []struct {
		outcome Outcome
		want    string
	}{{Lost, "one"}, {Done, "two"}} {
		d := New(1)
		f := create(t, d, "/a")
		write(t, f, "one", 0)
		d.FailAt(1, c.outcome, true)
		if _, err := f.WriteAt([]byte("two"), 0); !errors.Is(err, syscall.EIO) {
			t.Errorf("want EIO, got %v", err)
		}
		if got := string(d.Files()["/a"]); got != c.want {
			t.Errorf("outcome %d: %q", c.outcome, got)
		}
		if err := f.Sync(); !errors.Is(err, ErrInjected) {
			t.Errorf("after a fault that stops: %v", err)
		}
	}
}

// TestCrashForgetsDirectories: a directory that the one above it was not synced
// for is lost, with all that was synced in it.
func TestCrashForgetsDirectories(t *testing.T) {
	for _, c := range []struct {
		above, inside, want bool
	}{{false, true, false}, {true, false, false}, {true, true, true}} {
		d := New(1)
		if err := d.Mkdir("/a", 0o700); err != nil {
			t.Fatal(err)
		}
		f := create(t, d, "/a/file")
		write(t, f, "one", 0)
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		for dir, sync := range map[string]bool{"/": c.above, "/a": c.inside} {
			if sync {
				if err := d.SyncDir(dir); err != nil {
					t.Fatal(err)
				}
			}
		}
		d.Crash(Nothing)
		if _, err := durable.ReadFile(d, "/a/file"); (err == nil) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
		if info, err := d.Stat("/a"); (err == nil) != c.above || err == nil && !info.IsDir() {
			t.Errorf("%+v: %v, %v", c, info, err)
		}
	}
	if err := New(1).Mkdir("/a/b", 0o700); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a directory that is not there: %v", err)
	}
}
