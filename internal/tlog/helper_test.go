package tlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/entry"
)

// The key of these tests is made from a constant seed.
const (
	testOrigin = "log.example/tlog"
	deadline   = 5 * time.Minute
)

func testKey(t testing.TB) (note.Signer, *entry.LogKey) {
	t.Helper()
	signer, key, err := newTestKey()
	check(t, err)
	return signer, key
}

func newTestKey() (note.Signer, *entry.LogKey, error) {
	skey, vkey, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)), testOrigin)
	if err != nil {
		return nil, nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, nil, err
	}
	key, err := entry.ParseLogKey(vkey)
	return signer, key, err
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string) *Log {
	t.Helper()
	signer, key := testKey(t)
	l, err := Open(t.Context(), Config{Dir: dir, Signer: signer, Key: key, Log: slog.New(slog.DiscardHandler)})
	check(t, err)
	t.Cleanup(func() { l.Close(context.Background()) })
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	check(t, l.Close(ctx))
}

// content is the i-th entry of every log in these tests: 0 to 600 bytes.
func content(i uint64) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, i))
	return bytes.Repeat(sum[:], 19)[:int(binary.BigEndian.Uint16(sum[:]))%600]
}

func contents(from, to uint64) [][]byte {
	var all [][]byte
	for i := from; i < to; i++ {
		all = append(all, content(i))
	}
	return all
}

// grow appends entries up to a size, in steps, so that partial tiles of many
// widths come about.
func grow(t testing.TB, l *Log, size, step uint64) {
	t.Helper()
	for from := l.Size(); from < size; from = l.Size() {
		to := min(from+step, size)
		first, err := l.Append(t.Context(), contents(from, to))
		check(t, err)
		if first != from || l.Size() != to {
			t.Fatalf("appended at %d, size %d; want %d and %d", first, l.Size(), from, to)
		}
	}
}

// logDir is where a log may be begun. Tessera's goroutines can make one more file
// in it after a log that failed was closed, such as a lock, so that to remove it may
// take a second try.
func logDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "stele-log-")
	check(t, err)
	t.Cleanup(func() {
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			err := os.RemoveAll(dir)
			if err == nil {
				return
			}
			if time.Now().After(end) {
				t.Error(err)
				return
			}
		}
	})
	return filepath.Join(dir, "log")
}

// makeLog writes a log of that size and closes it.
func makeLog(t testing.TB, size, step uint64) string {
	t.Helper()
	dir := logDir(t)
	l := open(t, dir)
	grow(t, l, size, step)
	closeLog(t, l)
	return dir
}

func openTree(t testing.TB, dir string) (*Dir, *Tree) {
	t.Helper()
	_, key := testKey(t)
	d, err := OpenDir(dir)
	check(t, err)
	cp, err := d.Checkpoint(key)
	check(t, err)
	return d, NewTree(d, cp)
}

// wantEntries reads a stream that must be whole and right.
func wantEntries(t testing.TB, tree *Tree, from, to uint64) {
	t.Helper()
	next := from
	for e, err := range tree.Entries(t.Context(), from, to) {
		check(t, err)
		if e.Index != next || !bytes.Equal(e.Bytes, content(next)) {
			t.Fatalf("entry %d came in place of %d, or has other bytes", e.Index, next)
		}
		next++
	}
	if next != max(from, to) {
		t.Fatalf("stream ended at %d, want %d", next, to)
	}
}

// problems runs CheckFiles.
func problems(t testing.TB, d *Dir, tree *Tree) map[string]error {
	t.Helper()
	found := map[string]error{}
	check(t, d.CheckFiles(t.Context(), tree, func(path string, problem error) { found[path] = problem }))
	return found
}

func wantSound(t testing.TB, dir string, size uint64) {
	t.Helper()
	d, tree := openTree(t, dir)
	if got := tree.Checkpoint().Size; got != size {
		t.Fatalf("checkpoint covers %d entries, want %d", got, size)
	}
	wantEntries(t, tree, 0, size)
	if p := problems(t, d, tree); len(p) > 0 {
		t.Fatalf("problems in a sound log: %v", p)
	}
}

// copyDir copies a log, for a test to spoil.
func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	check(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

func files(t testing.TB, dir string) []logFile {
	t.Helper()
	d, err := OpenDir(dir)
	check(t, err)
	var all []logFile
	for f, err := range d.files() {
		check(t, err)
		all = append(all, f)
	}
	return all
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, data, 0o644))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	return data
}
