package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// A power cut leaves the database with some beginning of its write-ahead log.
// The index then ends at the end of some Add, and goes on from there.
func TestGoesOnAfterPowerCut(t *testing.T) {
	w := newLog(12, 3, 400)
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	ends := []uint64{0}
	for at := 0; at < len(w.all); {
		n := min(len(w.all), at+40)
		add(t, x, w.all[at:n])
		if at = n; at == 200 {
			foldNow(t, x)
		}
		ends = append(ends, uint64(at))
	}
	db, err1 := os.ReadFile(x.cfg.Path)
	wal, err2 := os.ReadFile(x.cfg.Path + "-wal")
	if err1 != nil || err2 != nil || len(wal) < 100000 {
		t.Fatalf("%v, %v, %d bytes", err1, err2, len(wal))
	}
	rng := rand.New(rand.NewPCG(1, 5))
	shortest := ends[len(ends)-1]
	for i := range 25 {
		cut := wal[:rng.IntN(len(wal))]
		if i%3 == 0 { // the last sector never arrived
			cut = append(slices.Clone(cut[:len(cut)/512*512]), make([]byte, 512)...)
		}
		path := laid(t, db)
		if err := os.WriteFile(path+"-wal", cut, 0o600); err != nil {
			t.Fatal(err)
		}
		y, err := Open(t.Context(), Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		next, err := y.Next(t.Context())
		if err != nil || !slices.Contains(ends, next) {
			t.Fatalf("cut at %d of %d: ends at %d, %v", len(cut), len(wal), next, err)
		}
		shortest = min(shortest, next)
		add(t, y, w.all[next:])
		mustCheck(t, y, w.all)
		y.Close()
	}
	if shortest == ends[len(ends)-1] {
		t.Error("no cut lost anything")
	}
}

// An entry of one change takes at most 200 bytes, everything included.
func TestSize(t *testing.T) {
	const n = 25000
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	f := &fleet{hosts: 200, changes: 1, files: 10}
	for f.next < n {
		add(t, x, f.batch(1000))
	}
	foldNow(t, x)
	if err := x.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(x.cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f bytes for an entry", float64(st.Size())/n)
	if st.Size() > 200*n {
		t.Errorf("%d bytes for %d entries", st.Size(), n)
	}
}

func TestFullDisk(t *testing.T) {
	w := newLog(13, 3, 3000)
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	add(t, x, w.all[:100])
	pragma(t, x, `PRAGMA max_page_count = 40`)
	err := x.Add(t.Context(), w.all[100:])
	var e *sqlite.Error
	if !errors.As(err, &e) || e.Code() != sqlite3.SQLITE_FULL || errors.Is(err, index.ErrDamaged) {
		t.Fatalf("add to a full disk: %v", err)
	}
	mustCheck(t, x, w.all[:100])
	pragma(t, x, `PRAGMA max_page_count = 1000000`)
	add(t, x, w.all[100:])
	mustCheck(t, x, w.all)
}

func pragma(t *testing.T, x *Index, query string) {
	t.Helper()
	rows, err := x.w.conn.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
}

const readerEnv, readerCount = "STELE_INDEX_TEST_READ", "STELE_INDEX_TEST_COUNT"

// TestReaderProcess is the other process of TestReadersBesideWriter.
func TestReaderProcess(t *testing.T) {
	path := os.Getenv(readerEnv)
	if path == "" {
		t.Skip("started by TestReadersBesideWriter only")
	}
	want, err := strconv.Atoi(os.Getenv(readerCount))
	if err != nil {
		t.Fatal(err)
	}
	x, err := Open(t.Context(), Config{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	passes := 0
	for seen, deadline := 0, time.Now().Add(2*time.Minute); seen < want; passes++ {
		if time.Now().After(deadline) {
			t.Fatalf("saw %d entries of %d", seen, want)
		}
		got := indexes(t, x, index.Filter{NewestFirst: passes%2 == 0})
		if passes%2 == 0 {
			slices.Reverse(got)
		}
		if len(got) < seen {
			t.Fatalf("%d entries after %d", len(got), seen)
		}
		for i, index := range got {
			if index != uint64(i) {
				t.Fatalf("entry %d in place %d", index, i)
			}
		}
		seen = len(got)
		host := indexes(t, x, index.Filter{Host: "web-1"})
		if !slices.IsSorted(host) {
			t.Fatalf("out of order: %v", host)
		}
	}
	fmt.Printf("read %d times\n", passes)
}

func TestReadersBesideWriter(t *testing.T) {
	w := newLog(14, 3, 4000)
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	add(t, x, w.all[:10])
	var readers []*exec.Cmd
	for range 2 {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReaderProcess$", "-test.count=1")
		c.Env = append(os.Environ(), readerEnv+"="+x.cfg.Path, readerCount+"="+strconv.Itoa(len(w.all)))
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		readers = append(readers, c)
	}
	for at := 10; at < len(w.all); at += 30 {
		add(t, x, w.all[at:min(len(w.all), at+30)])
		if at%600 == 10 {
			foldNow(t, x)
			if err := x.Flush(t.Context()); err != nil && !errors.Is(err, index.ErrHeld) {
				t.Fatal(err)
			}
		}
	}
	for _, c := range readers {
		if err := c.Wait(); err != nil {
			t.Errorf("reader: %v", err)
		}
	}
	mustCheck(t, x, w.all)
}

// A log long enough to be folded by itself, on more subjects than a question
// keeps lists open for.
func TestManySubjects(t *testing.T) {
	if testing.Short() {
		t.Skip("18,000 entries")
	}
	w := newLog(15, 250, foldEntries+2000)
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	for at := 0; at < len(w.all); at += 1000 {
		add(t, x, w.all[at:min(len(w.all), at+1000)])
	}
	if x.w.folded == 0 || len(x.w.subjects) < 2*manyTerms {
		t.Fatalf("folded to %d, %d subjects", x.w.folded, len(x.w.subjects))
	}
	mustCheck(t, x, w.all)
	for _, f := range []index.Filter{
		{Path: "*"},
		{Path: "*", Limit: 30, NewestFirst: true},
		{Host: "web-*", NewestFirst: true, Limit: 9000},
		{Host: "web-*", Agent: "auditd", Actor: "jane"},
		{Agent: "telegraf", From: 3000, To: 12000, NewestFirst: true},
		{Path: "/etc/app", Kinds: []entry.Kind{entry.Change}, Since: epoch, Limit: 500},
	} {
		var got []index.Hit
		for h, err := range x.Entries(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, h)
		}
		want := newModel(w).find(f)
		same := slices.EqualFunc(got, want, func(a, b index.Hit) bool {
			return a.Ref == b.Ref && slices.Equal(a.Changes, b.Changes)
		})
		if !same || len(want) == 0 {
			t.Errorf("%+v: %d hits, want %d, or others", f, len(got), len(want))
		}
	}
}

// TestLongNames: a name too long to be kept in memory is the same one again, and
// after opening too.
func TestLongNames(t *testing.T) {
	all := newLog(9, 2, 60).all
	for i := range all {
		for k := range all[i].Changes {
			all[i].Changes[k].Path += strings.Repeat("/long", longName)
		}
	}
	x := built(t, all[:40])
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, x.cfg.Path)
	add(t, x, all[40:])
	mustCheck(t, x, all)
}
