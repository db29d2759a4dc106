package hands

import (
	"io"
	"os"
	"sync"
	"time"
)

// Allowances are the times for which contents too large to keep are read, by
// owner. Root's are read at once; anybody else may take a tenth of the time. The zero value has used none.
type Allowances struct {
	mu sync.Mutex
	of map[uint32]*allowance
}

type allowance struct {
	left time.Duration
	at   time.Time // when left was that much
}

const (
	mostAllowed = time.Second // at once, of one file
	allowedPart = 10          // of all time: a tenth
)

// Left is for how long a content of this owner may be read now.
func (a *Allowances) Left(uid uint32, now time.Time) time.Duration {
	if uid == 0 {
		return mostAllowed
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.of[uid]
	if o == nil {
		return mostAllowed
	}
	o.left, o.at = min(o.left+now.Sub(o.at)/allowedPart, mostAllowed), now
	if o.left == mostAllowed {
		delete(a.of, uid) // as if never used
		return mostAllowed
	}
	return max(o.left, 0)
}

// Use notes that so much was read.
func (a *Allowances) Use(uid uint32, took time.Duration) {
	if uid == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.of[uid]
	if o == nil {
		o = &allowance{mostAllowed, time.Now()}
		if a.of == nil {
			a.of = make(map[uint32]*allowance)
		}
		a.of[uid] = o
	}
	o.left -= took
}

// bounded reads until a time.
type bounded struct {
	f     *os.File
	until time.Time
}

func (b *bounded) Read(p []byte) (int, error) {
	if time.Now().After(b.until) {
		return 0, ErrSlow
	}
	return b.f.Read(p)
}

// Until reads a file, and fails with [ErrSlow] once that time has come.
func Until(f *os.File, at time.Time) io.Reader { return &bounded{f, at} }
