package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"log/slog"
)

// keySize is the length of a fingerprint key in bytes.
const keySize = 32

// fingerprintSize is how many bytes of the HMAC a fingerprint keeps: enough to
// tell secrets of one host apart, too few to be mistaken for a digest.
const fingerprintSize = 9

// Key is the fingerprint key of a host. It never leaves the host and no way of
// printing it shows it. The zero Key makes fingerprints that anyone can make;
// it is meant for tests.
//
// The bytes are two pointers away: package fmt follows one where a verb does not
// fit the key as a field of another struct.
type Key struct{ p **[keySize]byte }

// NewKey returns the key with the given 32 bytes.
func NewKey(b []byte) (Key, error) {
	if len(b) != keySize {
		return Key{}, fmt.Errorf("fingerprint key: %d bytes, want %d", len(b), keySize)
	}
	k := [keySize]byte(b)
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

// fingerprint tells whether a secret changed without telling the secret: the
// first 9 bytes of HMAC-SHA256(key, secret) in base64url, 12 characters.
func (k Key) fingerprint(secret []byte) string { return fingerprint(k.mac(), secret) }

func fingerprint(mac hash.Hash, secret []byte) string {
	mac.Reset()
	mac.Write(secret)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:fingerprintSize])
}

// mac makes fingerprints, one after the other.
func (k Key) mac() hash.Hash {
	var key []byte
	if k.p != nil {
		key = (*k.p)[:]
	}
	return hmac.New(sha256.New, key)
}
