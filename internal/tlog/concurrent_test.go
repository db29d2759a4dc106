package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sumdb "golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"

	"github.com/stele-log/stele/verify"
)

// Readers beside a writer: each checkpoint they see continues the last one, and
// neither entries nor files are ever wrong.
func TestReadBesideWriter(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	l := open(t, dir)
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for step := uint64(1); ctx.Err() == nil; step = step*5%90 + 1 {
			from := l.Size()
			if _, err := l.Append(context.Background(), contents(from, from+step)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var last verify.Checkpoint
	for range 12 {
		_, err := l.WaitPublished(t.Context(), last.Size+1)
		check(t, err)
		d, tree := openTree(t, dir)
		if last.Origin != "" {
			check(t, tree.Consistent(t.Context(), last))
		}
		last = tree.Checkpoint()
		wantEntries(t, tree, 0, last.Size)
		if p := problems(t, d, tree); len(p) > 0 {
			t.Errorf("problems beside a writer: %v", p)
		}
	}
	stop()
	writer.Wait()
	closeLog(t, l)
}

// Under an old checkpoint, after its partial tiles were cleared away.
func TestFullTilesStandInForPartialOnes(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	l := open(t, dir)
	grow(t, l, 300, 100)
	_, err := l.WaitPublished(t.Context(), 300)
	check(t, err)
	_, before := openTree(t, dir)
	grow(t, l, 700, 100)
	closeLog(t, l)
	for _, f := range files(t, dir) {
		if (f.Kind == tileFile || f.Kind == bundleFile) && f.Tile.L <= 0 && f.Tile.N < 2 && f.Tile.W < tileWidth {
			check(t, os.Remove(filepath.Join(dir, f.Path)))
		}
	}
	d, now := openTree(t, dir)
	for _, tree := range []*Tree{now, NewTree(d, before.Checkpoint())} {
		wantEntries(t, tree, 0, tree.Checkpoint().Size)
		wantProofs(t, tree)
		if p := problems(t, d, tree); len(p) > 0 {
			t.Errorf("under %d entries: %v", tree.Checkpoint().Size, p)
		}
	}
	// What is newer than the tree is held against it as far as the tree goes.
	path := filepath.Join(dir, "tile/entries/001")
	data := read(t, path)
	data[lengthSize] ^= 1
	write(t, path, data)
	if p := problems(t, d, NewTree(d, before.Checkpoint())); p["tile/entries/001"] == nil {
		t.Errorf("a newer file that contradicts: %v", p)
	}
}

func TestCancelledReads(t *testing.T) {
	t.Parallel()
	dir := makeLog(t, 2000, 2000)
	d, tree := openTree(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	read := 0
	for _, err := range tree.Entries(ctx, 0, 2000) {
		if last = err; err == nil {
			read++
		}
		cancel()
	}
	if !errors.Is(last, context.Canceled) || read == 2000 {
		t.Errorf("a cancelled stream ended after %d entries with %v", read, last)
	}
	if err := d.CheckFiles(ctx, tree, func(string, error) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("CheckFiles: %v", err)
	}
	if _, err := tree.Entry(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Entry: %v", err)
	}
}

// Not parallel: klog belongs to the process.
func TestDiagnostics(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	routeDiagnostics(log)
	klog.Warningf("publishing %d", 7)
	klog.Error(errors.New("no space"))
	klog.V(1).Info("chatter")
	releaseDiagnostics(log)
	klog.Warning("after the log was closed")
	got := out.String()
	for _, want := range []string{`level=INFO msg="log storage reported" detail="publishing 7"`, `level=ERROR msg="log storage reported" detail="no space"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 2 {
		t.Errorf("%d lines, want 2:\n%s", n, got)
	}
}

// A repaired edge is believed only if it leads to the root.
func TestEdgeIsRepaired(t *testing.T) {
	t.Parallel()
	sound := makeLog(t, 900, 900)
	for hashes := range 12 {
		dir := copyDir(t, sound)
		path := filepath.Join(dir, "tile/0/003.p/132")
		data := read(t, path)
		for i := range hashes {
			data[i*40] ^= 1
		}
		write(t, path, data)
		path = filepath.Join(dir, "tile/0/001") // a child of the edge of level 1
		data = read(t, path)
		data[77] ^= 1
		write(t, path, data)
		d, tree := openTree(t, dir)
		_, err := tree.RootAt(t.Context(), 850)
		if err == nil {
			wantEntries(t, tree, 0, 900)
		} else if hashes+1 <= maxDoubts || !mismatched(err) {
			t.Errorf("%d damaged hashes: %v", hashes, err)
		}
		p := problems(t, d, tree)
		if err == nil && (p["tile/0/001"] == nil || (p["tile/0/003.p/132"] == nil) != (hashes == 0)) {
			t.Errorf("%d damaged hashes: found %v", hashes, fmt.Sprint(p))
		}
		if len(p) == 0 {
			t.Errorf("%d damaged hashes: found nothing", hashes)
		}
	}
}

// counting is a slow Source that knows how many reads are under way.
type counting struct {
	Source
	now, most atomic.Int64
	stuck     int64 // from this bundle on, reads last until they are called off
}

func (c *counting) ReadTile(ctx context.Context, tile sumdb.Tile) ([]byte, string, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	if tile.L == bundle && tile.N >= c.stuck {
		<-ctx.Done()
		return nil, "", ctx.Err()
	}
	return c.Source.ReadTile(ctx, tile)
}

// A consumer that leaves early leaves no reader behind, and a slow one is not
// read ahead of without bound.
func TestEntriesLeaveNobodyBehind(t *testing.T) {
	t.Parallel()
	d, tree := openTree(t, makeLog(t, 4000, 4000))
	src := &counting{Source: d}
	for src.stuck = 1; src.stuck < 10; src.stuck++ {
		for e, err := range NewTree(src, tree.Checkpoint()).Entries(t.Context(), 0, 4000) {
			check(t, err)
			if e.Index == uint64(src.stuck)*tileWidth-1 {
				break
			}
		}
		if n := src.now.Load(); n != 0 {
			t.Fatalf("%d reads under way after the consumer left", n)
		}
	}
	if most := src.most.Load(); most > readAhead+1 {
		t.Errorf("%d reads at a time, want at most %d", most, readAhead+1)
	}
}
