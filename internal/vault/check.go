package vault

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
)

// Stats says what is in a vault and how much room it takes.
type Stats struct {
	Records     int   // entries
	Lines       int   // that open
	Erased      int   // lines that were erased
	Texts       int   // that open
	ErasedTexts int   // whose key is gone
	TextBytes   int64 // of the texts that open, as they were put

	OpeningsSize int64 // bytes of files
	TextsSize    int64
	SeedsSize    int64
	SaltsSize    int64
	TextKeysSize int64
}

// Check examines every byte of every file, opens every line and every text, and
// reports what is not as it was written. It does not know what ought to be
// there; files that are gone as a whole, keys included, only the log can miss.
//
// Where a writer is at work meanwhile, what it has not finished looks like
// damage: only what is still there at a third look is reported.
func (r *Reader) Check(report func(Damage)) (Stats, error) {
	var stats Stats
	var seen map[Damage]bool
	for look := range 3 {
		if look > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		now := map[Damage]bool{}
		var err error
		stats, err = r.check(func(d Damage) {
			if seen == nil || seen[d] {
				now[d] = true
			}
		})
		if err != nil {
			return stats, err
		}
		if seen = now; len(seen) == 0 {
			return stats, nil
		}
	}
	for d := range seen {
		report(d)
	}
	return stats, nil
}

// checking is one examination.
type checking struct {
	r        *Reader
	report   func(Damage)
	stats    Stats
	seeds    used
	textKeys used
}

// used says which slots something belongs to: a bit for each, by file.
type used map[uint64]*[perFile / 64]uint64

func (u used) add(n uint64) {
	if u[n/perFile] == nil {
		u[n/perFile] = new([perFile / 64]uint64)
	}
	u[n/perFile][n%perFile/64] |= 1 << (n % 64)
}

func (u used) has(n uint64) bool {
	f := u[n/perFile]
	return f != nil && f[n%perFile/64]&(1<<(n%64)) != 0
}

func (r *Reader) check(report func(Damage)) (Stats, error) {
	c := &checking{r: r, report: report, seeds: used{}, textKeys: used{}}
	// Keys are listed first: a writer's frames can be seen before their keys.
	seeds, err := c.slots(r.seeds, &c.stats.SeedsSize)
	if err != nil {
		return c.stats, err
	}
	keys, err := c.slots(r.textKeys, &c.stats.TextKeysSize)
	if err != nil {
		return c.stats, err
	}
	for _, part := range []func() error{c.dedup, c.texts, c.openings, c.lists} {
		if err := part(); err != nil {
			return c.stats, err
		}
	}
	c.unused(seeds, c.seeds)
	c.unused(keys, c.textKeys)
	return c.stats, nil
}

// damage reports an error that is a Damage and returns any other.
func (c *checking) damage(err error) error {
	var d *Damage
	if errors.As(err, &d) {
		c.report(*d)
		return nil
	}
	return err
}

func (c *checking) dedup() error {
	k, err := readDedupKey(c.r.cfg)
	if err == nil && k != c.r.dedup {
		err = &Damage{Path: dedupPath(c.r.cfg), Why: "key is another than it was"}
	}
	return c.damage(err)
}

// keptSlot is a secret that something must belong to.
type keptSlot struct {
	n    uint64
	path string
	off  int64
}

// slots checks the files of one kind of slot and returns the secrets in them.
func (c *checking) slots(s *slots, size *int64) ([]keptSlot, error) {
	nums, err := s.numbers()
	if err != nil {
		return nil, err
	}
	var kept []keptSlot
	for _, num := range nums {
		path, err := s.path(num)
		if err != nil {
			return nil, err
		}
		damages, err := s.each(num, func(f foundSlot) {
			switch {
			case errors.Is(f.why, errHole):
			case f.why != nil:
				c.report(Damage{Path: path, Offset: f.off, Bytes: s.width(), Why: f.why.Error()})
			case f.slot.kind != slotDestroyed:
				kept = append(kept, keptSlot{f.n, path, f.off})
			}
		})
		if err != nil {
			return nil, err
		}
		c.all(damages)
		*size += c.size(path)
	}
	return kept, nil
}

func (c *checking) all(ds []Damage) {
	for _, d := range ds {
		c.report(d)
	}
}

