// Package signature verifies Ed25519 signatures under keys that sign often, in
// about half the time that the standard library takes, with the same verdicts.
//
// The standard library computes R = [s]B − [k]A and compares its 32 bytes with
// those of the signature, and so does this package: the same point of the same
// group, reached by another order of additions. Additions on this curve have no
// exceptions, so the order changes nothing, whatever the key and even if it has
// a part of small order. It is not batch verification, whose equation is another
// one and has other verdicts. Who is not convinced asks the standard library:
// whatever is found bad here is bad only if it says so too.
//
// For each key that was met twice a table of 5 KiB is kept. Nothing here is
// secret, so nothing takes constant time.
package signature

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"sync"

	"filippo.io/edwards25519"
)

// maxKeys bounds the tables that are kept, at 5 KiB each. When there are more
// keys all is forgotten: those that still sign are met again soon.
const maxKeys = 8192

// Verifier remembers keys. Its zero value is ready, and its method may be called
// from any goroutine.
type Verifier struct {
	mu   sync.RWMutex
	keys map[[ed25519.PublicKeySize]byte]*multiples // nil: met once
}

// Verify reports what [ed25519.Verify] reports. The key must have 32 bytes.
func (v *Verifier) Verify(key ed25519.PublicKey, message, sig []byte) bool {
	m := v.multiples([ed25519.PublicKeySize]byte(key))
	return m != nil && equation(m, key, message, sig) || ed25519.Verify(key, message, sig)
}

// multiples are those of minus the key; nil where it is not worth to have them.
func (v *Verifier) multiples(key [ed25519.PublicKeySize]byte) *multiples {
	v.mu.RLock()
	m, met := v.keys[key]
	v.mu.RUnlock()
	if m != nil {
		return m
	}
	if met {
		a, err := new(edwards25519.Point).SetBytes(key[:])
		if err != nil {
			return nil
		}
		m = multiplesOf(a.Negate(a), keyTeeth)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if known := v.keys[key]; known != nil {
		return known
	}
	if v.keys == nil || len(v.keys) >= maxKeys {
		v.keys = make(map[[ed25519.PublicKeySize]byte]*multiples)
	}
	v.keys[key] = m
	return m
}

// equation is RFC 8032, section 5.1.7, without the cofactor and with s below the
// order of the group, as in the standard library.
func equation(minusA *multiples, key, message, sig []byte) bool {
	if len(sig) != ed25519.SignatureSize {
		return false
	}
	h := sha512.New()
	h.Write(sig[:32])
	h.Write(key)
	h.Write(message)
	var digest [sha512.Size]byte
	k, err := edwards25519.NewScalar().SetUniformBytes(h.Sum(digest[:0]))
	if err != nil {
		return false
	}
	s, err := edwards25519.NewScalar().SetCanonicalBytes(sig[32:])
	if err != nil {
		return false
	}
	return bytes.Equal(sum(s, k, minusA).Bytes(), sig[:32])
}
