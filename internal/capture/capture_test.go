package capture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/inode"
)

var errHandler = errors.New("handler is full")

// firstScan runs a capture to its first scan and returns what that told.
func firstScan(t *testing.T, cfg Config) ([]Observation, []Gap) {
	t.Helper()
	w := &watched{t: t}
	cfg.DigestKey, cfg.Handle = []byte("a key of the test"), w.handle
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	select {
	case <-c.Ready():
	case <-time.After(patience):
		t.Fatal("not ready")
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return w.take(), w.gapsSoFar()
}

func keep(known map[string]inode.Known, obs []Observation) {
	for _, o := range obs {
		if o.Action == body.Delete {
			delete(known, o.Path)
		} else {
			known[o.Path] = o.Known
		}
	}
}

// Acts 12 and 22: what changed while nobody watched, and the twin: nothing did.
func TestChangesWhileDown(t *testing.T) {
	t.Parallel()
	for _, scanOnly := range []bool{false, true} {
		t.Run(fmt.Sprintf("scan-only=%v", scanOnly), func(t *testing.T) {
			dir := t.TempDir()
			for _, n := range []string{"same", "touched", "edited", "gone", "mode"} {
				write(t, filepath.Join(dir, n), n)
			}
			cfg := Config{Paths: []string{dir}, Known: map[string]inode.Known{}, ScanOnly: scanOnly}
			obs, gaps := firstScan(t, cfg)
			keep(cfg.Known, obs)
			want := []string{"baseline edited edited", "baseline gone gone", "baseline mode mode", "baseline same same", "baseline touched touched"}
			if diff := cmp.Diff(want, lines(obs)); diff != "" || len(gaps) > 0 {
				t.Fatalf("first sight: gaps %v\n%s", gaps, diff)
			}
			cfg.Since = time.Now()
			if obs, gaps = firstScan(t, cfg); len(obs)+len(gaps) > 0 {
				t.Fatalf("nothing changed: %v%s", gaps, show(obs))
			}
			downEdits(t, dir)
			obs, gaps = firstScan(t, cfg)
			want = []string{"modify edited changed", "delete gone", "attributes mode mode", "create new new"}
			if diff := cmp.Diff(want, lines(obs)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]Gap{{Since: cfg.Since, Cause: CauseDown}}, gaps); diff != "" {
				t.Error(diff)
			}
			for _, o := range obs {
				if o.Who != nil || o.Confidence != body.Unknown || o.Layer != LayerScan {
					t.Errorf("%s: %v %s %s", line(o), o.Who, o.Confidence, o.Layer)
				}
			}
		})
	}
}

func downEdits(t *testing.T, dir string) {
	t.Helper()
	write(t, filepath.Join(dir, "touched"), "touched")
	write(t, filepath.Join(dir, "edited"), "changed")
	write(t, filepath.Join(dir, "new"), "new")
	if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "mode"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestScanOnlyFindsChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "one")
	w := watch(t, Config{Paths: []string{dir}, ScanOnly: true, ScanEvery: 20 * time.Millisecond})
	write(t, filepath.Join(dir, "a"), "two")
	if diff := cmp.Diff([]string{"modify a two"}, lines(w.next(1))); diff != "" {
		t.Error(diff)
	}
	if g := w.gapsSoFar(); len(g) > 0 {
		t.Errorf("a scan that is the only layer told gaps: %v", g)
	}
	st := w.c.Status()
	if st.Layers[0].Live || st.Layers[len(st.Layers)-1].Reason == "" {
		t.Errorf("layers %+v do not say that only the scan is live", st.Layers)
	}
}

// A file in whose place there is a directory is gone, and what is in the directory
// is new.
func TestDirectoryInThePlaceOfAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	w := watch(t, Config{Paths: []string{dir}, ScanOnly: true, ScanEvery: 20 * time.Millisecond})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(path, "b.conf"), "two")
	got := lines(w.next(2))
	slices.Sort(got)
	if diff := cmp.Diff([]string{"create b.conf two", "delete a.conf"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLargeFileIsKeptAsDigest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "big"), strings.Repeat("x", 100))
	obs, _ := firstScan(t, Config{Paths: []string{dir}, MaxSize: 99})
	if len(obs) != 1 || obs[0].HasContent || obs[0].Content != nil || obs[0].Size != 100 ||
		obs[0].Digest != "09ecb6ebc8bcefc733f6f2ec44f791abeed6a99edf0cc31519637898aebd52d8" || // of 100 times x
		!cmp.Equal(obs[0].Marks, []string{body.MarkTooLarge}) {
		t.Errorf("%+v", obs)
	}
	if obs, _ = firstScan(t, Config{Paths: []string{dir}, MaxSize: 100}); !obs[0].HasContent || obs[0].Digest != "" {
		t.Errorf("at the limit: %+v", obs)
	}
}

func TestHandlerErrorEndsRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "one")
	c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: func(context.Context, Batch) error { return errHandler }})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context()); !errors.Is(err, errHandler) {
		t.Errorf("Run: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	handle := func(context.Context, Batch) error { return nil }
	for name, cfg := range map[string]Config{
		"no handler":    {DigestKey: []byte("k")},
		"no key":        {Handle: handle},
		"relative path": {DigestKey: []byte("k"), Handle: handle, Paths: []string{"etc/x"}},
		"bad pattern":   {DigestKey: []byte("k"), Handle: handle, Paths: []string{"/etc/[x"}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
