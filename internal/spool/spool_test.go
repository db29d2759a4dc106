package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/durable/faultdisk"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

var when = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func item(n uint64) spool.Item {
	path := fmt.Sprintf("/etc/%d", n%3)
	return spool.Item{
		Seq: n, ID: entry.ID{byte(n), 1}, Time: when.Add(time.Duration(n)),
		States:     []spool.State{{Path: []byte(path), Entry: entry.ID{byte(n), 1}, Known: []byte(fmt.Sprintf(`{"n":%d}`, n))}},
		Submission: wire.Submission{Note: fmt.Appendf(nil, "note %d", n), Who: []byte("{}"), Texts: []wire.Text{{K: 0, Body: bytes.Repeat([]byte("x"), int(n)*50)}}},
	}
}

func open(t *testing.T, d *faultdisk.Disk) *spool.Spool {
	t.Helper()
	s, err := spool.Open(spool.Config{Dir: "/watch", FS: d})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// check holds a spool against what must be in it: every entry from first on up
// to acknowledged ones, whole and in order, and perhaps the one that was being
// put.
func check(t *testing.T, s *spool.Spool, first, put uint64, what string) {
	t.Helper()
	items, err := s.Pending(1000, 1<<30)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i, it := range items {
		want := item(it.Seq)
		if it.Seq != items[0].Seq+uint64(i) || !bytes.Equal(it.Submission.Note, want.Submission.Note) || !bytes.Equal(it.Submission.Texts[0].Body, want.Submission.Texts[0].Body) {
			t.Fatalf("%s: item %d is not what was put: %+v", what, i, it)
		}
	}
	head, ok := s.Head()
	if put > 0 && (!ok || head.Next < put) {
		t.Fatalf("%s: head at %d, %d were put", what, head.Next, put)
	}
	if n := put - first; uint64(len(items)) < n {
		t.Fatalf("%s: %d entries wait, want at least %d", what, len(items), n)
	}
	for _, st := range s.States() {
		if head.Next == 0 || !bytes.Contains(st.Known, []byte("n")) {
			t.Fatalf("%s: a state without an entry: %+v", what, st)
		}
	}
}

// TestEveryCallFails fails each call to the disk in turn, in each way, then cuts
// the power: what Put returned for is there, whole and in order, and the spool
// goes on.
func TestEveryCallFails(t *testing.T) {
	for _, outcome := range []faultdisk.Outcome{faultdisk.Lost, faultdisk.Done, faultdisk.Torn} {
		for _, keep := range []faultdisk.Keep{faultdisk.Nothing, faultdisk.Prefix, faultdisk.Everything, faultdisk.Scattered} {
			for n := 1; ; n++ {
				what := fmt.Sprintf("call %d, outcome %d, keep %d", n, outcome, keep)
				d := faultdisk.New(uint64(n))
				d.FailAt(n, outcome, false)
				put, forgot, err := work(d)
				if err != nil && !errors.Is(err, faultdisk.ErrInjected) {
					t.Fatalf("%s: %v", what, err)
				}
				if err == nil {
					break // more calls than there were
				}
				d.Crash(keep)
				s := open(t, d)
				if len(s.Damage()) > 0 {
					t.Fatalf("%s: a crash looks like damage: %v", what, s.Damage())
				}
				check(t, s, forgot, put, what)
				if err := s.Put(item(1000)); err != nil {
					t.Fatalf("%s: put after recovery: %v", what, err)
				}
			}
		}
	}
}

// TestReopenedThenCrash: opening writes the file anew, and what Put returned for
// after that survives a power cut as well as what it returned for before.
func TestReopenedThenCrash(t *testing.T) {
	for _, keep := range []faultdisk.Keep{faultdisk.Nothing, faultdisk.Prefix, faultdisk.Everything, faultdisk.Scattered} {
		d := faultdisk.New(1)
		s := open(t, d)
		if err := errors.Join(s.Put(item(0)), s.Close()); err != nil {
			t.Fatal(err)
		}
		if err := open(t, d).Put(item(1)); err != nil {
			t.Fatal(err)
		}
		d.Crash(keep)
		s = open(t, d)
		what := fmt.Sprintf("reopened, keep %d", keep)
		if len(s.Damage()) > 0 {
			t.Fatalf("%s: a crash looks like damage: %v", what, s.Damage())
		}
		check(t, s, 0, 2, what)
	}
}

// together is the first of three entries that work puts with one sync.
const together = 4

// work puts ten entries and lets go of some, and says how far it came: a Forget
// that failed may have been done.
func work(d *faultdisk.Disk) (put, forgot uint64, err error) {
	s, err := spool.Open(spool.Config{Dir: "/watch", FS: d})
	if err != nil {
		return 0, 0, err
	}
	for n := uint64(0); n < 10; n++ {
		items := []spool.Item{item(n)}
		if n == together {
			items = append(items, item(n+1), item(n+2))
		}
		if err := s.Put(items...); err != nil {
			return put, forgot, err
		}
		n += uint64(len(items) - 1)
		put = n + 1
		if n == 3 || n == 6 {
			forgot = n - 1
			if err := s.Forget(n-2, verify.Checkpoint{Note: []byte("cp")}, when); err != nil {
				return put, forgot, err
			}
		}
	}
	return put, forgot, s.Close()
}

// TestBeliefDoesNotGoBack: of two checkpoints that were proved one after the
// other the newer one is believed, in whatever order they are handed in.
func TestBeliefDoesNotGoBack(t *testing.T) {
	private, public, err := note.GenerateKey(nil, "example.org/log")
	if err != nil {
		t.Fatal(err)
	}
	key, err := entry.ParseLogKey(public)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	at := func(size uint64) verify.Checkpoint {
		text := fmt.Sprintf("example.org/log\n%d\n%s\n", size, entry.Hash{byte(size)})
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return verify.Checkpoint{Size: size, Note: signed}
	}
	for name, late := range map[string]func(*spool.Spool) error{
		"Forget":  func(s *spool.Spool) error { return s.Forget(0, at(10), when) },
		"Believe": func(s *spool.Spool) error { return s.Believe(at(10), when) },
	} {
		d := faultdisk.New(1)
		s := open(t, d)
		if err := errors.Join(s.Put(item(0)), s.Believe(at(12), when), late(s), s.Close()); err != nil {
			t.Fatal(err)
		}
		if cp, err := open(t, d).Believed(key); err != nil || cp.Size != 12 {
			t.Errorf("%s: believes %d leaves, %v", name, cp.Size, err)
		}
	}
}

// TestBroken: after a failure the spool refuses everything, because nobody knows
// what is on disk.
func TestBroken(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	d.FailAt(1, faultdisk.Lost, true)
	var broken *spool.Broken
	if err := s.Put(item(0)); !errors.As(err, &broken) {
		t.Fatalf("put says %v", err)
	}
	if err := s.Put(item(1)); !errors.As(err, &broken) {
		t.Fatalf("put after a failure says %v", err)
	}
}

// TestDamage: an altered byte is reported and the file kept aside; the rest is
// used.
func TestDamage(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	for n := range uint64(5) {
		if err := s.Put(item(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b := d.Files()["/watch/spool"]
	b[len(b)/3] ^= 1
	d.Put("/watch/spool", b)
	s = open(t, d)
	if len(s.Damage()) == 0 {
		t.Fatal("an altered byte was not noticed")
	}
	if _, ok := d.Files()["/watch/spool.damaged"]; !ok {
		t.Fatal("the damaged file was not kept")
	}
	if s.Len() == 0 {
		t.Fatal("nothing of the rest was used")
	}
}

// TestCompact: the file does not grow with what is no longer needed.
func TestCompact(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	for n := range uint64(400) {
		it := item(n % 200)
		it.Seq = n
		it.Submission.Texts[0].Body = bytes.Repeat([]byte("y"), 64<<10)
		if err := s.Put(it); err != nil {
			t.Fatal(err)
		}
		if err := s.Forget(n, verify.Checkpoint{Note: []byte("cp")}, when); err != nil {
			t.Fatal(err)
		}
	}
	if size := len(d.Files()["/watch/spool"]); size > 8<<20 {
		t.Fatalf("the file has %d bytes with nothing in it", size)
	}
	if s.Len() != 0 || len(s.States()) != 3 {
		t.Fatalf("%d waiting, %d states", s.Len(), len(s.States()))
	}
}

// TestLimit: a spool takes no more than its limit, keeps room for one entry that
// says so, and has room again once entries are acknowledged. What waits is as it
// was put, over a restart too.
func TestLimit(t *testing.T) {
	d := faultdisk.New(1)
	limited := func() *spool.Spool {
		s, err := spool.Open(spool.Config{Dir: "/watch", FS: d, Limit: 200 << 10})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := limited()
	n := uint64(0)
	for ; ; n++ {
		err := s.Put(item(n))
		if errors.Is(err, spool.ErrFull) {
			break
		}
		if err != nil || n > 1<<20 {
			t.Fatalf("after %d entries: %v", n, err)
		}
	}
	if err := s.PutLast(item(n)); err != nil {
		t.Fatalf("the last one: %v", err)
	}
	check(t, s, 0, n+1, "full")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = limited()
	if err := s.Put(item(n + 1)); !errors.Is(err, spool.ErrFull) {
		t.Fatalf("after a restart: %v", err)
	}
	if err := s.Forget(n, verify.Checkpoint{Note: []byte("cp")}, when); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Recover(), s.Put(item(n+1))); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	check(t, s, n+1, n+2, "with room again")
}

// TestFullDisk: where the disk is full before the limit is reached, the space
// kept back lets one more entry out.
func TestFullDisk(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	d.SetRoom(10)
	if err := s.Put(item(0)); !errors.Is(err, spool.ErrFull) {
		t.Fatalf("put on a full disk says %v", err)
	}
	kept := len(d.Files()["/watch/reserve"])
	d.SetRoom(int64(kept)) // this disk does not give back what a removed file took
	if err := s.PutLast(item(0)); err != nil {
		t.Fatalf("the last one: %v", err)
	}
	if _, ok := d.Files()["/watch/reserve"]; ok || kept == 0 {
		t.Fatalf("%d bytes were kept back and are still", kept)
	}
	d.SetRoom(-1)
	check(t, s, 0, 1, "after a full disk")
}

// TestPendingIsBounded: what is read at once is bounded in bytes too.
func TestPendingIsBounded(t *testing.T) {
	s := open(t, faultdisk.New(1))
	for n := range uint64(5) {
		if err := s.Put(item(n)); err != nil {
			t.Fatal(err)
		}
	}
	if items, err := s.Pending(5, 1); err != nil || len(items) != 1 {
		t.Fatalf("%d entries, %v; want one in any case", len(items), err)
	}
	if items, err := s.Pending(3, 1<<20); err != nil || len(items) != 3 || items[2].Seq != 2 {
		t.Fatalf("%d entries, %v", len(items), err)
	}
}

// names lists the files of a disk whose names begin so.
func names(d *faultdisk.Disk, prefix string) (found []string) {
	for name := range d.Files() {
		if strings.HasPrefix(name, prefix) {
			found = append(found, name)
		}
	}
	return found
}

// TestEveryBitFlipped: whatever one flipped bit does to a spool, it opens, what
// it still holds is whole, what it lost is said, and the file is kept. A flip in
// the last two frames cannot be told from a crash while they were written.
func TestEveryBitFlipped(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	last := 0 // where the frames begin that may be of what was being written
	for n := range uint64(5) {
		if n == 3 {
			last = len(d.Files()["/watch/spool"])
		}
		if err := s.Put(item(n)); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	whole := d.Files()["/watch/spool"]
	for i := range whole {
		d := faultdisk.New(1)
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1 << (i % 8)
		if err := durable.MkdirAll(d, "/watch", 0o700); err != nil {
			t.Fatal(err)
		}
		d.Put("/watch/spool", flipped)
		s, err := spool.Open(spool.Config{Dir: "/watch", FS: d})
		if errors.Is(err, spool.ErrNewer) && i < durable.HeaderSize {
			continue // it says to be of a later version
		}
		if err != nil {
			t.Fatalf("bit in byte %d: %v", i, err)
		}
		items, err := s.Pending(10, 1<<20)
		if err != nil {
			t.Fatalf("bit in byte %d: %v", i, err)
		}
		for _, it := range items {
			if want := item(it.Seq); !bytes.Equal(it.Submission.Note, want.Submission.Note) {
				t.Fatalf("bit in byte %d: entry %d is not what was put", i, it.Seq)
			}
		}
		if i < last && (len(s.Damage()) == 0 || len(names(d, "/watch/spool.damaged")) != 1) {
			t.Fatalf("bit in byte %d: nothing is said, or nothing kept: %v", i, s.Damage())
		}
		s.Close()
	}
}

// TestAnotherSourcesSpool: what another source signed is put aside, every time
// under a name of its own, and its chain is not continued. The twin, the same
// source again, goes on.
func TestAnotherSourcesSpool(t *testing.T) {
	d := faultdisk.New(1)
	mine, other := entry.Source{1}, entry.Source{2}
	reopen := func(src entry.Source) *spool.Spool {
		s, err := spool.Open(spool.Config{Dir: "/watch", FS: d, Source: src})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for n, src := range []entry.Source{other, mine, other} {
		s := reopen(src)
		if _, ok := s.Head(); ok || s.Len() != 0 || (n > 0) != (len(s.Damage()) > 0) {
			t.Fatalf("round %d: the chain of another source is continued: %v", n, s.Damage())
		}
		if err := s.Put(item(0)); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = reopen(src)
		if head, ok := s.Head(); !ok || head.Next != 1 || s.Len() != 1 || len(s.Damage()) > 0 {
			t.Fatalf("round %d: the same source does not go on: %v", n, s.Damage())
		}
		s.Close()
	}
	if got := names(d, "/watch/spool.of-"); len(got) != 2 {
		t.Fatalf("kept aside: %v", got)
	}
}

// TestLaterVersion: a spool of a later version is refused and not touched.
func TestLaterVersion(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	s.Close()
	later := bytes.Replace(d.Files()["/watch/spool"], []byte("spool1"), []byte("spool2"), 1)
	d.Put("/watch/spool", later)
	if _, err := spool.Open(spool.Config{Dir: "/watch", FS: d}); !errors.Is(err, spool.ErrNewer) {
		t.Fatalf("opened: %v", err)
	}
	if !bytes.Equal(d.Files()["/watch/spool"], later) {
		t.Fatal("it was written to")
	}
}

// TestLastEntryLost: the end of a spool that was written anew is missing. It is
// no crash: the head says that there was more. The path of the lost entry is
// forgotten, so that it is found again. The twin is the same file, whole.
func TestLastEntryLost(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	for n := range uint64(3) {
		if err := s.Put(item(n)); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	open(t, d).Close() // writes it anew
	s = open(t, d)
	if len(s.Damage()) > 0 || len(s.States()) != 3 {
		t.Fatalf("a whole spool: %v, %d paths", s.Damage(), len(s.States()))
	}
	s.Close()
	whole := d.Files()["/watch/spool"]
	d.Put("/watch/spool", whole[:len(whole)-3])
	s = open(t, d)
	if len(s.Damage()) != 1 || s.Len() != 2 || len(s.States()) != 2 {
		t.Fatalf("%v, %d entries, %d paths", s.Damage(), s.Len(), len(s.States()))
	}
	if head, ok := s.Head(); !ok || head.Next != 3 {
		t.Fatalf("the head is %+v: its number would be used again", head)
	}
}

// TestFlippedWhileOpen: an entry that changes on the disk after it was put is not
// handed on, and names its place; opened again, the spool says what is missing.
func TestFlippedWhileOpen(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	var ends []int
	for n := range uint64(4) {
		if err := s.Put(item(n)); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, len(d.Files()["/watch/spool"]))
	}
	f, err := d.OpenFile("/watch/spool", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xff}, int64(ends[0]-3)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pending(10, 1<<20); err == nil || !strings.Contains(err.Error(), "entry 0 in the spool: /watch/spool: offset") {
		t.Fatalf("an altered entry is handed on: %v", err)
	}
	s.Close()
	s = open(t, d)
	if first, ok := s.First(); !ok || first != 1 || s.Len() != 3 || len(s.Damage()) != 1 {
		t.Fatalf("%d entries from %d, %v", s.Len(), first, s.Damage())
	}
}
