package keyring

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
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
// are stored already it is not missing but lost, which opening then reports.
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

func readDedupKey(cfg Config) (Key, error) {
	b, err := durable.ReadSmall(cfg.FS, cfg.dedupPath(), 4096)
	if err != nil {
		return Key{}, fmt.Errorf("open keyring: %w", err)
	}
	k, ok := parseDedupKey(b)
	if !ok {
		return Key{}, &durable.Damage{Path: cfg.dedupPath(), Bytes: int64(len(b)), Why: "checksum of key is wrong"}
	}
	return k, nil
}
