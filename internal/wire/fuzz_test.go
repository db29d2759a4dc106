package wire_test

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/stele-log/stele/internal/wire"
)

func sample() []wire.Submission {
	return []wire.Submission{
		{Note: []byte("note"), Who: []byte("{}"), Why: []byte("{}"), How: []byte("{}"), What: [][]byte{[]byte("a"), nil}, Texts: []wire.Text{{K: 1, Body: []byte("text")}}},
		{},
	}
}

// FuzzSubmission: whatever can be read is rendered as something that is read as
// the same, and takes no more memory than it has bytes.
func FuzzSubmission(f *testing.F) {
	for _, s := range sample() {
		b, err := s.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again wire.Submission
		if s.UnmarshalBinary(b) != nil {
			return
		}
		first, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalBinary(first); err != nil {
			t.Fatalf("not read again: %v", err)
		}
		if second, _ := again.AppendBinary(nil); !bytes.Equal(first, second) {
			t.Errorf("%x is read as %x", first, second)
		}
		if len(s.What)+len(s.Texts) > len(b) {
			t.Errorf("%d parts in %d bytes", len(s.What)+len(s.Texts), len(b))
		}
	})
}

// FuzzReadBatch: a batch is read as a whole or not at all.
func FuzzReadBatch(f *testing.F) {
	b, err := wire.AppendBatch(nil, sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[1:])
	f.Add([]byte{})
	f.Add([]byte("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		subs, err := wire.ReadBatch(b)
		if err != nil {
			if subs != nil {
				t.Error("a part of a batch that is not one")
			}
			return
		}
		again, err := wire.AppendBatch(nil, subs)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := wire.ReadBatch(again); err != nil || len(back) != len(subs) {
			t.Errorf("%d submissions are read as %d, %v", len(subs), len(back), err)
		}
	})
}

// FuzzFrames: no frame is larger than allowed, nor are all of them together than
// what came.
func FuzzFrames(f *testing.F) {
	var b bytes.Buffer
	for _, p := range []string{"one", "", "three"} {
		if err := wire.WriteFrame(&b, []byte(p)); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()-1])
	f.Add([]byte("\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1000
		in := bufio.NewReader(bytes.NewReader(b))
		read := 0
		for {
			p, err := wire.ReadFrame(in, limit)
			if err != nil {
				return
			}
			if read += len(p) + 1; len(p) > limit || read > len(b) {
				t.Fatalf("a frame of %d bytes, %d of %d in all", len(p), read, len(b))
			}
		}
	})
}

// FuzzStreamed: what is written to a stream is read as the same, compressed or
// not, and no announcement has more read or held than it says.
func FuzzStreamed(f *testing.F) {
	for _, s := range append(sample(), wire.Submission{Note: bytes.Repeat([]byte("note "), 1000)}) {
		p, err := s.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		var b bytes.Buffer
		if err := wire.WriteSubmission(&b, p); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte("\x05\x64hello"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bufio.NewReader(bytes.NewReader(b))
		a, err := wire.ReadAnnounced(in, 1<<20)
		if err != nil {
			return
		}
		s, err := a.Read(in)
		if err != nil {
			return
		}
		p, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := wire.WriteSubmission(&again, p); err != nil {
			t.Fatal(err)
		}
		in = bufio.NewReader(&again)
		a, err = wire.ReadAnnounced(in, 1<<21)
		if err != nil {
			t.Fatal(err)
		}
		back, err := a.Read(in)
		if err != nil {
			t.Fatal(err)
		}
		if second, _ := back.AppendBinary(nil); !bytes.Equal(p, second) {
			t.Errorf("%x is read as %x", p, second)
		}
	})
}
