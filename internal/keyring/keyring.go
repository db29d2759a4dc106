// Package keyring stores the keys that open a vault, and is the only place where
// they are.
//
// It promises:
//   - What was put and synced is durable; a crash loses nothing else than what
//     was being put.
//   - Destroying a key leaves no copy of it in the files of the keyring, and
//     touches no other key.
//   - Every byte of every file is covered: [Check] names what is not as it was
//     written, and each key that nothing in the vault belongs to.
//
// The keyring knows neither entries nor texts: both have numbered slots, and the
// vault says which slot belongs to what. It does not decide what is destroyed.
//
// # Files
//
//	seeds-000000.1      slots, one for each entry: its seed
//	salts-000001.1      frames: the salts of entries that have no seed
//	texts-000000.1      slots, one for each stored text: key and digest
//	dedup               the key of those digests
//
// A file is replaced when a key in it is destroyed: the number after the dot goes
// up, and the old file is overwritten.
package keyring

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/seal"
)

// Names and magics of the files.
const (
	seedsName, seedsMagic = "seeds", "stele seed 1"
	saltsName, saltsMagic = "salts", "stele salt 1"
	textsName, textsMagic = "texts", "stele keys 1"
	dedupName             = "dedup"
)

// The bytes of the secrets in slots.
const (
	seedSecret = len(seal.Seed{})
	textSecret = len(Key{}) + len(Digest{})
)

// ErrErased says that a key was destroyed.
var ErrErased = errors.New("erased")

// Config says where a keyring is.
type Config struct {
	Dir string // its backups must expire
	FS  durable.FS
	Log *slog.Logger
}

// Keyring is an open keyring. Keys may be read from any goroutine, while the
// same or another process writes. Its owner sees to it that one process, and
// there one goroutine at a time, writes.
type Keyring struct {
	cfg   Config
	dedup *Key // nil: lost or damaged, and of no use to readers
	seeds *slots
	texts *slots
	lists *lists

	saltTail *durable.Appender // of the writer, for salt lists; nil: not open
	torn     []leftover        // of the writer: by a crash
}

// Prepare makes a keyring ready for its writer: it begins one in an empty
// directory, and finishes the destruction of keys that a crash interrupted.
func Prepare(cfg Config) error {
	if err := durable.MkdirAll(cfg.FS, cfg.Dir, 0o700); err != nil {
		return err
	}
	if err := durable.Sweep(cfg.FS, cfg.Dir); err != nil {
		return err
	}
	for _, name := range []string{seedsName, saltsName, textsName} {
		if err := cfg.finish(name); err != nil {
			return err
		}
	}
	return createDedupKey(cfg)
}

// Open opens a keyring. One whose key of digests is lost is opened all the same:
// it is of use to the writer alone, see [Keyring.Redigest]. It changes nothing on disk; who writes calls [Prepare]
// before and [Keyring.Recover] after it.
func Open(cfg Config) (*Keyring, error) {
	dedup, err := readDedupKey(cfg)
	if err != nil && !errors.As(err, new(*durable.Damage)) {
		return nil, err
	}
	return &Keyring{
		cfg:   cfg,
		dedup: dedup,
		seeds: newSlots(cfg.FS, cfg.Dir, seedsName, seedsMagic, seedSecret),
		texts: newSlots(cfg.FS, cfg.Dir, textsName, textsMagic, textSecret),
		lists: newLists(cfg.FS, cfg.Dir),
	}, nil
}

// Close closes the files.
func (k *Keyring) Close() error {
	return errors.Join(k.closeSalts(), k.seeds.close(), k.texts.close())
}

// Salter gives the salt of a line; false where there is none any more.
type Salter func(entry.Line) (seal.Salt, bool)

// Salts returns what gives the salts of the entry with that slot, [ErrErased]
// where they were destroyed, a *[durable.Damage] where bytes are bad.
func (k *Keyring) Salts(slot uint64) (Salter, error) {
	c, err := k.seeds.read(slot)
	if err != nil {
		return nil, err
	}
	switch c.kind {
	case slotKept:
		seed := seal.Seed(c.secret)
		return func(l entry.Line) (seal.Salt, bool) { return seed.Salt(l), true }, nil
	case slotListed:
		list, ok, err := k.lists.get(slot)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, &durable.Damage{Path: k.lists.newest(), Alone: true, Why: fmt.Sprintf("no salts of slot %d", slot)}
		}
		return func(l entry.Line) (seal.Salt, bool) { s, ok := list[l]; return s, ok }, nil
	}
	return nil, ErrErased
}

// TextKey is what belongs to one storing of a text.
type TextKey struct {
	Key    Key
	Digest Digest // of the text
}

// Text returns the key of one storing of a text, [ErrErased] where it was
// destroyed, a *[durable.Damage] where bytes are bad.
func (k *Keyring) Text(slot uint64) (TextKey, error) {
	c, err := k.texts.read(slot)
	switch {
	case err != nil:
		return TextKey{}, err
	case c.kind != slotKept:
		return TextKey{}, ErrErased
	}
	return textKey(c), nil
}

func textKey(c slot) TextKey {
	return TextKey{Key(c.secret[:len(Key{})]), Digest(c.secret[len(Key{}):])}
}

// Digests returns the digests of all texts that are not erased, by slot.
func (k *Keyring) Digests() (map[uint64]Digest, error) {
	bySlot := map[uint64]Digest{}
	nums, err := k.texts.numbers()
	if err != nil {
		return nil, err
	}
	for _, num := range nums {
		_, err := k.texts.each(num, func(f foundSlot) {
			if f.why == nil && f.slot.kind == slotKept {
				bySlot[f.n] = textKey(f.slot).Digest
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return bySlot, nil
}
