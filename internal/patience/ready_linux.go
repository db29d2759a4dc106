package patience

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// threads are those of this process, each with what the kernel tells of its time,
// held open: to open it anew with each beat cost more than all else of a process
// in which nothing happens.
type threads struct {
	mu   sync.Mutex
	stat map[string]*os.File // by number; closed once the thread has ended
}

var own = threads{stat: make(map[string]*os.File)}

// ready is how long all threads of this process together were ready to run and
// waited for a processor: the second number of schedstat. A thread that has ended
// takes its share with it, so that the sum may fall. Where the kernel does not
// tell it is 0.
func ready() time.Duration { return own.ready() }

const tasks = "/proc/self/task/"

func (t *threads) ready() (sum time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.find()
	for name, f := range t.stat {
		wait, ok := waited(f)
		if !ok { // the thread has ended; its number may be another's by now
			f.Close()
			delete(t.stat, name)
		}
		sum += wait
	}
	return sum
}

// find opens what it has not open yet.
func (t *threads) find() {
	dir, err := os.Open(tasks)
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if t.stat[name] != nil {
			continue
		}
		if f, err := os.Open(tasks + name + "/schedstat"); err == nil {
			t.stat[name] = f
		}
	}
}

func waited(f *os.File) (time.Duration, bool) {
	var buf [64]byte
	n, _ := f.ReadAt(buf[:], 0) // EOF always
	fields := bytes.Fields(buf[:n])
	if len(fields) < 2 {
		return 0, false
	}
	d, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return time.Duration(d), err == nil
}
