package bench

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// machine measures what nothing on this machine can exceed.
func machine(t *testing.T, tab *table, n sizes) {
	tab.add(row{what: "fsync of 4 KiB", measured: fsyncs(t, n.machine), limit: "this disk"})
	sum := onAllCores(n.machine, hashing(1<<20))
	tab.add(row{what: "SHA-256, all cores", measured: quantity{sum * (1 << 20) / 1e6, "MB/s"}, limit: "this processor"})
	tab.add(row{what: "Ed25519 sign, all cores", measured: quantity{onAllCores(n.machine, signing(t)), "signatures/s"}, limit: "this processor"})
	tab.add(row{what: "Ed25519 verify, all cores", measured: quantity{onAllCores(n.machine, verifying(t, 700)), "signatures/s"}, limit: "this processor"})
}

// fsyncs appends blocks to a file, each durable before the next.
func fsyncs(t *testing.T, d time.Duration) quantity {
	f, err := os.Create(filepath.Join(t.TempDir(), "blocks"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4<<10)
	start, n := time.Now(), 0
	for n == 0 || time.Since(start) < d {
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return per(n, time.Since(start), "fsyncs")
}

// onAllCores does something over and over on every core and returns how often a
// second.
func onAllCores(d time.Duration, do func()) float64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for first := true; first || time.Since(start) < d; first = false {
				do()
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

func hashing(size int) func() {
	b := make([]byte, size)
	return func() { sha256.Sum256(b) }
}

func signing(t *testing.T) func() {
	_, key := newKey(t)
	msg := make([]byte, 700)
	return func() { ed25519.Sign(key, msg) }
}

// verifying verifies a signature on so many bytes.
func verifying(t *testing.T, size int) func() {
	pub, key := newKey(t)
	msg := make([]byte, size)
	sig := ed25519.Sign(key, msg)
	if !ed25519.Verify(pub, msg, sig) {
		t.Fatal("a signature just made does not verify")
	}
	return func() { ed25519.Verify(pub, msg, sig) }
}

func newKey(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub, key
}
