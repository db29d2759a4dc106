//go:build unix

package redact

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// TestTriggersAndPairsTakeLinearTime repeats each trigger, and pairs of them drawn
// from a seed, to 64 and 128 KiB. Twice as much takes at most three times as long.
func TestTriggersAndPairsTakeLinearTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several seconds")
	}
	r := newTest()
	all := triggers()
	rng := rand.New(rand.NewPCG(1, 2))
	var units []string
	for i, a := range all {
		if i%4 == 0 {
			units = append(units, a.text+" ", a.text+": ")
		}
		units = append(units, a.text+all[rng.IntN(len(all))].text+" ")
	}
	took := func(unit string, n int) time.Duration {
		text := bytes.Repeat([]byte(unit), n/len(unit))
		start := cpuTime()
		r.Text(text, Source{})
		return cpuTime() - start
	}
	for _, u := range units {
		ok := false
		var small, big time.Duration
		for range 6 {
			small, big = max(took(u, 1<<16), time.Millisecond), took(u, 1<<17)
			if ok = big < 3*small+time.Millisecond; ok {
				break
			}
		}
		if !ok {
			t.Errorf("%q: %v, twice as much %v", u, small, big)
		}
	}
}
