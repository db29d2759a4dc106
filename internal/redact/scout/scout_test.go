package scout

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestScanFindsAll compares with looking for each word at each place.
func TestScanFindsAll(t *testing.T) {
	words := []string{"a", "ab", "bab", "bc", "bca", "c", "caa", "«x»"}
	s := New(words)
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.StringOfN(rapid.RuneFrom([]rune("abcABC«x» ")), 0, 40, -1).Draw(t, "text"))
		type hit struct{ id, end int }
		var got, want []hit
		s.Scan(text, func(id, end int) { got = append(got, hit{id, end}) })
		low := bytes.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, text)
		for end := range len(text) + 1 {
			for id, w := range words {
				if bytes.HasSuffix(low[:end], []byte(w)) {
					want = append(want, hit{id, end})
				}
			}
		}
		order := func(a, b hit) int { return (a.end-b.end)*100 + a.id - b.id }
		slices.SortFunc(got, order)
		if !slices.Equal(got, want) {
			t.Fatalf("found %v, want %v", got, want)
		}
	})
}
