package layout

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Sizes is what each part of a store takes on disk, and all together, in bytes of
// files.
func (s Store) Sizes() (parts map[string]int64, total int64, err error) {
	dirs := map[string]string{"log": s.Log(), "vault": s.Vault(), "keyring": s.Keyring(), "index": filepath.Dir(s.Index()), "watch": s.Watch()}
	parts = make(map[string]int64)
	for name, dir := range dirs {
		if parts[name], err = size(dir); err != nil {
			return nil, 0, err
		}
		total += parts[name]
	}
	return parts, total, nil
}

// size is the bytes of the files below a directory, of which a writer may remove some
// meanwhile.
func size(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total, err
}
