package fanotify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/reach"
)

// missing skips for want of something, except in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("STELE_CI") == "1" {
		t.Fatal("missing in CI: " + what)
	}
	t.Skip("needs " + what)
}

func openSensor(t *testing.T) *Sensor {
	t.Helper()
	r := reach.New()
	s, err := Open(Config{Reach: r, Actors: actor.Proc(), Own: -1, Want: func(string) bool { return true }, Seen: func() {}, Now: time.Now})
	if err != nil {
		missing(t, "fanotify: "+err.Error())
	}
	t.Cleanup(func() { s.Close(); r.Close() })
	return s
}

// No mark that is set while the kernel's are listed seems to be missing; the twin
// is one that was taken away.
func TestRestoreWhileMarking(t *testing.T) {
	s, top := openSensor(t), t.TempDir()
	const many = 500
	for i := range many {
		if err := os.Mkdir(filepath.Join(top, fmt.Sprint(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() {
		for i := range many {
			if err := s.MarkDir(filepath.Join(top, fmt.Sprint(i)), Content); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	at := func(_ string, do func()) error { do(); return nil }
	for marking := true; marking; {
		select {
		case err := <-done:
			if err != nil {
				missing(t, "that many marks: "+err.Error())
			}
			marking = false
		default:
		}
		if lost, whole, err := s.Restore(context.Background(), at); len(lost) > 0 || !whole || err != nil {
			t.Fatalf("%d of %d are missing: %q, %v %v", len(lost), s.Marks(), lost, whole, err)
		}
	}
	one := filepath.Join(top, "0")
	if err := unix.FanotifyMark(s.FD(), unix.FAN_MARK_REMOVE, s.group.mask(Content), unix.AT_FDCWD, one); err != nil {
		t.Fatal(err)
	}
	if lost, _, _ := s.Restore(context.Background(), at); len(lost) != 1 || lost[0] != one {
		t.Errorf("missing: %q, want %s", lost, one)
	}
}

// A directory that is forgotten takes all names below it along, and no other.
func TestForget(t *testing.T) {
	s, top := openSensor(t), t.TempDir()
	for i := range 600 {
		for _, d := range []string{"gone", "stays", "gone-not"} {
			dir := filepath.Join(top, d, fmt.Sprint(i))
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if d == "gone" || i == 0 {
				if err := s.MarkDir(dir, Content); err != nil {
					missing(t, "that many marks: "+err.Error())
				}
			}
		}
	}
	s.Forget(filepath.Join(top, "gone"))
	if n := s.Marks(); n != 2 {
		t.Errorf("%d marks are left, want 2", n)
	}
	s.Forget(filepath.Join(top, "nothing"))
	if n := s.Marks(); n != 2 {
		t.Errorf("benign twin: %d marks are left, want 2", n)
	}
}
