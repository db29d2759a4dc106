package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"

	"github.com/stele-log/stele/seal"
)

// Key opens one message: a line of an entry, or one storing of a text.
type Key [32]byte

// NewKey makes a key for one storing of a text.
func NewKey() (k Key) {
	rand.Read(k[:]) // never fails: crypto/rand ends the process instead
	return k
}

// LineKey derives the key of a line from its salt, so that destroying the salt
// destroys both what opens the seal and what opens the vault.
func LineKey(salt seal.Salt) Key {
	var b [47]byte
	copy(b[:], "stele/vault/v1\n")
	copy(b[15:], salt[:])
	return sha256.Sum256(b[:])
}

// ErrDecrypt says that a message is not the one that was encrypted.
var ErrDecrypt = errors.New("does not decrypt: not what was encrypted under its key")

// TagSize is how much longer a message becomes by being encrypted.
const TagSize = 16

func (k Key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// nonce is the number of the slot of the key. Each key is used once; the number
// is there for a sender that uses a seed twice.
func nonce(n uint64) []byte {
	var b [12]byte
	binary.BigEndian.PutUint64(b[4:], n)
	return b[:]
}

// Encrypt appends the encrypted message to dst. What is bound to it has to be at
// hand when it is decrypted.
func (k Key) Encrypt(dst []byte, slot uint64, message, bound []byte) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	return a.Seal(dst, nonce(slot), message, bound), nil
}

// Decrypt undoes [Key.Encrypt]; [ErrDecrypt] where anything is not as it was.
func (k Key) Decrypt(slot uint64, sealed, bound []byte) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	message, err := a.Open(nil, nonce(slot), sealed, bound)
	if err != nil {
		return nil, ErrDecrypt
	}
	return message, nil
}

// Ref is the number of a text encrypted under the salt of a text line: 8 bytes,
// and 8 that show whether it was altered. It takes the place of AES, whose setup
// costs ten times as much, with SHA-256 as the function that nobody can guess
// without the salt.
type Ref [16]byte

// NewRef encrypts the number of a text. slot is that of the entry.
func NewRef(salt seal.Salt, slot, text uint64) (r Ref) {
	pad := refPad(salt, slot)
	binary.BigEndian.PutUint64(r[:], text^binary.BigEndian.Uint64(pad[:]))
	tag := refTag(pad, text)
	copy(r[8:], tag[:8])
	return r
}

// Open undoes [NewRef]; [ErrDecrypt] where anything is not as it was.
func (r Ref) Open(salt seal.Salt, slot uint64) (uint64, error) {
	pad := refPad(salt, slot)
	text := binary.BigEndian.Uint64(r[:]) ^ binary.BigEndian.Uint64(pad[:])
	tag := refTag(pad, text)
	if !hmac.Equal(tag[:8], r[8:]) {
		return 0, ErrDecrypt
	}
	return text, nil
}

func refPad(salt seal.Salt, slot uint64) [32]byte {
	var b [53]byte
	copy(b[:], "stele/ref/v1\n")
	copy(b[13:], salt[:])
	binary.BigEndian.PutUint64(b[45:], slot)
	return sha256.Sum256(b[:])
}

func refTag(pad [32]byte, text uint64) [32]byte {
	var b [48]byte
	copy(b[:], "stele/ref/tag/v1")
	copy(b[16:], pad[8:])
	binary.BigEndian.PutUint64(b[40:], text)
	return sha256.Sum256(b[:])
}

// Digest tells equal texts. It is keyed: without the keyring it cannot be made,
// and nobody can look for two texts that share one.
type Digest [16]byte

// Digester makes digests, for one goroutine.
type Digester struct{ h hash.Hash }

// Digester returns what makes the digests of this keyring.
func (k *Keyring) Digester() Digester { return Digester{hmac.New(sha256.New, k.dedup[:])} }

// Digest returns the digest of a text.
func (d Digester) Digest(text []byte) Digest {
	d.h.Reset()
	d.h.Write(text)
	var sum [32]byte
	return Digest(d.h.Sum(sum[:0])[:16])
}
