// Package fingerprint tells secrets apart without telling them: keyed digests, the
// key of a host that makes them, and the secrets that are known by them.
//
// It promises that no way of printing a key shows it, and that looking for what is
// known takes bounded time. It does not find secrets that nobody has found before.
package fingerprint

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"log/slog"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// size is how many bytes of the HMAC a fingerprint keeps: enough to
// tell secrets of one host apart, too few to be mistaken for a digest.
const size = 9

// Key is the fingerprint key of a host. It never leaves the host and no way of
// printing it shows it. The zero Key makes fingerprints that anyone can make;
// it is meant for tests.
//
// The bytes are two pointers away: package fmt follows one where a verb does not
// fit the key as a field of another struct.
type Key struct{ p **[KeySize]byte }

// NewKey returns the key with the given 32 bytes.
func NewKey(b []byte) (Key, error) {
	if len(b) != KeySize {
		return Key{}, fmt.Errorf("fingerprint key: %d bytes, want %d", len(b), KeySize)
	}
	k := [KeySize]byte(b)
	p := &k
	return Key{&p}, nil
}

const hidden = "[key]"

// String hides the key.
func (Key) String() string { return hidden }

// GoString hides the key.
func (Key) GoString() string { return hidden }

// LogValue hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the key.
func (Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Of tells of each secret whether it changed without telling the secret: the first
// 9 bytes of HMAC-SHA256(key, secret) in base64url, 12 characters.
func (k Key) Of(secrets ...[]byte) []string {
	if len(secrets) == 0 {
		return nil
	}
	mac, all := k.mac(), make([]string, 0, len(secrets))
	for _, s := range secrets {
		all = append(all, of(mac, s))
	}
	return all
}

func of(mac hash.Hash, secret []byte) string {
	mac.Reset()
	mac.Write(secret)
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(mac.Sum(sum[:0])[:size])
}

// mac makes fingerprints, one after the other.
func (k Key) mac() hash.Hash {
	var key []byte
	if k.p != nil {
		key = (*k.p)[:]
	}
	return hmac.New(sha256.New, key)
}
