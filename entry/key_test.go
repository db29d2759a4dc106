package entry

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// TestPublicKey computes by hand what the page says of a key.
func TestPublicKey(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	public := private.Public().(ed25519.PublicKey)
	k, err := NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	name := hex.EncodeToString(sum[:16])
	hash := sha256.Sum256(append([]byte(name+"\n\x01"), public...))
	vkey := fmt.Sprintf("%s+%x+%s", name, hash[:4], b64(append([]byte{1}, public...)))
	if k.Source().String() != name || k.VKey() != vkey || !k.Bytes().Equal(public) || !k.Sound() {
		t.Fatalf("got %s, %s; want %s, %s", k.Source(), k.VKey(), name, vkey)
	}
	if v, err := note.NewVerifier(k.VKey()); err != nil || v.Name() != name {
		t.Fatalf("x/mod does not read the vkey: %v", err)
	}
}

func TestLogKey(t *testing.T) {
	public := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	rapid.Check(t, func(r *rapid.T) {
		k, err := NewLogKey(anOrigin(r), public)
		if err != nil {
			r.Fatal(err)
		}
		again, err := ParseLogKey(k.VKey())
		if err != nil || *again != *k || again.Origin() != k.Origin() || !again.Bytes().Equal(public) || !again.Sound() {
			r.Fatalf("%s is read as %v, %v", k.VKey(), again, err)
		}
	})
	for _, origin := range []string{"", "a b", "a+b", "é", "a\n", "\x7f", strings.Repeat("o", 256)} {
		if k, err := NewLogKey(origin, public); err == nil {
			t.Errorf("a log may be named %q", k.Origin())
		}
	}
}

func TestParseLogKeyRefuses(t *testing.T) {
	public := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	k, err := NewLogKey("log.example", public)
	if err != nil {
		t.Fatal(err)
	}
	good := k.VKey()
	for name, s := range map[string]string{
		"empty": "", "name only": "log.example", "two parts": "log.example+00000000", "LF at the end": good + "\n",
		"another name": strings.Replace(good, "log", "lag", 1), "upper-case hash": upperHash(good), "short": good[:len(good)-4],
		"another algorithm": vkeyOfAlgorithm("log.example", 2, public),
	} {
		if _, err := ParseLogKey(s); err == nil || errors.Is(err, ErrBadKey) {
			t.Errorf("%s: got %v, want an error about the spelling", name, err)
		}
	}
	small := vkey("log.example", [32]byte{0: 1})
	if _, err := ParseLogKey(small); !errors.Is(err, ErrBadKey) {
		t.Errorf("small order: got %v, want %v", err, ErrBadKey)
	}
}

func upperHash(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)
	return parts[0] + "+" + strings.ToUpper(parts[1]) + "+" + parts[2]
}

func vkeyOfAlgorithm(name string, alg byte, key []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"+string(rune(alg))), key...))
	return fmt.Sprintf("%s+%x+%s", name, sum[:4], b64(append([]byte{alg}, key...)))
}

// TestUnsoundKeys derives what must be refused from the curve: the field prime
// and all above it, and the points of small order.
func TestUnsoundKeys(t *testing.T) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	plus := func(n int64) *big.Int { return new(big.Int).Add(p, big.NewInt(n)) }
	ys := []*big.Int{big.NewInt(0), big.NewInt(1), plus(-1), orderEight(p), new(big.Int).Sub(p, orderEight(p))}
	for n := range int64(19) {
		ys = append(ys, plus(n))
	}
	for _, y := range ys {
		for sign := range byte(2) {
			key := littleEndian(y)
			key[31] |= sign << 7
			if _, err := NewPublicKey(key); !errors.Is(err, ErrBadKey) {
				t.Errorf("y = %x, sign %d: got %v, want %v", y, sign, err, ErrBadKey)
			}
			if _, err := NewLogKey("log", key); !errors.Is(err, ErrBadKey) {
				t.Errorf("y = %x, sign %d, of a log: got %v, want %v", y, sign, err, ErrBadKey)
			}
		}
	}
	for _, y := range []*big.Int{big.NewInt(2), plus(-2), new(big.Int).Add(orderEight(p), big.NewInt(1))} {
		if _, err := NewPublicKey(littleEndian(y)); err != nil {
			t.Errorf("y = %x: %v", y, err)
		}
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := NewPublicKey(make([]byte, n)); !errors.Is(err, ErrBadKey) {
			t.Errorf("%d bytes: got %v, want %v", n, err, ErrBadKey)
		}
	}
}

// orderEight solves for the y of a point P of order 8. The y of 2P is 0, so that
// x² = -y², and the curve -x²+y² = 1+dx²y² becomes dy⁴+2y² = 1.
func orderEight(p *big.Int) *big.Int {
	mod := func(n *big.Int) *big.Int { return n.Mod(n, p) }
	d := mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), p)))
	root := new(big.Int).ModSqrt(mod(new(big.Int).Add(d, big.NewInt(1))), p)
	inverse := new(big.Int).ModInverse(d, p)
	for _, r := range []*big.Int{root, new(big.Int).Sub(p, root)} {
		y2 := mod(new(big.Int).Mul(new(big.Int).Sub(r, big.NewInt(1)), inverse))
		if y := new(big.Int).ModSqrt(y2, p); y != nil {
			return y
		}
	}
	return nil
}

func littleEndian(n *big.Int) ed25519.PublicKey {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

func TestSecretKey(t *testing.T) {
	if _, err := NewSecretKey(make([]byte, 31)); err == nil {
		t.Error("31 bytes make a key")
	}
	seed := []byte("this seed must never be printed!")
	k, err := NewSecretKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	if k.Source() != k.Public().Source() {
		t.Error("the key signs as another source than its public key is of")
	}
	holder := struct{ inner SecretKey }{k}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{k, &k, holder, &holder, []SecretKey{k}} {
			if s := fmt.Sprintf(verb, v); leaks(s, seed) {
				t.Errorf("%s of %T prints the key: %s", verb, v, s)
			}
		}
	}
}

func leaks(s string, seed []byte) bool {
	decimal := strings.Trim(fmt.Sprint(seed[:4]), "[]")
	return strings.Contains(s, string(seed[:4])) || strings.Contains(s, hex.EncodeToString(seed[:4])) || strings.Contains(s, decimal)
}

func TestDigests(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := aHash(r, "hash")
		if got, err := ParseHash(h.String()); err != nil || got != h {
			r.Fatalf("%s is read as %s, %v", h, got, err)
		}
		s := aSource(r, "source")
		if got, err := ParseSource(s.String()); err != nil || got != s {
			r.Fatalf("%s is read as %s, %v", s, got, err)
		}
	})
	if EmptyRoot.String() != "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" {
		t.Errorf("the root of the empty tree is %s", EmptyRoot)
	}
	good := EmptyRoot.String()
	for _, s := range []string{"", good + "\n", good[:43], good[:42] + "V=", good[:20] + "\r" + good[21:], strings.Repeat("A", 44), good[:20] + "\n" + good[20:]} {
		if _, err := ParseHash(s); err == nil {
			t.Errorf("%q is read as a digest", s)
		}
	}
	for _, s := range []string{"", strings.Repeat("A", 32), strings.Repeat("a", 31), strings.Repeat("a", 33), strings.Repeat("g", 32)} {
		if _, err := ParseSource(s); err == nil {
			t.Errorf("%q is read as a source", s)
		}
	}
}
