package fingerprint

import (
	"hash"
	"strings"
	"sync"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
)

// Bounds of what is known and of looking for it.
const (
	mostKnown  = 1 << 16 // fingerprints
	leastKnown = 4       // bytes: what is shorter stands everywhere
	mostParts  = 16      // that a secret has, between characters that are neither letters nor digits
	mostTries  = 4096    // for one string
)

// Known holds the fingerprints of secrets that texts had. The zero value knows
// none. It is safe for concurrent use.
type Known struct {
	mu     sync.RWMutex
	prints map[string]struct{}
}

// Add makes secrets known by their fingerprints.
func (k *Known) Add(fingerprints []string) {
	if len(fingerprints) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.prints == nil {
		k.prints = make(map[string]struct{})
	}
	for _, p := range fingerprints {
		if len(k.prints) >= mostKnown {
			k.forget()
		}
		k.prints[p] = struct{}{}
	}
}

// forget makes room for one more in place of any other.
func (k *Known) forget() {
	for old := range k.prints {
		delete(k.prints, old)
		return
	}
}

// Mask masks in s each known secret that begins and ends where letters and digits
// do, or where s does, and what is one or holds one once it is decoded: as base64,
// from a URL, as a string of JSON or from a shell. The key is the one that made the
// fingerprints.
func (k *Known) Mask(key Key, s string) string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if len(k.prints) == 0 || len(s) < leastKnown {
		return s
	}
	f := search{known: k.prints, mac: key.mac(), left: mostTries}
	return f.maskEncoded(f.mask(s))
}

// search looks for known secrets in one string and in what it decodes to.
type search struct {
	known map[string]struct{}
	mac   hash.Hash
	left  int // tries
}

func (f *search) mask(s string) string {
	var out strings.Builder
	done := 0
	for at := 0; at < len(s); at++ {
		if at > 0 && ascii.IsAlnum(s[at-1]) {
			continue
		}
		if end := f.from(s, at); end > 0 {
			out.WriteString(s[done:at] + lexicon.Mark)
			done, at = end, end-1
		}
	}
	return out.String() + s[done:]
}

// from returns the end of the longest known secret that begins there, or 0. Once it
// has tried too often all the rest is one: it cannot tell.
func (f *search) from(s string, at int) (end int) {
	parts := 0
	for to := at + 1; to <= len(s) && parts < mostParts; to++ {
		if to < len(s) && ascii.IsAlnum(s[to]) {
			continue
		}
		parts++
		if to-at < leastKnown {
			continue
		}
		if f.left--; f.left < 0 {
			return len(s)
		}
		if _, ok := f.known[of(f.mac, []byte(s[at:to]))]; ok {
			end = to
		}
	}
	return end
}
