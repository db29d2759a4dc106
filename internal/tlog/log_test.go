package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	l := open(t, dir)
	for _, size := range []uint64{0, 1, 2, 255, 256, 257, 700, 1100} {
		grow(t, l, size, 300)
		signed, err := l.WaitPublished(t.Context(), size)
		check(t, err)
		_, key := testKey(t)
		cp, err := verify.OpenCheckpoint(key, signed)
		check(t, err)
		d, err := OpenDir(dir)
		check(t, err)
		tree := NewTree(d, cp)
		wantEntries(t, tree, 0, cp.Size)
		wantEntries(t, tree, size/2, size)
		wantProofs(t, tree)
	}
	closeLog(t, l)
	wantSound(t, dir, 1100)
	l = open(t, dir)
	grow(t, l, 1200, 7)
	closeLog(t, l)
	wantSound(t, dir, 1200)
}

// wantProofs checks proofs and roots with the functions of sumdb/tlog.
func wantProofs(t *testing.T, tree *Tree) {
	t.Helper()
	cp := tree.Checkpoint()
	for i := uint64(0); i < cp.Size; i += 1 + cp.Size/7 {
		got, err := tree.Entry(t.Context(), i)
		check(t, err)
		proof, err := tree.Inclusion(t.Context(), i)
		check(t, err)
		check(t, verify.Included(cp, i, got, proof))
		root, err := tree.RootAt(t.Context(), i+1)
		check(t, err)
		if i+1 < 300 && root != rootOf(t, i+1) {
			t.Fatalf("root at %d is wrong", i+1)
		}
		consistency, err := tree.Consistency(t.Context(), i+1)
		check(t, err)
		check(t, sumdb.CheckTree(consistency, int64(cp.Size), sumdb.Hash(cp.Root), int64(i+1), sumdb.Hash(root)))
	}
	if root, err := tree.RootAt(t.Context(), 0); err != nil || root != entry.EmptyRoot {
		t.Fatalf("root at 0: %v, %v", root, err)
	}
	for _, err := range []error{
		second(tree.Entry(t.Context(), cp.Size)), second(tree.Inclusion(t.Context(), cp.Size)),
		second(tree.RootAt(t.Context(), cp.Size+1)), second(tree.Consistency(t.Context(), cp.Size+1)),
	} {
		if err == nil || mismatched(err) {
			t.Fatalf("beyond the tree: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// rootOf computes a root from the entries alone, with code that is not ours.
func rootOf(t *testing.T, size uint64) entry.Hash {
	t.Helper()
	var stored []sumdb.Hash
	reader := sumdb.HashReaderFunc(func(indexes []int64) ([]sumdb.Hash, error) {
		var hashes []sumdb.Hash
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	for i := range size {
		h, err := sumdb.StoredHashes(int64(i), content(i), reader)
		check(t, err)
		stored = append(stored, h...)
	}
	root, err := sumdb.TreeHash(int64(size), reader)
	check(t, err)
	return entry.Hash(root)
}

func TestConcurrentAppendsStayWhole(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	signer, _ := testKey(t)
	l, err := Open(t.Context(), Config{Dir: dir, Signer: signer, MaxInFlight: 100}) // less than one call brings
	check(t, err)
	var mu sync.Mutex
	at := map[uint64]string{}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for k := range 5 {
				var entries [][]byte
				for i := range 1 + g*60 {
					entries = append(entries, fmt.Appendf(nil, "%d/%d/%d", g, k, i))
				}
				first, err := l.Append(context.Background(), entries)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for i, e := range entries {
					at[first+uint64(i)] = string(e)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	closeLog(t, l)
	_, tree := openTree(t, dir)
	if size := tree.Checkpoint().Size; size != uint64(len(at)) {
		t.Fatalf("%d entries, want %d", size, len(at))
	}
	for e, err := range tree.Entries(t.Context(), 0, uint64(len(at))) {
		check(t, err)
		if at[e.Index] != string(e.Bytes) {
			t.Fatalf("entry %d is %q, Append said %q", e.Index, e.Bytes, at[e.Index])
		}
	}
}

func TestAppendRefusals(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	l := open(t, dir)
	grow(t, l, 3, 3)
	if _, err := l.Append(t.Context(), [][]byte{{}, make([]byte, entry.MaxSize+1)}); err == nil {
		t.Error("an entry that is too large was taken")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	check(t, l.room.Acquire(t.Context(), defaultInFlight)) // no room
	if _, err := l.Append(gone, contents(3, 4)); !errors.Is(err, context.Canceled) {
		t.Errorf("no room and no time: %v", err)
	}
	l.room.Release(defaultInFlight)
	if first, err := l.Append(t.Context(), nil); err != nil || first != 3 {
		t.Errorf("append of nothing: %d, %v", first, err)
	}
	if l.Size() != 3 || l.err() != nil {
		t.Errorf("refusals left size %d, error %v", l.Size(), l.err())
	}
	first, err := l.Append(t.Context(), [][]byte{bytes.Repeat([]byte{1}, entry.MaxSize)})
	if err != nil || first != 3 {
		t.Errorf("the largest entry: %d, %v", first, err)
	}
	closeLog(t, l)
	if _, err := l.Append(t.Context(), contents(4, 5)); !errors.Is(err, errClosed) {
		t.Errorf("append to a closed log: %v", err)
	}
	check(t, l.Close(t.Context())) // again
}

func TestOneWriter(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	l := open(t, dir)
	signer, _ := testKey(t)
	if _, err := Open(t.Context(), Config{Dir: dir, Signer: signer}); !errors.Is(err, errInUse) {
		t.Fatalf("second writer: %v", err)
	}
	closeLog(t, l)
	closeLog(t, open(t, dir))
}

// Tessera itself refuses: nothing is left open, and the lock is free.
func TestOpenThatFails(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	signer, _ := testKey(t)
	l, err := Open(t.Context(), Config{Dir: dir, Signer: signer, CheckpointInterval: 1})
	if err == nil || l != nil {
		t.Fatalf("a checkpoint every nanosecond: %v, %v", l, err)
	}
	closeLog(t, open(t, dir))
	other, _, err := note.GenerateKey(nil, "another.example/log")
	check(t, err)
	stranger, err := note.NewSigner(other)
	check(t, err)
	if l, err := Open(t.Context(), Config{Dir: dir, Signer: stranger}); l != nil || !isFinding(err) {
		t.Fatalf("the log of another origin: %v, %v", l, err)
	}
}

// mumbler signs what it was not given.
type mumbler struct{ note.Signer }

func (m mumbler) Sign(msg []byte) ([]byte, error) { return m.Signer.Sign(append(msg, ' ')) }

// TestOpenedBeforePublished: a checkpoint that no verifier would open is not
// published, and nothing more is signed.
func TestOpenedBeforePublished(t *testing.T) {
	t.Parallel()
	signer, key := testKey(t)
	spaced, _, err := note.GenerateKey(nil, "other.example/log")
	check(t, err)
	other, err := note.NewSigner(spaced)
	check(t, err)
	for name, s := range map[string]note.Signer{"another text": mumbler{signer}, "another key": other} {
		dir := logDir(t)
		l, err := Open(t.Context(), Config{Dir: dir, Signer: s, Key: key})
		if err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, err = l.Append(ctx, contents(0, 1))
			if err == nil {
				_, err = l.WaitPublished(ctx, 1)
			}
			cancel()
			closing, cancel := context.WithTimeout(t.Context(), time.Minute)
			_ = l.Close(closing) // it says the same
			cancel()
		}
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, checkpointPath)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a checkpoint is there: %v", name, err)
		}
	}
}

func TestWaitPublishedEnds(t *testing.T) {
	t.Parallel()
	l := open(t, logDir(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.WaitPublished(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for what never comes: %v", err)
	}
	signed, err := l.WaitPublished(t.Context(), 0)
	check(t, err)
	if !strings.HasPrefix(string(signed), testOrigin+"\n0\n") {
		t.Errorf("first checkpoint:\n%s", signed)
	}
}

// A disk that fails: what follows must say so, sign nothing more, and lose
// nothing that was acknowledged.
func TestStorageErrorStopsTheLog(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	l := open(t, dir)
	grow(t, l, 10, 10)
	_, err := l.WaitPublished(t.Context(), 10)
	check(t, err)
	// A directory in the way of the file that the next batch is to make.
	inTheWay := filepath.Join(dir, "tile/0/000.p/15")
	check(t, os.MkdirAll(filepath.Join(inTheWay, "x"), 0o755))
	_, err = l.Append(t.Context(), contents(10, 15))
	if err == nil {
		t.Fatal("append on a failing disk succeeded")
	}
	check(t, os.RemoveAll(inTheWay))
	if _, again := l.Append(t.Context(), contents(10, 11)); again == nil || again.Error() != err.Error() {
		t.Errorf("a later append says %v, the first said %v", again, err)
	}
	if _, err := l.WaitPublished(t.Context(), 11); err == nil {
		t.Error("waiting for a checkpoint of a stopped log succeeded")
	}
	if err := l.Close(t.Context()); err == nil {
		t.Error("a stopped log closed without an error")
	}
	l = open(t, dir)
	grow(t, l, 30, 20)
	closeLog(t, l)
	wantSound(t, dir, 30)
}

// The right edge is damaged while the log is open: Tessera would build on it,
// and the key would sign a fork.
func TestDamagedEdgeIsNeverSigned(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tile/0/000.p/10", "tile/entries/000.p/10"} {
		t.Run(name, func(t *testing.T) {
			dir := logDir(t)
			l := open(t, dir)
			grow(t, l, 10, 10)
			before, err := l.WaitPublished(t.Context(), 10)
			check(t, err)
			path := filepath.Join(dir, name)
			data := read(t, path)
			data[len(data)-1] ^= 1
			write(t, path, data)
			l.Append(t.Context(), contents(10, 12))
			if _, err := l.WaitPublished(t.Context(), 12); !isFinding(err) {
				t.Errorf("waiting for a checkpoint on a damaged edge: %v", err)
			}
			if !bytes.Equal(read(t, filepath.Join(dir, "checkpoint")), before) {
				t.Error("a checkpoint was signed")
			}
			if err := l.Close(t.Context()); err == nil {
				t.Error("closed without an error")
			}
			signer, _ := testKey(t)
			if _, err := Open(t.Context(), Config{Dir: dir, Signer: signer}); !isFinding(err) {
				t.Errorf("opened again: %v", err)
			}
		})
	}
}

// Tessera promises the order of one caller's entries, not that of a batch its
// timer lets go and of one that is full. Were it to swap them, nobody is told a
// wrong index.
func TestWrongOrderStopsTheLog(t *testing.T) {
	t.Parallel()
	l := open(t, logDir(t))
	add := l.add
	l.add = func(ctx context.Context, e *tessera.Entry) tessera.IndexFuture {
		future := add(ctx, e)
		return func() (tessera.Index, error) {
			i, err := future()
			i.Index ^= 1
			return i, err
		}
	}
	if first, err := l.Append(t.Context(), contents(0, 2)); err == nil {
		t.Errorf("entries in another order were appended at %d", first)
	}
	if l.err() == nil || l.Size() != 0 {
		t.Errorf("error %v, size %d", l.err(), l.Size())
	}
}

func isFinding(err error) bool { return errors.As(err, new(*verify.Finding)) }
