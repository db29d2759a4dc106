package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/attribute"
	"github.com/stele-log/stele/internal/capture/reach"
)

// chattr is told of without a gap, between the look at the flags before it and the
// one that found it; so is its end. What changes nothing of the flags is not.
func TestChattr(t *testing.T) {
	needRoot(t)
	needTool(t, "chattr")
	dir := t.TempDir()
	a := filepath.Join(dir, "a.conf")
	write(t, a, "text")
	write(t, filepath.Join(dir, "b.conf"), "text")
	if err := setFlags(a, 0x10); err != nil {
		need(t, false, "flags in "+dir+": "+err.Error())
	}
	t.Cleanup(func() { _ = setFlags(a, 0) })
	if err := setFlags(a, 0); err != nil {
		t.Fatal(err)
	}
	w := watch(t, Config{Paths: []string{dir}, Want: isConf, flagsSoonest: 20 * time.Millisecond})
	var before string
	remembers, named, sure := w.layer(LayerBPF).Live && touched(w), 0, 0
	for _, c := range []struct{ command, want string }{
		{"chattr +i a.conf", "immutable"},
		{"chattr -i a.conf", ""},
		{"chattr +Aa a.conf", "append-only,no-atime"},
		{"chattr -a a.conf", "no-atime"},
		{"chattr -A a.conf", ""},
	} {
		begun := time.Now()
		run(t, dir, "sh", "-c", c.command)
		o := w.next(1)[0]
		if got := attribute.Flags(o.Known.Flags); got != c.want || attribute.Flags(o.Before.Flags) != before {
			t.Errorf("%s: flags %q, were %q, want %q and %q", c.command, got, attribute.Flags(o.Before.Flags), c.want, before)
		}
		if o.Path != a || o.Action != body.Attributes || o.Who != nil && !remembers || o.Since.IsZero() || o.Time.Before(begun) || o.Since.After(o.Time) {
			t.Errorf("%s: told %+v", c.command, o)
		}
		before = c.want
		if o.Who == nil { // forgotten, where a whole machine touches files
			continue
		}
		named++
		if filepath.Base(o.Who.Exe) != "chattr" {
			t.Errorf("%s: by %s (%s), want chattr", c.command, o.Who.Exe, o.Confidence)
		}
		if o.Confidence == body.Certain {
			sure++
		}
	}
	if remembers && named == 0 {
		t.Error("nobody is named")
	}
	// Who touched it before the first is not known: it was there before.
	if named == 5 && sure == 0 {
		t.Error("nobody is certain")
	}
	run(t, dir, "sh", "-c", "chattr +A b.conf; chattr -A b.conf; touch a.conf; cat a.conf; lsattr a.conf; chmod 644 a.conf")
	if got := w.settled(dir); len(got) > 0 && !flagsOfB(got) {
		t.Errorf("nothing changed: told%s", show(got))
	}
	if gaps := w.gapsSoFar(); len(gaps) > 0 {
		t.Errorf("gaps: %v", gaps)
	}
}

// flagsOfB: a flag of a moment may be met or not.
func flagsOfB(obs []Observation) bool {
	for _, o := range obs {
		if filepath.Base(o.Path) != "b.conf" || o.Action != body.Attributes {
			return false
		}
	}
	return true
}

func setFlags(path string, flags int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
}

// A scan that finds nothing but flags tells no gap.
func TestScanFindsFlags(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	a := filepath.Join(dir, "a.conf")
	write(t, a, "text")
	if err := setFlags(a, 0x80); err != nil {
		need(t, false, "flags in "+dir+": "+err.Error())
	}
	w := watch(t, Config{Paths: []string{dir}, Want: isConf, flagsSoonest: time.Hour, ScanEvery: 20 * time.Millisecond})
	if err := setFlags(a, 0); err != nil {
		t.Fatal(err)
	}
	if o := w.next(1)[0]; o.Known.Flags != 0 || o.Before.Flags != 0x80 || o.Since.IsZero() {
		t.Errorf("told %+v", o)
	}
	if gaps := w.gapsSoFar(); len(gaps) > 0 {
		t.Errorf("gaps: %v", gaps)
	}
}

// The more a look costs, the longer is the pause; a minute has one in any case.
func TestPause(t *testing.T) {
	for spent, want := range map[time.Duration]time.Duration{
		0: flagsSoonest, 100 * time.Microsecond: flagsSoonest, 7 * time.Millisecond: 14 * time.Second, time.Minute: flagsLatest,
	} {
		if got := flagsPause(spent, flagsSoonest); got != want {
			t.Errorf("after %s: %s, want %s", spent, got, want)
		}
	}
}

func BenchmarkFlags(b *testing.B) {
	dir := b.TempDir()
	e := eye{reach: reach.New()}
	dirs := map[string][]entry{}
	for i := range 10_000 {
		sub := filepath.Join(dir, fmt.Sprint(i/20)) + "/"
		if i%20 == 0 {
			if err := os.Mkdir(sub, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		path := sub + fmt.Sprint(i)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			b.Fatal(err)
		}
		k, _, err := e.stat(path, false)
		if err != nil {
			b.Fatal(err)
		}
		dirs[sub] = append(dirs[sub], entry{filepath.Base(path), k})
	}
	for b.Loop() {
		for dir, entries := range dirs {
			if differ := e.flagged(dir, entries); len(differ) > 0 {
				b.Fatalf("%s: %d differ", dir, len(differ))
			}
		}
	}
}

// behind is a sensor that has some notifications yet to hand over.
type behind struct {
	deaf
	passed uint64
}

func (*behind) Queued() uint64   { return 5 }
func (b *behind) Passed() uint64 { return b.passed }

// What a look at the flags finds otherwise waits for the notifications that were queued
// by then: one of them may tell of it, and then nothing was missed.
func TestFlagsWaitForTheQueue(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	l, told := loopOf(t.Context(), c), &behind{}
	l.sensor, l.flags = told, time.NewTimer(time.Hour)
	defer l.flags.Stop()
	k := l.look(path).known
	k.CtimeNs--
	l.recorded[path] = k
	l.lookAtFlags()
	p := l.pending[path]
	if p == nil || p.suspect == nil {
		t.Fatalf("not found: %+v", p)
	}
	if l.heard(p.suspect) {
		t.Error("settled with notifications in the queue")
	}
	if told.passed = 5; !l.heard(p.suspect) {
		t.Error("not settled, and all were handed over")
	}
}
