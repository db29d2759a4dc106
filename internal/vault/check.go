package vault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyring"
)

// Stats says what is in a vault and how much room it takes.
type Stats struct {
	Records     int   // entries
	Lines       int   // that open
	Erased      int   // lines that were erased
	Texts       int   // that open
	ErasedTexts int   // whose key is gone
	TextBytes   int64 // of the texts that open, as they were put

	DisclosuresSize int64 // bytes of files
	TextsSize       int64
	SeedsSize       int64
	SaltsSize       int64
	TextKeysSize    int64
}

// Check examines every byte of every file, opens every line and every text, and
// reports what is not as it was written. It does not know what ought to be
// there; files that are gone as a whole, keys included, only the log can miss.
// What a crash in the middle of the last batch explains is torn: the next
// opening for writing removes it, and an entry that needs it has lost it.
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
	for _, d := range r.causes(slices.Collect(maps.Keys(seen))) {
		report(d)
	}
	return stats, nil
}

// checking is one examination.
type checking struct {
	r      *Reader
	report func(Damage)
	stats  Stats
	keys   *keyring.Check

	entries, stored keyring.Slots     // of the frames met so far
	copies          map[string]Damage // by file: its first frame that stands elsewhere too
	others          []Damage          // texts whose digest is not that of the keyring
}

func (r *Reader) check(report func(Damage)) (Stats, error) {
	c := &checking{r: r, report: report, copies: map[string]Damage{}}
	var err error
	if c.keys, err = r.keys.BeginCheck(report); err != nil {
		return c.stats, err
	}
	for _, part := range []func() error{c.texts, c.disclosures, c.keys.End, c.doubts} {
		if err := part(); err != nil {
			return c.stats, err
		}
	}
	c.stats.SeedsSize, c.stats.SaltsSize, c.stats.TextKeysSize = c.keys.Sizes.Seeds, c.keys.Sizes.Salts, c.keys.Sizes.Texts
	return c.stats, nil
}

// copied reports whether a frame stands a second time: a frame has a slot of its
// own. Of each file that is told once.
func (c *checking) copied(met *keyring.Slots, slot uint64, at Damage) bool {
	if !met.Has(slot) {
		met.Add(slot)
		return false
	}
	if _, told := c.copies[at.Path]; !told {
		at.Extra, at.Why = true, "what stands here stands before it already: it was copied"
		c.copies[at.Path] = at
	}
	return true
}

// doubts reports the copies, and the texts that are other ones by their digests:
// where no digest at all is right it is the key of digests that is wrong, for a
// text is encrypted under its own key.
func (c *checking) doubts() error {
	for _, d := range c.copies {
		c.report(d)
	}
	if len(c.others) > 0 && len(c.others) == c.stats.Texts {
		c.report(c.r.keys.ForeignDedup())
		return nil
	}
	c.all(c.others)
	return nil
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
	left, err := c.leftover(s, c.r.wholeText)
	if err != nil {
		return err
	}
	for _, n := range ns {
		damages, err := s.walk(n, 0, func(f durable.Frame) error {
			if left.has(newLoc(n, f.Offset)) {
				return nil
			}
			return c.text(n, f)
		})
		if err != nil {
			return err
		}
		c.all(left.rest(damages))
		c.stats.TextsSize += c.size(s.path(n))
	}
	return nil
}

// unfinishedBatch is where a leftover begins in the last segment of a run.
type unfinishedBatch struct {
	n    uint32 // 0: there is no segment
	path string
	from int64
	torn bool
}

// leftover reports what a crash left at the end of a run of segments.
func (c *checking) leftover(s *segments, whole func(Loc, durable.Frame) (bool, error)) (u unfinishedBatch, err error) {
	n, torn, _, err := unfinished(s, whole)
	if err != nil || n == 0 {
		return u, err
	}
	u = unfinishedBatch{n: n, path: s.path(n)}
	if torn != nil {
		u.from, u.torn = torn.Offset, true
		c.report(*torn)
	}
	return u, nil
}

// has says whether a frame is in the leftover.
func (u *unfinishedBatch) has(at Loc) bool {
	return u.torn && at.segment() == u.n && at.offset() >= u.from
}

// rest leaves out of damages what the leftover has told already. Only the last
// segment can be torn.
func (u *unfinishedBatch) rest(damages []Damage) (out []Damage) {
	for _, d := range damages {
		if u.torn && d.Path == u.path && d.Offset >= u.from {
			continue
		}
		d.Torn = d.Torn && d.Path == u.path
		out = append(out, d)
	}
	return out
}

func (c *checking) text(n uint32, f durable.Frame) error {
	at := Damage{Path: c.r.texts.segs.path(n), Offset: f.Offset}
	t, err := parseText(f.Payload)
	if err != nil {
		at.Why = err.Error()
		c.report(at)
		return nil
	}
	if c.copied(&c.stored, t.slot, at) {
		return nil
	}
	c.keys.UseText(t.slot)
	p, ok := c.r.texts.place(t.id)
	if !ok || p.slot != t.slot {
		return nil // stored anew since
	}
	size, err := c.openText(t)
	switch {
	case errors.Is(err, ErrErased):
		c.stats.ErasedTexts++
		return nil
	case errors.Is(err, errDigest):
		at.Why = err.Error()
		c.others = append(c.others, at)
		fallthrough
	case err == nil:
		c.stats.Texts++
		c.stats.TextBytes += int64(size)
		return nil
	case errors.Is(err, errFormat), errors.Is(err, keyring.ErrDecrypt), errors.Is(err, errOther), errors.Is(err, errUnknown):
		at.Why = err.Error()
		c.report(at)
		return nil
	}
	return c.damage(err)
}

var (
	errOther  = errors.New("is another text than was put")
	errDigest = errors.New("is another text than was put, by its digest")
)

func (c *checking) openText(t *storedText) (int, error) {
	want, err := c.r.keys.Text(t.slot)
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
	text, err := t.open(want.Key, base)
	if err != nil {
		return 0, err
	}
	if c.r.keys.HasDigester() && c.r.keys.Digester().Digest(text) != want.Digest {
		return len(text), errDigest
	}
	return len(text), nil
}

func (c *checking) disclosures() error {
	left, err := c.leftover(c.r.disclosures, c.r.wholeDisclosures)
	if err != nil {
		return err
	}
	damages, err := c.r.scan(func(at Loc, rec *Record) error {
		if left.has(at) {
			return nil
		}
		if c.copied(&c.entries, rec.o.slot, Damage{Path: c.r.disclosures.path(at.segment()), Offset: at.offset()}) {
			return nil
		}
		return c.record(rec)
	})
	c.all(left.rest(damages))
	if err != nil {
		return err
	}
	ns, err := c.r.disclosures.list()
	for _, n := range ns {
		c.stats.DisclosuresSize += c.size(c.r.disclosures.path(n))
	}
	return err
}

func (c *checking) record(rec *Record) error {
	c.stats.Records++
	c.keys.UseEntry(rec.o.slot)
	salt, err := c.r.keys.Salts(rec.o.slot)
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

func (c *checking) line(rec *Record, l entry.Line, salt keyring.Salter) error {
	if !l.IsText() {
		_, err := rec.open(l, salt)
		return err
	}
	id, err := rec.textID(l.K(), salt)
	if err != nil {
		return err
	}
	if _, _, err = c.r.locate(id); errors.Is(err, errUnknown) {
		return rec.damageAlone(fmt.Errorf("text %d is gone", id))
	}
	return err
}
