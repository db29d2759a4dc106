package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/durable/faultdisk"
)

// Whatever holds for the disk of the tests must hold for the real one.
func eachFS(t *testing.T, test func(t *testing.T, fsys durable.FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, durable.OS, t.TempDir()) })
	t.Run("faultdisk", func(t *testing.T) {
		d := faultdisk.New(1)
		if err := durable.MkdirAll(d, "/d", 0o700); err != nil {
			t.Fatal(err)
		}
		test(t, d, "/d")
	})
}

func TestFSDoesWhatItSays(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys durable.FS, dir string) {
		path := filepath.Join(dir, "a")
		if _, err := fsys.OpenFile(path, os.O_RDWR, 0); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("open what is not there: %v", err)
		}
		if err := durable.WriteFile(fsys, path, []byte("one"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); !errors.Is(err, os.ErrExist) {
			t.Errorf("create what is there: %v", err)
		}
		f, err := fsys.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("more"), 5); err != nil {
			t.Fatal(err)
		}
		if got, err := durable.ReadFile(fsys, path); err != nil || string(got) != "one\x00\x00more" {
			t.Errorf("read %q, %v", got, err)
		}
		if err := f.Truncate(2); err != nil {
			t.Fatal(err)
		}
		if got, err := durable.ReadFrom(f, 1); err != nil || string(got) != "n" {
			t.Errorf("read %q, %v", got, err)
		}
		if err := errors.Join(f.Sync(), f.Close(), fsys.SyncDir(dir)); err != nil {
			t.Fatal(err)
		}
		if err := durable.Shred(fsys, path); err != nil {
			t.Fatal(err)
		}
		if list, err := fsys.ReadDir(dir); err != nil || len(list) != 0 {
			t.Errorf("left: %v, %v", list, err)
		}
	})
}

