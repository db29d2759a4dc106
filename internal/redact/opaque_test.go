package redact

import "testing"

// TestOpaque: of a key file nothing is left, however it reads.
func TestOpaque(t *testing.T) {
	r := newTest()
	a := r.Text([]byte("1 SHA1 HEX:aabb\n"), Source{Opaque: true})
	b := r.Text([]byte("1 SHA1 HEX:aabc\n"), Source{Opaque: true})
	if string(a.Text) != Mark || len(a.Fingerprints) != 1 || a.Fingerprints[0] == b.Fingerprints[0] {
		t.Fatalf("%q %v %v", a.Text, a.Fingerprints, b.Fingerprints)
	}
	if e := r.Text(nil, Source{Opaque: true}); len(e.Text) != 0 || len(e.Fingerprints) != 0 {
		t.Fatalf("an empty key file: %q", e.Text)
	}
}
