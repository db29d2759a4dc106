package patience

import (
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
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

// TestThreadsThatEnd: of a thread that has ended nothing is held open, and one
// that came later is read too.
func TestThreadsThatEnd(t *testing.T) {
	read := &threads{stat: make(map[string]*os.File)}
	read.ready()
	name, release, ended := thread(t)
	read.ready()
	if read.stat[name] == nil {
		t.Fatalf("thread %s is not read", name)
	}
	close(release)
	<-ended
	deadline := time.After(time.Minute)
	for read.stat[name] != nil {
		read.ready()
		select {
		case <-deadline:
			t.Fatalf("thread %s has ended and is held open", name)
		default:
		}
	}
}

// thread starts a thread that ends once it is released. The first of the process,
// which never ends, is kept busy meanwhile.
func thread(t *testing.T) (name string, release, ended chan struct{}) {
	named := make(chan int)
	for {
		release, ended := make(chan struct{}), make(chan struct{})
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			defer close(ended)
			named <- syscall.Gettid()
			<-release
		}()
		if id := <-named; id != os.Getpid() {
			return strconv.Itoa(id), release, ended
		}
		t.Cleanup(func() { close(release) })
	}
}
