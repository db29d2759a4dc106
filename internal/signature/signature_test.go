package signature

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"sync"
	"testing"

	"filippo.io/edwards25519"
)

func newKey(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub, key
}

func BenchmarkVerify(b *testing.B) {
	pub, key := newKey(b)
	message := bytes.Repeat([]byte("x"), 700)
	sig := ed25519.Sign(key, message)
	b.Run("standard library", func(b *testing.B) {
		for b.Loop() {
			if !ed25519.Verify(pub, message, sig) {
				b.Fatal("bad")
			}
		}
	})
	b.Run("known key", func(b *testing.B) {
		var v Verifier
		for b.Loop() {
			if !v.Verify(pub, message, sig) {
				b.Fatal("bad")
			}
		}
	})
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			v := Verifier{keys: map[[32]byte]*multiples{[32]byte(pub): nil}}
			if v.multiples([32]byte(pub)) == nil {
				b.Fatal("no table")
			}
		}
	})
}

// order is that of the group, little-endian.
var order, _ = hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")

// torsion are the eight points of small order.
func torsion(t testing.TB) (points []*edwards25519.Point) {
	t.Helper()
	b, err := hex.DecodeString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a") // of order 8
	if err != nil {
		t.Fatal(err)
	}
	eighth, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	p := edwards25519.NewIdentityPoint()
	for range 8 {
		points = append(points, new(edwards25519.Point).Set(p))
		p.Add(p, eighth)
	}
	if p.Equal(edwards25519.NewIdentityPoint()) != 1 {
		t.Fatal("the point is not of order 8")
	}
	return points
}

func scalar(t testing.TB, wide []byte) *edwards25519.Scalar {
	t.Helper()
	s, err := edwards25519.NewScalar().SetUniformBytes(wide)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func random(t testing.TB) *edwards25519.Scalar {
	t.Helper()
	b := make([]byte, 64)
	rand.Read(b)
	return scalar(t, b)
}

// forged makes a key and a signature whose equation holds but for points of small
// order that are added to either: verifiers are known to disagree on those.
func forged(t testing.TB, message []byte, toKey, toR *edwards25519.Point) (key, sig []byte) {
	t.Helper()
	a, r := random(t), random(t)
	point := new(edwards25519.Point).ScalarBaseMult(a)
	key = point.Add(point, toKey).Bytes()
	commitment := new(edwards25519.Point).ScalarBaseMult(r)
	sig = commitment.Add(commitment, toR).Bytes()
	k := sha512.Sum512(slices.Concat(sig, key, message))
	s := edwards25519.NewScalar().MultiplyAdd(scalar(t, k[:]), a, r)
	return key, append(sig, s.Bytes()...)
}

// same holds the verdict on a key met twice against the standard library's.
func same(t *testing.T, key, message, sig []byte) bool {
	t.Helper()
	want := ed25519.Verify(key, message, sig)
	var v Verifier
	for range 3 {
		if got := v.Verify(key, message, sig); got != want {
			t.Fatalf("key %x, message %x, signature %x: %v, and the standard library says %v", key, message, sig, got, want)
		}
	}
	if m := v.multiples([32]byte(key)); m != nil && equation(m, key, message, sig) != want {
		t.Fatalf("key %x, message %x, signature %x: the equation says %v, and the standard library %v", key, message, sig, !want, want)
	}
	return want
}

// TestSmallOrder: of keys and commitments with a part of small order, those pass
// that pass in the standard library, and there are both kinds.
func TestSmallOrder(t *testing.T) {
	message := []byte("a message")
	verdicts := map[bool]int{}
	for _, toKey := range torsion(t) {
		for _, toR := range torsion(t) {
			for range 4 {
				key, sig := forged(t, message, toKey, toR)
				verdicts[same(t, key, message, sig)]++
			}
		}
	}
	if verdicts[true] < 8 || verdicts[false] < 8 {
		t.Fatalf("%d good and %d bad", verdicts[true], verdicts[false])
	}
	for _, small := range torsion(t) { // the key itself is of small order
		for _, toR := range torsion(t) {
			same(t, small.Bytes(), message, append(toR.Bytes(), make([]byte, 32)...))
		}
	}
}

// TestAltered: one bit of key, message or signature altered, an s beyond the
// order of the group, a signature of another length.
func TestAltered(t *testing.T) {
	pub, secret := newKey(t)
	message := []byte("a message of some bytes")
	sig := ed25519.Sign(secret, message)
	if !same(t, pub, message, sig) {
		t.Fatal("a signature just made is bad")
	}
	for _, part := range []*[]byte{(*[]byte)(&pub), &message, &sig} {
		whole := *part
		for bit := range 8 * len(whole) {
			*part = slices.Clone(whole)
			(*part)[bit/8] ^= 1 << (bit % 8)
			if same(t, pub, message, sig) {
				t.Fatalf("good with bit %d of %x altered", bit, whole)
			}
		}
		*part = whole
	}
	if same(t, pub, message, beyond(sig)) {
		t.Fatal("an s beyond the order of the group is good")
	}
	for _, n := range []int{0, 32, 63} {
		same(t, pub, message, sig[:n])
	}
	same(t, pub, message, append(sig, 0))
}

// beyond adds the order of the group to the s of a signature.
func beyond(sig []byte) []byte {
	out, carry := slices.Clone(sig), 0
	for i := range order {
		carry += int(out[32+i]) + int(order[i])
		out[32+i], carry = byte(carry), carry>>8
	}
	return out
}

// TestForgets: with more keys than are kept nothing changes but the time taken.
func TestForgets(t *testing.T) {
	pub, secret := newKey(t)
	sig := ed25519.Sign(secret, nil)
	v := Verifier{keys: make(map[[32]byte]*multiples)}
	for i := range maxKeys {
		v.keys[[32]byte{byte(i), byte(i >> 8)}] = nil
	}
	for range 3 {
		if !v.Verify(pub, nil, sig) {
			t.Fatal("good became bad")
		}
	}
	if len(v.keys) != 1 || v.keys[[32]byte(pub)] == nil {
		t.Fatalf("%d keys kept", len(v.keys))
	}
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	var v Verifier
	var wg sync.WaitGroup
	for range 8 {
		pub, secret := newKey(t)
		sig := ed25519.Sign(secret, []byte("x"))
		for range 4 {
			wg.Go(func() {
				if !v.Verify(pub, []byte("x"), sig) {
					t.Error("a good signature is bad")
				}
			})
		}
	}
	wg.Wait()
}

func FuzzVerify(f *testing.F) {
	pub, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(pub), []byte("x"), ed25519.Sign(secret, []byte("x")))
	f.Fuzz(func(t *testing.T, key, message, sig []byte) {
		if len(key) == ed25519.PublicKeySize {
			same(t, key, message, sig)
		}
	})
}
