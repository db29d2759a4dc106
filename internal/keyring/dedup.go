package keyring

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"

	"github.com/stele-log/stele/internal/durable"
)

// dedupMagic begins the file of the key of digests; key and checksum follow.
const dedupMagic = "stele dedup 1\n"

func renderDedupKey(k Key) []byte {
	b := append([]byte(dedupMagic), k[:]...)
	sum := sha256.Sum256(b)
	return append(b, sum[:8]...)
}

func parseDedupKey(b []byte) (k Key, ok bool) {
	if len(b) != len(dedupMagic)+len(k)+8 {
		return k, false
	}
	copy(k[:], b[len(dedupMagic):])
	return k, bytes.Equal(renderDedupKey(k), b)
}

func (c Config) dedupPath() string { return filepath.Join(c.Dir, dedupName) }

// createDedupKey makes the key of digests where there is none yet. Where texts
// are stored already it is not missing but lost, see [Keyring.Redigest].
func createDedupKey(cfg Config) error {
	_, err := cfg.FS.Stat(cfg.dedupPath())
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found, err := generations(cfg.FS, cfg.Dir, seedsName)
	if err != nil || len(found) > 0 {
		return err
	}
	return durable.WriteFile(cfg.FS, cfg.dedupPath(), renderDedupKey(NewKey()), 0o600)
}

func readDedupKey(cfg Config) (*Key, error) {
	b, err := durable.ReadSmall(cfg.FS, cfg.dedupPath(), 4096)
	switch {
	case durable.Absent(err):
		return nil, &durable.Damage{Path: cfg.dedupPath(), Why: "no such file"}
	case err != nil:
		return nil, fmt.Errorf("open keyring: %w", durable.Damaged(err))
	}
	k, ok := parseDedupKey(b)
	if !ok {
		return nil, &durable.Damage{Path: cfg.dedupPath(), Bytes: int64(len(b)), Why: "checksum of key is wrong"}
	}
	return &k, nil
}

// HasDigester reports whether there is a key of digests.
func (k *Keyring) HasDigester() bool { return k.dedup != nil }

// Redigest gives a keyring a new key of digests, in the place of one that was lost:
// text returns the text of a slot, nil if it has none. A crash leaves the old key, or
// none, with some of the digests; do it again.
func (k *Keyring) Redigest(text func(slot uint64) ([]byte, error)) error {
	key := NewKey()
	digester := (&Keyring{dedup: &key}).Digester()
	change := map[uint64]slot{}
	for num, err := range k.texts.kept() {
		if err != nil {
			return err
		}
		t, err := k.Text(num)
		if err != nil {
			return err
		}
		body, err := text(num)
		if err != nil {
			return err
		}
		if body != nil {
			t.Digest = digester.Digest(body)
			change[num] = t.slot()
		}
	}
	if err := k.texts.replace(change); err != nil {
		return err
	}
	// What is there is no file that could be read: it is replaced, not read.
	if err := durable.WriteFile(k.cfg.FS, k.cfg.dedupPath(), renderDedupKey(key), 0o600); err != nil {
		return err
	}
	k.dedup = &key
	return nil
}

// kept yields the slots that hold a secret.
func (s *slots) kept() iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		nums, err := s.numbers()
		if err != nil {
			yield(0, err)
			return
		}
		for _, num := range nums {
			var found []uint64
			if _, err := s.each(num, func(f foundSlot) {
				if f.why == nil && f.slot.kind == slotKept {
					found = append(found, f.n)
				}
			}); err != nil {
				yield(0, err)
				return
			}
			for _, n := range found {
				if !yield(n, nil) {
					return
				}
			}
		}
	}
}
