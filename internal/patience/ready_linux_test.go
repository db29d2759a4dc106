package patience

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestReady: what threads that compete for a processor wait is told.
func TestReady(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8 * runtime.NumCPU()))
	var turns atomic.Int64
	var end atomic.Bool
	defer end.Store(true)
	for range 16 * runtime.NumCPU() {
		go func() {
			for !end.Load() {
				turns.Add(1)
			}
		}()
	}
	first := ready()
	deadline := time.After(time.Minute)
	for ready() <= first {
		select {
		case <-deadline:
			t.Fatalf("they wait for %s and no longer, after %d turns", first, turns.Load())
		default:
		}
	}
}