func TestWriteFileIsOldOrNew(t *testing.T) {
	for n := 1; n < 12; n++ {
		for _, outcome := range []faultdisk.Outcome{faultdisk.Lost, faultdisk.Done, faultdisk.Torn} {
			for _, keep := range []faultdisk.Keep{faultdisk.Nothing, faultdisk.Prefix, faultdisk.Everything, faultdisk.Scattered} {
				d := faultdisk.New(uint64(n))
				if err := durable.WriteFile(d, "/a", []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
				d.FailAt(n, outcome, true)
				err := durable.WriteFile(d, "/a", []byte("the new one"), 0o600)
				d.Crash(keep)
				got, rerr := durable.ReadFile(d, "/a")
				if rerr != nil {
					t.Fatal(rerr)
				}
				if s := string(got); s != "the new one" && (s != "old" || err == nil) {
					t.Errorf("call %d, outcome %d, keep %d: %q after %v", n, outcome, keep, got, err)
				}
			}
		}
	}
}

func TestShredLeavesNothingInTheFile(t *testing.T) {
	d := faultdisk.New(1)
	if err := durable.WriteFile(d, "/a", []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := d.OpenFile("/a", os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.Shred(d, "/a"); err != nil {
		t.Fatal(err)
	}
	if got, _ := durable.ReadFrom(f, 0); !bytes.Equal(got, make([]byte, 6)) {
		t.Errorf("who had it open reads %q", got)
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := durable.LockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = durable.LockFile(path)
	if !errors.Is(err, durable.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("want ErrLocked by process %d, got %v", os.Getpid(), err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if l, err = durable.LockFile(path); err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

const magic = "test 1"

// file renders batches of payloads.
func file(batches ...[]string) []byte {
	b := durable.Header(magic)
	for _, batch := range batches {
		for i, p := range batch {
			b = durable.AppendFrame(b, []byte(p), i == len(batch)-1)
		}
	}
	return b
}

func walk(t testing.TB, data []byte) (payloads []string, damages []durable.Damage) {
	t.Helper()
	damages, err := durable.Walk("f", magic, 0, data, func(f durable.Frame) error {
		payloads = append(payloads, string(f.Payload))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return payloads, damages
}

func TestWalkTellsTornFromDamaged(t *testing.T) {
	whole := file([]string{"a", "bb"}, []string{"ccc"}, []string{"dddd", "eeeee"})
	at := func(p string) int { return bytes.Index(whole, []byte(p)) }
	flip := func(i int) []byte { b := slices.Clone(whole); b[i] ^= 4; return b }
	for _, c := range []struct {
		name string
		data []byte
		want []string
		torn []bool
		off  int
	}{
		{"whole", whole, []string{"a", "bb", "ccc", "dddd", "eeeee"}, nil, 0},
		{"cut in the last frame", whole[:len(whole)-1], []string{"a", "bb", "ccc", "dddd"}, []bool{true}, at("eeeee") - 8},
		{"cut in the head of a frame", whole[:at("dddd")-3], []string{"a", "bb", "ccc"}, []bool{true}, at("dddd") - 8},
		{"last frame is other bytes", flip(at("eeeee")), []string{"a", "bb", "ccc", "dddd"}, []bool{true}, at("eeeee") - 8},
		{"first of the last batch is lost, the rest came", flip(at("dddd")), []string{"a", "bb", "ccc"}, []bool{true}, at("dddd") - 8},
		{"a batch was completed behind it", flip(at("bb")), []string{"a", "ccc", "dddd", "eeeee"}, []bool{false}, at("bb") - 8},
		{"length in the middle", flip(at("bb") - 8), []string{"a", "ccc", "dddd", "eeeee"}, []bool{false}, at("bb") - 8},
		{"length beyond the end", flip(at("bb") - 5), []string{"a", "ccc", "dddd", "eeeee"}, []bool{false}, at("bb") - 8},
		{"zeros at the end", append(slices.Clone(whole), 0, 0, 0, 0, 0, 0, 0, 0, 0), []string{"a", "bb", "ccc", "dddd", "eeeee"}, []bool{true}, len(whole)},
		{"header", flip(2), []string{"a", "bb", "ccc", "dddd", "eeeee"}, []bool{false}, 0},
		{"nothing", nil, nil, []bool{false}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, damages := walk(t, c.data)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			var torn []bool
			for _, d := range damages {
				torn = append(torn, d.Torn)
			}
			if diff := cmp.Diff(c.torn, torn); diff != "" {
				t.Error(diff)
			}
			if len(damages) > 0 && damages[0].Offset != int64(c.off) {
				t.Errorf("at %d, want %d", damages[0].Offset, c.off)
			}
		})
	}
}

// FuzzWalk demands that every byte is accounted for, exactly once.
func FuzzWalk(f *testing.F) {
	f.Add(file([]string{"a", "bb"}, []string{"ccc"}))
	f.Add(file([]string{"a", "bb"}, []string{"ccc"})[:40])
	f.Fuzz(func(t *testing.T, data []byte) { accounted(t, data) })
}

func accounted(t testing.TB, data []byte) {
	t.Helper()
	covered := make([]int, len(data))
	cover := func(from, n int64) {
		for i := from; i < from+n; i++ {
			covered[i]++
		}
	}
	damages, err := durable.Walk("f", magic, 0, data, func(f durable.Frame) error {
		cover(f.Offset, f.End()-f.Offset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	headed := false
	for _, d := range damages {
		cover(d.Offset, d.Bytes)
		headed = headed || d.Offset == 0
	}
	if !headed {
		cover(0, durable.HeaderSize)
	}
	for i, n := range covered {
		if n != 1 {
			t.Fatalf("byte %d of %d is accounted for %d times; damages: %v", i, len(data), n, damages)
		}
	}
}

func TestWalkAccountsForEveryByteOfADamagedFile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data := file(rapid.SliceOfN(rapid.SliceOfN(rapid.StringN(1, 20, -1), 1, 4), 0, 5).Draw(rt, "batches")...)
		for range rapid.IntRange(0, 3).Draw(rt, "flips") {
			data[rapid.IntRange(0, len(data)-1).Draw(rt, "at")] ^= rapid.Byte().Draw(rt, "by")
		}
		accounted(t, data[:rapid.IntRange(0, len(data)).Draw(rt, "cut")])
	})
}

// TestAppenderKeepsWhatItSynced appends until something fails, cuts the power,
// and demands every frame that was synced and no damage but a torn tail.
func TestAppenderKeepsWhatItSynced(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := faultdisk.New(rapid.Uint64().Draw(rt, "seed"))
		a, err := durable.Create(d, "/a", durable.Header(magic), 0o600)
		if err != nil {
			rt.Fatal(err)
		}
		d.FailAt(rapid.IntRange(1, 12).Draw(rt, "fails at"), faultdisk.Outcome(rapid.IntRange(0, 2).Draw(rt, "outcome")), true)
		var synced []string
		for i := 0; err == nil; i++ {
			p := fmt.Sprint("payload ", i)
			if _, err = a.Write(durable.AppendFrame(nil, []byte(p), true)); err == nil {
				if err = a.Sync(); err == nil {
					synced = append(synced, p)
				}
			}
		}
		d.Crash(faultdisk.Keep(rapid.IntRange(0, 3).Draw(rt, "keep")))
		data, err := durable.ReadFile(d, "/a")
		if err != nil {
			rt.Fatal(err)
		}
		got, damages := walk(t, data)
		if len(got) < len(synced) || len(got) > len(synced)+1 || !slices.Equal(got[:len(synced)], synced) {
			rt.Fatalf("got %q, synced %q", got, synced)
		}
		for _, g := range damages {
			if !g.Torn {
				rt.Fatalf("damage that is not torn: %v", &g)
			}
		}
	})
}

func TestAppenderGoesOnAfterAFullDisk(t *testing.T) {
	d := faultdisk.New(1)
	a, err := durable.Create(d, "/a", durable.Header(magic), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	d.SetRoom(5)
	if _, err := a.Write(durable.AppendFrame(nil, []byte("first"), true)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("want ENOSPC, got %v", err)
	}
	if err := a.Rollback(); err != nil {
		t.Fatal(err)
	}
	d.SetRoom(-1)
	if _, err := a.Write(durable.AppendFrame(nil, []byte("second"), true)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Sync(), a.Close()); err != nil {
		t.Fatal(err)
	}
	got, damages := walk(t, d.Files()["/a"])
	if diff := cmp.Diff([]string{"second"}, got); diff != "" || len(damages) > 0 {
		t.Errorf("%s %v", diff, damages)
	}
}

func TestAppenderDoesNotSyncAgainAfterAFailure(t *testing.T) {
	d := faultdisk.New(1)
	a, err := durable.Create(d, "/a", durable.Header(magic), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	d.FailAt(1, faultdisk.Lost, false)
	if err := a.Sync(); !errors.Is(err, faultdisk.ErrInjected) {
		t.Fatalf("want the injected error, got %v", err)
	}
	_, werr := a.Write([]byte("y"))
	for _, err := range []error{a.Sync(), a.Rollback(), werr} {
		if !errors.Is(err, durable.ErrPoisoned) {
			t.Errorf("want ErrPoisoned, got %v", err)
		}
	}
}
