package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SliceOfN(rapid.Byte(), 0, 40)
		s := Submission{Note: part.Draw(t, "note"), Who: part.Draw(t, "who"), Why: part.Draw(t, "why"), How: part.Draw(t, "how")}
		copy(s.Seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		for range rapid.IntRange(0, 4).Draw(t, "whats") {
			s.What = append(s.What, part.Draw(t, "what"))
		}
		for k := range rapid.IntRange(0, 3).Draw(t, "texts") {
			s.Texts = append(s.Texts, Text{k, part.Draw(t, "text")})
		}
		b, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got Submission
		if err := got.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, got, cmp.Comparer(bytes.Equal)); d != "" {
			t.Fatal(d)
		}
		for n := range b { // whatever is cut off is missed
			if (&Submission{}).UnmarshalBinary(b[:n]) == nil {
				t.Fatalf("accepted %d of %d bytes", n, len(b))
			}
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	s := Submission{Note: []byte("n"), What: [][]byte{[]byte("w")}, Texts: []Text{{0, []byte("t")}}}
	b, _ := s.AppendBinary(nil)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Submission
		if s.UnmarshalBinary(b) != nil {
			return
		}
		again, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var same Submission
		if err := same.UnmarshalBinary(again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, same, cmp.Comparer(bytes.Equal)); d != "" {
			t.Fatal(d)
		}
	})
}
