package redact

import (
	"hash"
	"strings"
	"sync"

	"github.com/stele-log/stele/internal/ascii"
)

// Bounds of what is known and of looking for it.
const (
	mostKnown  = 1 << 16 // fingerprints
	leastKnown = 4       // bytes: what is shorter stands everywhere
	mostParts  = 16      // that a secret has, between characters that are neither letters nor digits
	mostTries  = 4096    // for one string
)

// known holds the fingerprints of secrets that texts had.
type known struct {
	mu     sync.RWMutex
	prints map[string]struct{}
}

// Remember makes secrets known by their fingerprints, as [Result] has them. Those
// of a text that [Redactor.Text] reads are known from then on.
func (r *Redactor) Remember(fingerprints []string) {
	if len(fingerprints) == 0 {
		return
	}
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	for _, p := range fingerprints {
		for old := range r.known.prints { // any one, where there is no room
			if len(r.known.prints) < mostKnown {
				break
			}
			delete(r.known.prints, old)
		}
		r.known.prints[p] = struct{}{}
	}
}

// Known masks in s what a text that was read before keeps secret: in
// sed -i s/old/new/ nothing looks like a password, and both are. It finds a secret
// that begins and ends where letters and digits do, or where s does.
func (r *Redactor) Known(s string) string {
	r.known.mu.RLock()
	defer r.known.mu.RUnlock()
	if len(r.known.prints) == 0 || len(s) < leastKnown {
		return s
	}
	f := knownFinder{known: r.known.prints, mac: r.key.mac(), s: s, left: mostTries}
	var out strings.Builder
	done := 0
	for at := 0; at < len(s); at++ {
		if at > 0 && ascii.IsAlnum(s[at-1]) {
			continue
		}
		if end := f.from(at); end > 0 {
			out.WriteString(s[done:at] + Mark)
			done, at = end, end-1
		}
	}
	return out.String() + s[done:]
}

// knownFinder looks for known secrets in one string.
type knownFinder struct {
	known map[string]struct{}
	mac   hash.Hash
	s     string
	left  int // tries
}

// from returns the end of the longest known secret that begins there, or 0. Once it
// has tried too often all the rest is one: it cannot tell.
func (f *knownFinder) from(at int) (end int) {
	parts := 0
	for to := at + 1; to <= len(f.s) && parts < mostParts; to++ {
		if to < len(f.s) && ascii.IsAlnum(f.s[to]) {
			continue
		}
		parts++
		if to-at < leastKnown {
			continue
		}
		if f.left--; f.left < 0 {
			return len(f.s)
		}
		if _, ok := f.known[fingerprint(f.mac, []byte(f.s[at:to]))]; ok {
			end = to
		}
	}
	return end
}
