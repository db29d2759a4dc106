package vault

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func FuzzParseDisclosures(f *testing.F) {
	d := newMaker(1).entry(2)
	b, err := appendDisclosures(nil, new([]byte), &d.o, 7, make([]TextID, len(d.o.Texts)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parseDisclosures(b)
		if err != nil {
			return
		}
		rec := &Record{ID: o.id, o: o}
		if n := len(rec.Lines()); n != len(o.lines)+len(o.texts) {
			t.Errorf("%d lines of %d", n, len(o.lines)+len(o.texts))
		}
	})
}

func FuzzParseText(f *testing.F) {
	for _, st := range []storedText{{id: 3, slot: 3, size: 9}, {id: 3, slot: 9, base: 2, size: 1 << 20}} {
		f.Add(append(st.appendHead(nil), "sealed"...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := parseText(b)
		if err != nil {
			return
		}
		if head := st.appendHead(nil); len(head) == len(st.head) && !bytes.Equal(head, st.head) {
			t.Errorf("head %x is written as %x", st.head, head)
		}
	})
}

func FuzzUnpackBody(f *testing.F) {
	f.Add(packBody(nil, []byte(`{"action":"modify","mode":"0644","path":"/etc/telegraf/telegraf.conf"}`)))
	f.Add([]byte{bodyDict1st, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		if body, err := unpackBody(b); err == nil && len(body) > max(maxBody, len(b)) {
			t.Errorf("%d bytes out of %d", len(body), len(b))
		}
	})
}

// packed is every form a vault may give a text, against base if there is one.
func packed(t rapid.TB, z *packer, text, base []byte) [][]byte {
	t.Helper()
	if base == nil {
		whole, err := z.alone(text)
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{whole}
	}
	delta, err := z.delta(text, base)
	if err != nil {
		t.Fatal(err)
	}
	if quick := packQuick(text, base); quick != nil {
		return [][]byte{delta, quick}
	}
	return [][]byte{delta}
}

func aPacker(t rapid.TB) *packer {
	t.Helper()
	z, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func FuzzUnpackText(f *testing.F) {
	base := bytes.Repeat([]byte("interval = 10s\n"), 20)
	text := append(bytes.Clone(base), "another = 1\n"...)
	z := aPacker(f)
	f.Add(packed(f, z, text, nil)[0], []byte(nil), len(text))
	for _, delta := range packed(f, z, text, base) {
		f.Add(delta, base, len(text))
	}
	f.Fuzz(func(t *testing.T, packed, base []byte, size int) {
		if size > 1<<20 {
			return // the limit itself is tested elsewhere; this keeps memory small
		}
		if len(base) < minBase {
			base = nil
		}
		if text, err := unpackText(packed, base, size); err == nil && len(text) != size {
			t.Errorf("%d bytes, want %d", len(text), size)
		}
	})
}

func TestTextsSurviveCompression(t *testing.T) {
	z := aPacker(t) // of all texts: an encoder must forget the base it had before
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.SliceOfN(rapid.Byte(), minBase, 5000).Draw(t, "base")
		if text := slicesOf(t, base); len(text) > 0 {
			survives(t, z, text, nil)
			survives(t, z, text, base)
		}
	})
}

// TestTextsOfAllSizes crosses every size at which another encoder is used.
func TestTextsOfAllSizes(t *testing.T) {
	z := aPacker(t)
	m := newMaker(1)
	for _, n := range []int{100, 3000, quickBase, quickBase + 1, deltaWindow / 2, deltaWindow/2 + 1, deltaWindow - 3000, deltaWindow, wholeWindow, wholeWindow + 1} {
		base := m.bytes(n)
		text := append(bytes.Clone(base[n/2:]), m.bytes(n/4)...)
		for _, b := range [][]byte{nil, base, m.bytes(3000)} {
			survives(t, z, text, b)
		}
	}
}

func survives(t rapid.TB, z *packer, text, base []byte) {
	t.Helper()
	for _, p := range packed(t, z, text, base) {
		got, err := unpackText(p, base, len(text))
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("text of %d bytes, base of %d: %v", len(text), len(base), err)
		}
	}
}

// slicesOf makes a text of parts of base and of other bytes.
func slicesOf(t *rapid.T, base []byte) []byte {
	var text []byte
	for range rapid.IntRange(0, 6).Draw(t, "parts") {
		i := rapid.IntRange(0, len(base)).Draw(t, "from")
		text = append(text, base[i:rapid.IntRange(i, len(base)).Draw(t, "to")]...)
		text = append(text, rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "other")...)
	}
	return text
}

func TestLargeTextsSurviveCompression(t *testing.T) {
	if testing.Short() {
		t.Skip("16 MiB twice")
	}
	m := newMaker(1)
	base := bytes.Repeat(m.bytes(1<<16), maxText>>16)
	text := bytes.Clone(base)
	for i := 0; i < len(text); i += 1 << 20 {
		text[i] ^= 1
	}
	z := aPacker(t)
	survives(t, z, text, nil)
	survives(t, z, text, base)
}

func TestBodiesSurviveCompression(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := slicesOf(t, []byte(bodyDict1))
		got, err := unpackBody(packBody(nil, body))
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("body of %d bytes: %v", len(body), err)
		}
	})
}
