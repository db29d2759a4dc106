package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/internal/wire"
)

// changesInSet is how many changes the larger entries have.
const changesInSet = 100

// appendSingle measures entries with one change each: an edit by hand with a
// text nobody has seen, and a rollout, where all hosts but the first get a text
// that is stored already.
func appendSingle(t *testing.T, tab *table, n sizes) {
	fleet := newShared(n.known)
	for _, c := range []struct {
		what  string
		text  wording
		limit string
	}{
		{"append, 1 change, new text", ownTexts, "deltas against each likely base; zstd where they are long"},
		{"append, 1 change, rolled-out text", fleet.text, "Tessera's files, Ed25519, SQLite; all of it on the cores it has to itself"},
	} {
		_, took, raw := appended(t, n, n.single, 1, c.text)
		tab.add(row{
			what: c.what, measured: per(n.single, took.wall, "entries"), cpu: took.cpu / time.Duration(n.single),
			peer: "raw Tessera, same entries", beside: per(n.single, raw.wall, "entries"),
			aim: aim{ratio: 0.3}, limit: c.limit, detail: "CPU of the peer " + micros(raw.cpu/time.Duration(n.single)),
		})
	}
}

// appendSets measures change sets whose texts are all stored already.
func appendSets(t *testing.T, tab *table, n sizes) {
	work, took, raw := appended(t, n, n.sets, changesInSet, newShared(n.known).text)
	changes := n.sets * changesInSet
	measured := per(changes, took.wall, "changes")
	tab.add(row{
		what: "append, 100 changes, known texts", measured: measured, cpu: took.cpu / time.Duration(changes),
		peer: "raw Tessera, same entries", beside: per(changes, raw.wall, "changes"),
		aim: aim{least: 100_000}, limit: "JSON of bodies, SHA-256 of texts (twice), SQLite",
	})
	tab.add(row{
		what: "the same", measured: measured,
		peer: "SHA-256 of the same bytes, all cores", beside: per(changes, sumAll(parts(work)), "changes"),
		limit: "as above",
	})
}

// appended signs entries of several hosts, then hands them in to a new store and
// to raw Tessera, in turns by the clock. Whatever texts the fleet shares are
// stored before.
func appended(t *testing.T, n sizes, entries, changes int, text wording) (work [][][]wire.Submission, ours, raw cost) {
	s := openStore(t)
	hosts := s.enrol(t, n.hosts+1)
	sets := filesPerHost * n.known / changesInSet
	s.submit(t, signAll(t, among(hosts[:1], 1, sets, changesInSet, text), sets))
	work = signAll(t, among(hosts[1:], senders, entries, changes, text), entries)
	for r := range rounds {
		part := make([][][]wire.Submission, len(work))
		for i, batches := range work {
			part[i] = batches[len(batches)*r/rounds : len(batches)*(r+1)/rounds]
		}
		runtime.GC()
		ours = ours.plus(s.submit(t, part))
		raw = raw.plus(rawTessera(t, notes(part)))
	}
	s.stop(t)
	return work, ours, raw
}

// rawTessera appends the same entries with the same settings as our log, as
// many in flight as our senders have, and returns how long it took.
func rawTessera(t *testing.T, entries [][]byte) cost {
	runtime.GC()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, stop := newTessera(ctx, t)
	read := begin()
	flight := make(chan tessera.IndexFuture, senders*batchSize)
	bad := make(chan error, 1)
	go func() {
		defer close(bad)
		for future := range flight {
			if _, err := future(); err != nil && len(bad) == 0 {
				bad <- err
			}
		}
	}()
	for _, e := range entries {
		flight <- a.Add(ctx, tessera.NewEntry(e))
	}
	close(flight)
	for err := range bad {
		t.Fatal(err)
	}
	took := read()
	if err := stop(ctx); err != nil {
		t.Fatal(err)
	}
	return took
}

func newTessera(ctx context.Context, t *testing.T) (*tessera.Appender, func(context.Context) error) {
	secret, _, err := note.GenerateKey(rand.Reader, "bench")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := posix.New(ctx, posix.Config{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	a, stop, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(256, 5*time.Millisecond).
		WithCheckpointInterval(100*time.Millisecond).
		WithCheckpointRepublishInterval(0).
		WithGarbageCollectionInterval(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return a, stop
}

// each calls do for everything that was handed in.
func each(work [][][]wire.Submission, do func(*wire.Submission)) {
	for _, batches := range work {
		for _, subs := range batches {
			for i := range subs {
				do(&subs[i])
			}
		}
	}
}

// notes are the entries as signed.
func notes(work [][][]wire.Submission) (out [][]byte) {
	each(work, func(s *wire.Submission) { out = append(out, s.Note) })
	return out
}

// parts is everything that crosses: entries, bodies and texts.
func parts(work [][][]wire.Submission) (out [][]byte) {
	each(work, func(s *wire.Submission) {
		out = append(append(out, s.Note, s.Who, s.Why, s.How), s.What...)
		for _, t := range s.Texts {
			out = append(out, t.Body)
		}
	})
	return out
}

// sumAll digests every part once, on all cores, and returns how long it took.
func sumAll(parts [][]byte) time.Duration {
	workers := runtime.GOMAXPROCS(0)
	start := time.Now()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(parts); i += workers {
				sha256.Sum256(parts[i])
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