func (c *checking) size(path string) int64 {
	info, err := c.r.cfg.FS.Stat(path)
	if err != nil {
		return 0 // gone meanwhile
	}
	return info.Size()
}

func (c *checking) unused(kept []keptSlot, u used) {
	for _, k := range kept {
		if !u.has(k.n) {
			c.report(Damage{Path: k.path, Offset: k.off, Why: "key that belongs to nothing"})
		}
	}
}

func (c *checking) texts() error {
	if err := c.r.texts.refresh(false); err != nil {
		return err
	}
	s := c.r.texts.segs
	ns, err := s.list()
	if err != nil {
		return err
	}
	c.all(missing(s, ns))
	for _, n := range ns {
		damages, err := s.walk(n, 0, func(f durable.Frame) error { return c.text(n, f) })
		if err != nil {
			return err
		}
		c.all(damages)
		c.stats.TextsSize += c.size(s.path(n))
	}
	return nil
}

func (c *checking) text(n uint32, f durable.Frame) error {
	at := Damage{Path: c.r.texts.segs.path(n), Offset: f.Offset}
	t, err := parseText(f.Payload)
	if err != nil {
		at.Why = err.Error()
		c.report(at)
		return nil
	}
	c.textKeys.add(t.slot)
	p, ok := c.r.texts.place(t.id)
	if !ok || p.slot != t.slot {
		return nil // stored anew since
	}
	size, err := c.openText(t)
	switch {
	case errors.Is(err, ErrErased):
		c.stats.ErasedTexts++
		return nil
	case err == nil:
		c.stats.Texts++
		c.stats.TextBytes += int64(size)
		return nil
	case errors.Is(err, errFormat), errors.Is(err, errDecrypt), errors.Is(err, errOther), errors.Is(err, ErrUnknown):
		at.Why = err.Error()
		c.report(at)
		return nil
	}
	return c.damage(err)
}

var errOther = errors.New("is another text than was put")

func (c *checking) openText(t *storedText) (int, error) {
	k, want, err := c.r.textKey(t.slot)
	if err != nil {
		return 0, err
	}
	var base []byte
	if t.base != 0 {
		if base, err = c.r.text(t.base); errors.Is(err, ErrErased) {
			return 0, fmt.Errorf("base %d is erased: %w", t.base, errOther)
		} else if err != nil {
			return 0, err
		}
	}
	text, err := t.open(k, base)
	if err != nil {
		return 0, err
	}
	if digestOf(newDigester(c.r.dedup), text) != want {
		return 0, errOther
	}
	return len(text), nil
}

func (c *checking) openings() error {
	damages, err := c.r.scan(func(_ Loc, rec *Record) error { return c.record(rec) })
	c.all(damages)
	if err != nil {
		return err
	}
	ns, err := c.r.openings.list()
	for _, n := range ns {
		c.stats.OpeningsSize += c.size(c.r.openings.path(n))
	}
	return err
}

func (c *checking) record(rec *Record) error {
	c.stats.Records++
	c.seeds.add(rec.o.slot)
	salt, err := c.r.salts(rec.o.slot)
	if err != nil {
		return c.damage(err)
	}
	for _, l := range rec.Lines() {
		err := c.line(rec, l, salt)
		switch {
		case err == nil:
			c.stats.Lines++
		case errors.Is(err, ErrErased):
			c.stats.Erased++
		default:
			if err := c.damage(err); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checking) line(rec *Record, l entry.Line, salt salter) error {
	if !l.IsText() {
		_, err := rec.open(l, salt)
		return err
	}
	id, err := rec.textID(l.K(), salt)
	if err != nil {
		return err
	}
	if _, _, err = c.r.locate(id); errors.Is(err, ErrUnknown) {
		return rec.damage(fmt.Errorf("text %d is gone", id))
	}
	return err
}

func (c *checking) lists() error {
	found, err := generations(c.r.cfg.FS, c.r.cfg.KeyringDir, saltsName)
	if err != nil {
		return err
	}
	for n, gs := range found {
		path := filepath.Join(c.r.cfg.KeyringDir, generationName(saltsName, n, gs[len(gs)-1]))
		damages, err := c.r.lists.walk(path, func(uint64, saltList) {})
		if err != nil {
			return err
		}
		c.all(damages)
		c.stats.SaltsSize += c.size(path)
	}
	return nil
}
