package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/wire"
)

func piecesOfEachKind() []wire.Piece {
	return []wire.Piece{
		{Ground: &wire.Ground{Checkpoint: []byte("note"), Consistency: tlog.TreeProof{{1}, {2}}}},
		{Entry: &wire.ProvedEntry{Index: 1 << 40, Note: []byte("an entry"), Proof: tlog.RecordProof{{3}, {4}, {5}}}},
		{Entry: &wire.ProvedEntry{Index: 7, Why: "its hash is not in the tree"}},
		{Disclosure: &wire.Disclosure{Index: 9, Line: entry.LineWhat(3), Salt: [32]byte{6}, Body: []byte{0, '\n', 0xff}}},
		{Disclosure: &wire.Disclosure{Index: 9, Line: entry.LineText(999), State: wire.Erased}},
		{Disclosure: &wire.Disclosure{Line: entry.LineWho, State: wire.Missing, Why: "damaged"}},
		{Told: &wire.Told{Lookup: wire.Lookup{Subjects: &wire.Subject{Path: []byte{'/', 0xff}}}, Found: wire.Found{More: true, Places: []wire.Place{{Index: 3, K: 1}}}}},
		{Problem: "it takes too long"},
	}
}

// TestEvidence: what was written is read again, and named by the same key.
func TestEvidence(t *testing.T) {
	want := piecesOfEachKind()
	var b bytes.Buffer
	for i := range want {
		if err := wire.WritePiece(&b, &want[i]); err != nil {
			t.Fatal(err)
		}
	}
	whole := bytes.Clone(b.Bytes())
	if err := wire.WriteEnd(&b); err != nil {
		t.Fatal(err)
	}
	read := wire.NewEvidence(&b, func() error { return nil })
	same := cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b entry.Line) bool { return a == b })}
	for i, w := range want {
		p, _, err := read.Next()
		if errors.As(err, new(*wire.ProblemError)) != (w.Problem != "") || err != nil && w.Problem == "" {
			t.Fatalf("piece %d: %v", i, err)
		}
		if d := cmp.Diff(w, p, same); d != "" {
			t.Errorf("piece %d: %s", i, d)
		}
		if p.Key() != w.Key() {
			t.Errorf("piece %d has the key %q, then %q", i, w.Key(), p.Key())
		}
	}
	if _, _, err := read.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	cut := wire.NewEvidence(bytes.NewReader(whole), func() error { return nil })
	var err error
	for n := 0; err == nil || errors.As(err, new(*wire.ProblemError)); n++ {
		_, _, err = cut.Next()
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an answer without its end: %v", err)
	}
}

// FuzzPiece: no bytes crash the reader of a piece, and what it accepts it renders
// and reads again as the same.
func FuzzPiece(f *testing.F) {
	for _, p := range piecesOfEachKind() {
		b, err := p.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{3, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again wire.Piece
		if p.UnmarshalBinary(b) != nil {
			return
		}
		out, err := p.AppendBinary(nil)
		if err != nil {
			return // a time of a year that JSON does not have
		}
		if err := again.UnmarshalBinary(out); err != nil {
			t.Fatalf("its own rendering is refused: %v", err)
		}
		if p.Key() != again.Key() {
			t.Fatalf("%q is named %q", p.Key(), again.Key())
		}
	})
}
