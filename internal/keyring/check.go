package keyring

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/stele-log/stele/internal/durable"
)

// Sizes is the bytes of the files of each kind.
type Sizes struct{ Seeds, Salts, Texts int64 }

// Check is one examination of every byte of a keyring: it is begun before the
// vault is read, for a writer's frames can be seen before their keys, is told
// which slots something belongs to, and ended.
type Check struct {
	k      *Keyring
	report func(durable.Damage)

	Sizes Sizes // complete at the end

	seeds, texts         []filledSlot
	usedSeeds, usedTexts Slots
}

// BeginCheck lists all keys. Damage is handed to report, here and at the end.
func (k *Keyring) BeginCheck(report func(durable.Damage)) (*Check, error) {
	c := &Check{k: k, report: report}
	var err error
	if c.seeds, err = c.slots(k.seeds, &c.Sizes.Seeds); err != nil {
		return nil, err
	}
	if c.texts, err = c.slots(k.texts, &c.Sizes.Texts); err != nil {
		return nil, err
	}
	for _, name := range []string{seedsName, saltsName, textsName} {
		if err := c.generations(name); err != nil {
			return nil, err
		}
	}
	return c, c.dedup()
}

// UseEntry says that an entry has a slot.
func (c *Check) UseEntry(slot uint64) { c.usedSeeds.Add(slot) }

// UseText says that a storing of a text has a slot.
func (c *Check) UseText(slot uint64) { c.usedTexts.Add(slot) }

// End examines the lists and names the keys that nothing belongs to.
func (c *Check) End() error {
	if err := c.lists(); err != nil {
		return err
	}
	c.unused(c.seeds, &c.usedSeeds)
	c.unused(c.texts, &c.usedTexts)
	return nil
}

// Slots is a set of slots: a bit for each, by file.
type Slots struct {
	files map[uint64]*[perFile / 64]uint64
	end   uint64 // one more than the highest of them
}

// Add adds a slot.
func (u *Slots) Add(n uint64) {
	if u.files == nil {
		u.files = make(map[uint64]*[perFile / 64]uint64)
	}
	if u.files[n/perFile] == nil {
		u.files[n/perFile] = new([perFile / 64]uint64)
	}
	u.files[n/perFile][n%perFile/64] |= 1 << (n % 64)
	u.end = max(u.end, n+1)
}

// Has reports whether a slot was added.
func (u *Slots) Has(n uint64) bool {
	f := u.files[n/perFile]
	return f != nil && f[n%perFile/64]&(1<<(n%64)) != 0
}

func (c *Check) dedup() error {
	k, err := readDedupKey(c.k.cfg)
	var d *durable.Damage
	switch {
	case errors.As(err, &d):
		if len(c.seeds)+len(c.texts) > 0 || d.Bytes > 0 { // else it was not made yet
			c.report(*d)
		}
	case err != nil:
		return err
	case c.k.dedup != nil && *k != *c.k.dedup:
		c.report(durable.Damage{Path: c.k.cfg.dedupPath(), Why: "key is another than it was"})
	}
	return nil
}

// ForeignDedup is the damage of a keyring whose digests are all of another key.
func (k *Keyring) ForeignDedup() durable.Damage {
	return durable.Damage{Path: k.cfg.dedupPath(), Why: "key is not the one of the digests in this keyring"}
}

// generations names the files that stand beside a newer one of their number. A
// crash that came before the older one was removed explains two of which the newer
// is what destroying keys makes of the older.
func (c *Check) generations(name string) error {
	found, err := generations(c.k.cfg.FS, c.k.cfg.Dir, name)
	if err != nil {
		return err
	}
	for n, gs := range found {
		if len(gs) == 1 {
			continue
		}
		left, err := c.k.cfg.interrupted(name, n, gs)
		if err != nil && !errors.As(err, new(*StrayError)) {
			return err
		}
		last := gs[len(gs)-1]
		c.report(durable.Damage{
			Path: filepath.Join(c.k.cfg.Dir, generationName(name, n, last)), Torn: left, Extra: true,
			Why: fmt.Sprintf("stands beside %s: one of the two was put there", generationName(name, n, gs[0])),
		})
	}
	return nil
}

// filledSlot is a slot that something must belong to.
type filledSlot struct {
	n    uint64
	path string
	off  int64
	size int64
	bad  error // nil: there is a secret in it
}

// slots reads the files of one kind of slot and returns what is in them.
func (c *Check) slots(s *slots, size *int64) ([]filledSlot, error) {
	nums, err := s.numbers()
	if err != nil {
		return nil, err
	}
	var filled []filledSlot
	for _, num := range nums {
		path, err := s.path(num)
		if err != nil {
			return nil, err
		}
		damages, err := s.each(num, func(f foundSlot) {
			if f.why == nil && f.slot.kind == slotDestroyed || errors.Is(f.why, errHole) {
				return
			}
			filled = append(filled, filledSlot{f.n, path, f.off, s.width(), f.why})
		})
		if err != nil {
			return nil, err
		}
		c.all(damages)
		*size += c.size(path)
	}
	return filled, nil
}

func (c *Check) all(ds []durable.Damage) {
	for _, d := range ds {
		c.report(d)
	}
}

func (c *Check) size(path string) int64 {
	info, err := c.k.cfg.FS.Stat(path)
	if err != nil {
		return 0 // gone meanwhile
	}
	return info.Size()
}

// unused names the slots that are bad, and the secrets nothing belongs to. Those
// behind the last one that something belongs to may be of an unfinished batch.
func (c *Check) unused(filled []filledSlot, u *Slots) {
	for _, f := range filled {
		d := durable.Damage{Path: f.path, Offset: f.off, Bytes: f.size, Torn: f.n >= u.end, Alone: true, Why: "key that belongs to nothing"}
		switch {
		case f.bad != nil:
			d.Alone, d.Why = false, f.bad.Error()
		case u.Has(f.n):
			continue
		}
		c.report(d)
	}
}

func (c *Check) lists() error {
	found, err := generations(c.k.cfg.FS, c.k.cfg.Dir, saltsName)
	if err != nil {
		return err
	}
	for n, gs := range found {
		path := filepath.Join(c.k.cfg.Dir, generationName(saltsName, n, gs[len(gs)-1]))
		damages, err := c.k.lists.walk(path, func(uint64, SaltList) {})
		if err != nil {
			return err
		}
		c.all(damages)
		c.Sizes.Salts += c.size(path)
	}
	return nil
}
