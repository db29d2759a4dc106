package sqlite

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/stele-log/stele/entry"
)

func TestNumbersStandOnDisk(t *testing.T) {
	if kinds[kindChange] != entry.Change || roles[1] != entry.Watcher || perEntry != 1024 || blockSize != 4096 || perEntry < entry.MaxWhats {
		t.Error("statements spell these numbers out")
	}
	for d, n := range map[dim]int64{dimPath: 1, dimAgent: 2, dimActors: 3, dimHost: 4, dimToldHost: 5, dimFile: 6, dimCode: 7} {
		if int64(d) != n {
			t.Errorf("dimension %d is %d", n, d)
		}
	}
}

func TestPackNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOf(rapid.String()).Draw(t, "names")
		if got := unpackNames(packNames(names)); !slices.Equal(got, names) {
			t.Errorf("%q became %q", names, got)
		}
	})
}

func FuzzUnpackNames(f *testing.F) {
	f.Add("\x03abc")
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	f.Fuzz(func(t *testing.T, s string) {
		total := 0
		for _, n := range unpackNames(s) {
			total += len(n) + 1
		}
		if total > len(s) {
			t.Errorf("%q: more than there is", s)
		}
	})
}

func TestAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 0xfe, 0xff}), 0, 4)
		p, s := string(bytes.Draw(t, "prefix")), string(bytes.Draw(t, "s"))
		end, ok := after(p)
		within := s >= p && (!ok || s < end)
		if has := len(s) >= len(p) && s[:len(p)] == p; has != within {
			t.Errorf("%q begins with %q: %v, between it and %q: %v", s, p, has, end, within)
		}
	})
}
