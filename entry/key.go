package entry

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrBadKey says that a key is not canonical or of small order: a signature
// under it could verify for some verifiers and not for others.
var ErrBadKey = errors.New("key is not canonical or of small order")

const algEd25519 = 0x01

// PublicKey is the key of a source.
type PublicKey struct {
	key    [ed25519.PublicKeySize]byte
	source Source
	hash   [4]byte
}

// NewPublicKey returns the key with those bytes, or [ErrBadKey].
func NewPublicKey(key ed25519.PublicKey) (*PublicKey, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("key of %d bytes: %w", len(key), ErrBadKey)
	}
	p := newPublicKey([32]byte(key))
	if !soundKey(p.key) {
		return nil, ErrBadKey
	}
	return p, nil
}

func newPublicKey(key [32]byte) *PublicKey {
	sum := sha256.Sum256(key[:])
	p := &PublicKey{key: key, source: Source(sum[:16])}
	p.hash = keyHash(p.source.String(), key)
	return p
}

// Source is the identity the key belongs to.
func (p *PublicKey) Source() Source { return p.source }

// Bytes returns the key itself.
func (p *PublicKey) Bytes() ed25519.PublicKey { return p.key[:] }

// Sound reports whether the key is canonical and not of small order.
func (p *PublicKey) Sound() bool { return soundKey(p.key) }

// VKey is the key as a vkey line spells it.
func (p *PublicKey) VKey() string { return vkey(p.source.String(), p.key) }

// LogKey is the key that signs a log's checkpoints, with the log's origin.
type LogKey struct {
	origin string
	key    [ed25519.PublicKeySize]byte
}

// NewLogKey returns the key of the log named origin.
func NewLogKey(origin string, key ed25519.PublicKey) (*LogKey, error) {
	if !validOrigin(origin) {
		return nil, fmt.Errorf("origin %.80q is empty, too long or has a character outside 0x21–0x7E or a plus sign", origin)
	}
	if len(key) != ed25519.PublicKeySize || !soundKey([32]byte(key)) {
		return nil, ErrBadKey
	}
	return &LogKey{origin, [32]byte(key)}, nil
}

// ParseLogKey reads the vkey of a log. A key that is unsound is [ErrBadKey].
func ParseLogKey(s string) (*LogKey, error) {
	origin, key, err := parseVKey(s)
	if err != nil {
		return nil, err
	}
	return NewLogKey(origin, key[:])
}

// Origin is the log's name.
func (l *LogKey) Origin() string { return l.origin }

// Sound reports whether the key is canonical and not of small order.
func (l *LogKey) Sound() bool { return soundKey(l.key) }

// Bytes returns the key itself.
func (l *LogKey) Bytes() ed25519.PublicKey { return l.key[:] }

// VKey is the key as a vkey line spells it.
func (l *LogKey) VKey() string { return vkey(l.origin, l.key) }

func vkey(name string, key [32]byte) string {
	h := keyHash(name, key)
	return name + "+" + hex.EncodeToString(h[:]) + "+" +
		base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, key[:]...))
}

func keyHash(name string, key [32]byte) [4]byte {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{'\n', algEd25519})
	h.Write(key[:])
	return [4]byte(h.Sum(nil))
}

// parseVKey splits a vkey and checks its spelling and its hash, not the key.
func parseVKey(s string) (name string, key [32]byte, err error) {
	parts := strings.Split(s, "+")
	if len(parts) < 3 { // base64 may hold plus signs too
		return "", key, fmt.Errorf("vkey %.80q is not <name>+<hash>+<key>", s)
	}
	name = parts[0]
	var hash [4]byte
	var alg [33]byte
	if !validOrigin(name) || !decodeHex(hash[:], []byte(parts[1])) ||
		!decodeBase64(alg[:], []byte(strings.Join(parts[2:], "+"))) || alg[0] != algEd25519 {
		return "", key, fmt.Errorf("vkey %.80q is not a name, a key hash and an Ed25519 key", s)
	}
	key = [32]byte(alg[1:])
	if hash != keyHash(name, key) {
		return "", key, fmt.Errorf("vkey %.80q has a key hash that is not its key's", s)
	}
	return name, key, nil
}

// parseSourceKey reads a vkey whose name is the source the key makes.
func parseSourceKey(s string) (*PublicKey, error) {
	name, key, err := parseVKey(s)
	if err != nil {
		return nil, err
	}
	p := newPublicKey(key)
	if p.source.String() != name {
		return nil, fmt.Errorf("vkey %.80q is not named for its key", s)
	}
	return p, nil
}

// smallOrder are the y coordinates of the points of small order, little-endian.
var smallOrder = [...][32]byte{
	{},
	{0: 1},
	minusOne(),
	fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}

// minusOne is 2^255-20, little-endian.
func minusOne() [32]byte {
	p := fieldPrime()
	p[0]--
	return p
}

// fieldPrime is 2^255-19, little-endian.
func fieldPrime() [32]byte {
	var p [32]byte
	for i := range p {
		p[i] = 0xff
	}
	p[0], p[31] = 0xed, 0x7f
	return p
}

func fromHex(s string) (b [32]byte) {
	decodeHex(b[:], []byte(s))
	return b
}

// soundKey reports whether a key is a canonical encoding and not of small order.
func soundKey(key [32]byte) bool {
	key[31] &= 0x7f
	for _, y := range smallOrder {
		if key == y {
			return false
		}
	}
	p := fieldPrime()
	for i := 31; i >= 0; i-- {
		if key[i] != p[i] {
			return key[i] < p[i]
		}
	}
	return false
}
