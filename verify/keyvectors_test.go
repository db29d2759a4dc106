package verify_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"slices"
)

// This file has the vectors about Ed25519: keys that must be refused, and
// signatures about which the verifiers of the world do not agree.

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var (
	one        = big.NewInt(1)
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	groupOrder = decimal("7237005577332262213973186563042994240857116359379907606001950938285454250989")
)

func decimal(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s + " is not a number")
	}
	return n
}

func littleEndian(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

func fromLittleEndian(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// encodePoint is a y coordinate with the sign of x in the top bit.
func encodePoint(y *big.Int, sign byte) []byte {
	b := littleEndian(y)
	b[31] |= sign << 7
	return b
}

// plusOrderTwo adds the point of order 2, (0, -1): (x, y) becomes (-x, -y).
func plusOrderTwo(point []byte) []byte {
	b := slices.Clone(point)
	sign := b[31] >> 7
	b[31] &= 0x7f
	return encodePoint(new(big.Int).Sub(fieldPrime, fromLittleEndian(b)), 1-sign)
}

// xSquared is what x*x must be for y, by the equation of the curve,
// -x²+y² = 1+dx²y².
func xSquared(y *big.Int) *big.Int {
	mod := func(n *big.Int) *big.Int { return n.Mod(n, fieldPrime) }
	inverse := new(big.Int).ModInverse(big.NewInt(121666), fieldPrime)
	d := mod(inverse.Mul(inverse, big.NewInt(-121665)))
	y2 := mod(new(big.Int).Mul(y, y))
	below := mod(new(big.Int).Add(one, new(big.Int).Mul(d, y2)))
	return mod(new(big.Int).Mul(new(big.Int).Sub(y2, one), below.ModInverse(below, fieldPrime)))
}

// orderEight is the y of a point of order 8, given as format.md prints it. Twice
// the point has y = 0, so x² = -y².
func orderEight(s string) *big.Int {
	y := fromLittleEndian(must(hex.DecodeString(s)))
	minus := new(big.Int).Neg(new(big.Int).Mul(y, y))
	if xSquared(y).Cmp(minus.Mod(minus, fieldPrime)) != 0 {
		panic(s + " is not of order 8")
	}
	return y
}

// smallOrderKeys are all encodings of points of small order.
func smallOrderKeys() map[string][]byte {
	p := func(n int64) *big.Int { return new(big.Int).Add(fieldPrime, big.NewInt(n)) }
	keys := make(map[string][]byte)
	for name, y := range map[string]*big.Int{
		"y is 0":                new(big.Int),
		"y is 1":                one,
		"y is -1":               p(-1),
		"y is p and so 0":       p(0),
		"y is p+1 and so 1":     p(1),
		"order 8, 26e8958f":     orderEight("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
		"order 8, the c7176a70": orderEight("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
	} {
		keys[name] = encodePoint(y, 0)
		keys[name+", sign set"] = encodePoint(y, 1)
	}
	return keys
}

// keys are enrolments of keys good and bad.
func (v *entryVectors) keys() {
	enrol := func(key []byte) string {
		return signed(text("enrol", "vkey "+vkeyOf(sourceOf(key), key), "role watcher"))
	}
	small := smallOrderKeys()
	for _, name := range sortedKeys(small) {
		v.bad(expectBadKey, "small order: "+name, "", enrol(small[name]), public(signerKey))
	}
	for n := int64(2); n < 19; n++ {
		for sign := range byte(2) {
			key := encodePoint(new(big.Int).Add(fieldPrime, big.NewInt(n)), sign)
			name := fmt.Sprintf("not canonical: y is p+%d, sign %d", n, sign)
			v.bad(expectBadKey, name, "", enrol(key), public(signerKey))
		}
	}
	entry0 := replaced(genesisText("erasers 1"), vkeyOf(origin, public(keyFor(origin))), vkeyOf(origin, small["y is 1"]))
	v.bad(expectBadKey, "small order: of the log", "", signed(entry0), public(signerKey))
	v.okUnder("key of mixed order enrolled", "such a key is not of small order", enrol(plusOrderTwo(public(otherKey))), public(signerKey))
	v.okUnder("key that is no point enrolled", "nothing can ever verify under it; the format does not ask", enrol(noPoint()), public(signerKey))
}

// noPoint is a canonical encoding that no point of the curve has.
func noPoint() []byte {
	y := big.NewInt(2)
	for big.Jacobi(xSquared(y), fieldPrime) >= 0 {
		y.Add(y, one)
	}
	return encodePoint(y, 0)
}

// scalars are the secret scalar of a key and the nonce of its signature of a
// text (RFC 8032 section 5.1.6).
func scalars(key ed25519.PrivateKey, text string) (a, r *big.Int) {
	h := sha512.Sum512(key.Seed())
	h[0] &= 248
	h[31] = h[31]&127 | 64
	nonce := sha512.Sum512(append(slices.Clone(h[32:]), text...))
	return fromLittleEndian(h[:32]), modOrder(fromLittleEndian(nonce[:]))
}

func modOrder(n *big.Int) *big.Int { return new(big.Int).Mod(n, groupOrder) }

// challenge is the hash k of RFC 8032, not yet reduced.
func challenge(point, key []byte, text string) *big.Int {
	k := sha512.Sum512(append(append(slices.Clone(point), key...), text...))
	return fromLittleEndian(k[:])
}

// forge is the signature (point, r + k·a).
func forge(point, key []byte, r, a *big.Int, text string) []byte {
	s := new(big.Int).Mul(challenge(point, key, text), a)
	return append(slices.Clone(point), littleEndian(modOrder(s.Add(s, r)))...)
}

// signatures are entries that parse, with signatures that do and do not verify.
func (v *entryVectors) signatures() {
	key := public(signerKey)
	t := text("change")
	sig := ed25519.Sign(signerKey, []byte(t))
	bad := func(name, comment string, sig []byte) {
		v.bad(expectBadSignature, name, comment, noteWith(t, signerName, key, sig), key)
	}
	over := func(s string) []byte { return ed25519.Sign(signerKey, []byte(s)) }

	bad("signature with S plus L", "malleable: the same point", append(slices.Clone(sig[:32]), littleEndian(new(big.Int).Add(fromLittleEndian(sig[32:]), groupOrder))...))
	bad("signature with S plus 8L", "", append(slices.Clone(sig[:32]), littleEndian(new(big.Int).Add(fromLittleEndian(sig[32:]), new(big.Int).Lsh(groupOrder, 3)))...))
	bad("signature of zeros", "", make([]byte, 64))
	bad("signature with a bit of R flipped", "", flipped(sig, 0))
	bad("signature with a bit of S flipped", "", flipped(sig, 40))
	bad("signature by another key", "with the key hash of the right one", ed25519.Sign(otherKey, []byte(t)))
	bad("signature over the text without its last LF", "", over(t[:len(t)-1]))
	bad("signature over the text and the empty line", "", over(t+"\n"))
	bad("signature over another text", "", over(text("access")))
	bad("signature over the entry id", "", over(hash(t).String()))
	bad("signature in mode Ed25519ph", "", signPrehashed(t))
	v.bad(expectBadSignature, "key hash of another key", "the signature itself is right", otherHash(t, otherName, public(otherKey), sig), key)
	v.bad(expectBadSignature, "key hash under another name", "the signature itself is right", otherHash(t, origin, key, sig), key)
	v.points(t, bad)
	v.mixed()
	v.noPointSigns()
}

func flipped(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[i] ^= 1
	return b
}

func signPrehashed(t string) []byte {
	sum := sha512.Sum512([]byte(t))
	return must(signerKey.Sign(nil, sum[:], crypto.SHA512))
}

// otherHash is a note whose signature line has the key hash of another name or key.
func otherHash(t, name string, key, sig []byte) string {
	return t + "\n— " + signerName + " " + b64(append(keyHash(name, key), sig...)) + "\n"
}

// points are signatures whose R is not what a signer would choose.
func (v *entryVectors) points(t string, bad func(name, comment string, sig []byte)) {
	key := public(signerKey)
	a, r := scalars(signerKey, t)
	sig := ed25519.Sign(signerKey, []byte(t))
	bad("R with a component of order 2", "the cofactored equation would hold", forge(plusOrderTwo(sig[:32]), key, r, a, t))

	zero := new(big.Int)
	neutral := encodePoint(one, 0)
	v.okUnder("R is the neutral point", "the equation holds and R is equal as bytes", noteWith(t, signerName, key, forge(neutral, key, zero, a, t)), key)
	p1 := new(big.Int).Add(fieldPrime, one)
	bad("R is the neutral point with its sign set", "R is compared as bytes", forge(encodePoint(one, 1), key, zero, a, t))
	bad("R is the neutral point, not reduced", "R is compared as bytes", forge(encodePoint(p1, 0), key, zero, a, t))
}

// mixed are signatures under a key with a component of order 2: the cofactorless
// equation holds when k, reduced modulo the group order, is even.
func (v *entryVectors) mixed() {
	key := plusOrderTwo(public(signerKey))
	name := sourceOf(key)
	for _, c := range []struct{ whole, reduced uint }{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
		note := mixedNote(key, name, c.whole, c.reduced)
		what := fmt.Sprintf("key of mixed order, k mod 2 is %d, after reduction %d", c.whole, c.reduced)
		if c.reduced == 0 {
			v.okUnder(what, "k is reduced before it is multiplied with the key", note, key)
		} else {
			v.bad(expectBadSignature, what, "the cofactored equation would hold", note, key)
		}
	}
}

func mixedNote(key []byte, name string, whole, reduced uint) string {
	for seq := 0; ; seq++ {
		t := replaced(text("change"), fmt.Sprintf("%s %d", signerName, someSeq), fmt.Sprintf("%s %d", name, seq))
		a, r := scalars(signerKey, t)
		point := ed25519.Sign(signerKey, []byte(t))[:32]
		k := challenge(point, key, t)
		if k.Bit(0) == whole && modOrder(k).Bit(0) == reduced {
			return noteWith(t, name, key, forge(point, key, r, a, t))
		}
	}
}

func (v *entryVectors) noPointSigns() {
	key := noPoint()
	name := sourceOf(key)
	t := replaced(text("change"), signerName, name)
	sig := append(encodePoint(one, 0), make([]byte, 32)...)
	v.bad(expectBadSignature, "key that is no point", "", noteWith(t, name, key, sig), key)
}
