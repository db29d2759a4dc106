package keyring

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/stele-log/stele/internal/durable"
)

// leftover is a range of bytes that a crash left: the end of a file, or slots
// that belong to nothing.
type leftover struct {
	durable.Damage
	slots bool
}

// Last is a slot of an entry and one of a text.
type Last struct{ Entry, Text uint64 }

// Recover is given the last slots that something in the vault belongs to and
// finds out what a crash left behind them, see [Keyring.Torn]. It returns the
// last slots that must not be given to anything any more.
func (k *Keyring) Recover(last Last) (Last, error) {
	if err := k.recoverSlots(k.texts, &last.Text); err != nil {
		return last, err
	}
	if err := k.recoverSlots(k.seeds, &last.Entry); err != nil {
		return last, err
	}
	return last, k.recoverLists(&last.Entry)
}

// recoverSlots finds the slots behind *last, which nothing needs, and moves
// *last behind them.
func (k *Keyring) recoverSlots(s *slots, last *uint64) error {
	nums, err := s.numbers()
	if err != nil {
		return err
	}
	used := *last
	for _, num := range nums {
		if num < used/perFile {
			continue
		}
		f, err := s.path(num)
		if err != nil {
			return err
		}
		var left *leftover
		_, err = s.each(num, func(c foundSlot) {
			if c.n <= used || errors.Is(c.why, errHole) {
				return
			}
			*last = max(*last, c.n)
			if left == nil {
				left = &leftover{durable.Damage{Path: f, Offset: c.off, Torn: true, Why: "keys that belong to nothing"}, true}
			}
			left.Bytes = c.off + s.width() - left.Offset
		})
		if err != nil {
			return err
		}
		if left != nil {
			k.torn = append(k.torn, *left)
		}
	}
	// Behind the last key there may be holes, of a leftover that was dropped.
	end, err := s.end()
	if end > 0 {
		*last = max(*last, end-1)
	}
	return err
}

// recoverLists looks for a torn tail in the files of salts, and moves *last behind
// the slots that have salts there: of a batch that never became whole some may have
// arrived, and whoever got such a slot again would read them in place of its own.
func (k *Keyring) recoverLists(last *uint64) error {
	found, err := generations(k.cfg.FS, k.cfg.Dir, saltsName)
	if err != nil {
		return err
	}
	for n, gs := range found {
		damages, err := k.lists.walk(k.lists.path(n, gs[len(gs)-1]), func(slot uint64, _ SaltList) { *last = max(*last, slot) })
		if err != nil {
			return err
		}
		for _, d := range damages {
			if d.Torn {
				k.torn = append(k.torn, leftover{Damage: d})
			}
		}
	}
	return nil
}

func (k *Keyring) isTorn(path string) bool {
	return slices.ContainsFunc(k.torn, func(t leftover) bool { return t.Path == path })
}

// Torn lists what a crash left when the keyring was last open: ends of files
// that were never promised to anybody, and keys without anything they open.
func (k *Keyring) Torn() []durable.Damage {
	var ds []durable.Damage
	for _, t := range k.torn {
		ds = append(ds, t.Damage)
	}
	return ds
}

// TornSalts reports whether the end of a file of salts is torn: some may be gone.
func (k *Keyring) TornSalts() bool {
	return slices.ContainsFunc(k.torn, func(t leftover) bool { return !t.slots })
}

// DropTorn removes what [Keyring.Torn] lists. A crash leaves some of it; it is
// listed again.
func (k *Keyring) DropTorn() error {
	for _, t := range k.torn {
		if err := k.drop(t); err != nil {
			return fmt.Errorf("drop torn tail of %s: %w", t.Path, err)
		}
		k.cfg.Log.Info("torn tail dropped", "path", t.Path, "offset", t.Offset, "bytes", t.Bytes)
	}
	k.torn = nil
	return nil
}

func (k *Keyring) drop(t leftover) error {
	f, err := k.cfg.FS.OpenFile(t.Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if t.slots { // made holes of: others may have been written behind them
		_, err = f.WriteAt(make([]byte, t.Bytes), t.Offset)
	} else {
		err = f.Truncate(t.Offset)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
