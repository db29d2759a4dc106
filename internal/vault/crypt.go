package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"

	"github.com/stele-log/stele/seal"
)

// key opens one message: a line of an entry, or one storing of a text.
type key [32]byte

// lineKey derives the key of a line from its salt, so that destroying the salt
// destroys both what opens the seal and what opens the vault.
func lineKey(salt seal.Salt) key {
	var b [47]byte
	copy(b[:], "stele/vault/v1\n")
	copy(b[15:], salt[:])
	return sha256.Sum256(b[:])
}

var errDecrypt = errors.New("does not decrypt: not what was encrypted under its key")

const tagSize = 16

func (k key) aead() (cipher.AEAD, error) {
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

// encrypt appends the encrypted message to dst.
func (k key) encrypt(dst []byte, slot uint64, message, bound []byte) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	return a.Seal(dst, nonce(slot), message, bound), nil
}

func (k key) decrypt(slot uint64, sealed, bound []byte) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	message, err := a.Open(nil, nonce(slot), sealed, bound)
	if err != nil {
		return nil, errDecrypt
	}
	return message, nil
}

// ref is a TextID encrypted under the salt of a text line: 8 bytes, and 8 that
// show whether it was altered. It takes the place of AES, whose setup costs ten
// times as much, with SHA-256 as the function that nobody can guess without the
// salt.
type ref [16]byte

func newRef(salt seal.Salt, slot uint64, id TextID) (r ref) {
	pad := refPad(salt, slot)
	binary.BigEndian.PutUint64(r[:], uint64(id)^binary.BigEndian.Uint64(pad[:]))
	tag := refTag(pad, id)
	copy(r[8:], tag[:8])
	return r
}

func (r ref) open(salt seal.Salt, slot uint64) (TextID, error) {
	pad := refPad(salt, slot)
	id := TextID(binary.BigEndian.Uint64(r[:]) ^ binary.BigEndian.Uint64(pad[:]))
	tag := refTag(pad, id)
	if !hmac.Equal(tag[:8], r[8:]) {
		return 0, errDecrypt
	}
	return id, nil
}

func refPad(salt seal.Salt, slot uint64) [32]byte {
	var b [53]byte
	copy(b[:], "stele/ref/v1\n")
	copy(b[13:], salt[:])
	binary.BigEndian.PutUint64(b[45:], slot)
	return sha256.Sum256(b[:])
}

func refTag(pad [32]byte, id TextID) [32]byte {
	var b [48]byte
	copy(b[:], "stele/ref/tag/v1")
	copy(b[16:], pad[8:])
	binary.BigEndian.PutUint64(b[40:], uint64(id))
	return sha256.Sum256(b[:])
}

// digest tells equal texts. It is keyed: without the keyring it cannot be made,
// and nobody can look for two texts that share one.
type digest [16]byte

func newDigester(k key) hash.Hash { return hmac.New(sha256.New, k[:]) }

func digestOf(h hash.Hash, text []byte) digest {
	h.Reset()
	h.Write(text)
	var sum [32]byte
	return digest(h.Sum(sum[:0])[:16])
}

// dedupMagic begins the file of the key of digests; key and checksum follow.
const dedupMagic = "stele dedup 1\n"

func renderDedupKey(k key) []byte {
	b := append([]byte(dedupMagic), k[:]...)
	sum := sha256.Sum256(b)
	return append(b, sum[:8]...)
}

func parseDedupKey(b []byte) (k key, ok bool) {
	if len(b) != len(dedupMagic)+len(k)+8 {
		return k, false
	}
	copy(k[:], b[len(dedupMagic):])
	return k, bytes.Equal(renderDedupKey(k), b)
}
