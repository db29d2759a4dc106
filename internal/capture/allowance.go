package capture

import (
	"os"
	"sync"
	"time"

	"github.com/stele-log/stele/internal/capture/hands"
)

// allowances are the times for which contents too large to keep are read, by
// owner. Root's are read at once; anybody else may take a tenth of the time.
type allowances struct {
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

// left is for how long a content of this owner may be read now.
func (a *allowances) left(uid uint32, now time.Time) time.Duration {
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

// use notes that so much was read.
func (a *allowances) use(uid uint32, took time.Duration) {
	if uid == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.of[uid]
	if o == nil {
		o = &allowance{mostAllowed, time.Now()}
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
		return 0, hands.ErrSlow
	}
	return b.f.Read(p)
}
