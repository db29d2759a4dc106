package tlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"path/filepath"
	"sync"
	"testing"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
)

// entrySize is that of a typical signed entry.
const entrySize = 500

func benchEntry(i uint64) []byte {
	return binary.BigEndian.AppendUint64(bytes.Repeat([]byte{'x'}, entrySize-8), i)
}

// BenchmarkTessera is what there is to be had: Tessera by itself, from one
// goroutine; an iteration is as many entries as we allow in flight.
func BenchmarkTessera(b *testing.B) {
	signer, _ := testKey(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(b.TempDir(), "log")})
	check(b, err)
	appender, stop, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithBatching(batchSize, batchAge).WithCheckpointInterval(defaultInterval))
	check(b, err)
	total := 0
	for b.Loop() {
		var futures []tessera.IndexFuture
		for range defaultInFlight {
			futures = append(futures, appender.Add(ctx, tessera.NewEntry(benchEntry(uint64(total)))))
			total++
		}
		for _, f := range futures {
			_, err := f()
			check(b, err)
		}
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "entries/s")
	check(b, stop(ctx))
}

// BenchmarkAppend appends batches as intake does; an iteration is one batch of
// each caller.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name          string
		callers, size int
	}{
		{"1 caller, 1 entry", 1, 1},
		{"64 callers, 1 entry", 64, 1},
		{"1 caller, 512 entries", 1, 512},
		{"4 callers, 512 entries", 4, 512},
		{"1 caller, 4096 entries", 1, 4096},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := open(b, filepath.Join(b.TempDir(), "log"))
			var entries [][]byte
			for i := range c.size {
				entries = append(entries, benchEntry(uint64(i)))
			}
			for b.Loop() {
				var wg sync.WaitGroup
				for range c.callers {
					wg.Go(func() {
						if _, err := l.Append(context.Background(), entries); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
			}
			b.ReportMetric(float64(l.Size())/b.Elapsed().Seconds(), "entries/s")
			closeLog(b, l)
		})
	}
}

func benchLog(b *testing.B, size int) (*Dir, *Tree) {
	dir := filepath.Join(b.TempDir(), "log")
	l := open(b, dir)
	for i := 0; i < size; i += 4096 {
		var entries [][]byte
		for k := i; k < min(i+4096, size); k++ {
			entries = append(entries, benchEntry(uint64(k)))
		}
		_, err := l.Append(b.Context(), entries)
		check(b, err)
	}
	closeLog(b, l)
	return openTree(b, dir)
}

func BenchmarkRead(b *testing.B) {
	const size = 40_000
	d, tree := benchLog(b, size)
	perEntry := func(b *testing.B) {
		b.ReportMetric(float64(b.N)*size/b.Elapsed().Seconds(), "entries/s")
	}
	b.Run("Entries", func(b *testing.B) {
		for b.Loop() {
			for _, err := range NewTree(d, tree.cp).Entries(b.Context(), 0, size) {
				check(b, err)
			}
		}
		perEntry(b)
	})
	b.Run("CheckFiles", func(b *testing.B) {
		for b.Loop() {
			check(b, d.CheckFiles(b.Context(), NewTree(d, tree.cp), func(path string, err error) { b.Error(path, err) }))
		}
		perEntry(b)
	})
	b.Run("Entry", func(b *testing.B) {
		for i := uint64(0); b.Loop(); i += 7919 {
			_, err := tree.Entry(b.Context(), i%size)
			check(b, err)
		}
	})
	b.Run("Receipt", func(b *testing.B) {
		for i := uint64(0); b.Loop(); i += 7919 {
			fresh := NewTree(d, tree.cp)
			_, err := fresh.Inclusion(b.Context(), i%size)
			check(b, err)
			_, err = fresh.Consistency(b.Context(), size/2)
			check(b, err)
		}
	})
}
