package rescan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stele-log/stele/internal/steletest"
)

// TestLongNames: whoever has long paths and keys recorded does not fill the list so
// that it cannot be written, or read again.
func TestLongNames(t *testing.T) {
	st := steletest.NewStore(t)
	l := st.Layout
	srv := st.Open(t)
	steletest.Stop(t, srv)
	var s State
	found := []Place{{Key: strings.Repeat("\x01", 1<<20), Path: strings.Repeat("\x01", 4096), Entry: strings.Repeat("a", 64), Source: strings.Repeat("b", 64)}}
	const n = 10_000
	for range n {
		s.add(found)
	}
	if s.Found() != n || s.More == 0 || len(s.Places) == 0 {
		t.Fatalf("%d listed, %d more", len(s.Places), s.More)
	}
	if err := s.write(l); err != nil {
		t.Fatal(err)
	}
	back, err := Read(l)
	if err != nil || !cmp.Equal(s, back, cmpopts.IgnoreUnexported(State{})) || back.size != s.size {
		t.Fatalf("%v, %d listed of %d, size %d of %d", err, len(back.Places), len(s.Places), back.size, s.size)
	}
	if back.add(found); len(back.Places) != len(s.Places) {
		t.Error("listed beyond the bound")
	}
}
