package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stele-log/stele/internal/durable"
)

// leftover is a range of bytes that a crash left: the end of a file, or slots
// that belong to nothing.
type leftover struct {
	Damage
	slots bool
}

// createDedupKey makes the key of digests where there is none yet. Where texts
// are stored already it is not missing but lost, which opening then reports.
func createDedupKey(cfg Config) error {
	_, err := cfg.FS.Stat(dedupPath(cfg))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found, err := generations(cfg.FS, cfg.KeyringDir, seedsName)
	if err != nil || len(found) > 0 {
		return err
	}
	var k key
	rand.Read(k[:]) // never fails: crypto/rand ends the process instead
	return durable.WriteFile(cfg.FS, dedupPath(cfg), renderDedupKey(k), 0o600)
}

// recover finds out where to go on, and what a crash left behind.
func (v *Vault) recover() error {
	if err := v.recoverTexts(); err != nil {
		return err
	}
	if err := v.recoverEntries(); err != nil {
		return err
	}
	if err := v.recoverLists(); err != nil {
		return err
	}
	for _, t := range v.torn {
		v.cfg.Log.Warn("torn tail found", "path", t.Path, "offset", t.Offset, "bytes", t.Bytes)
	}
	return nil
}

// lastBatch returns the frames of a segment that are of its last batch and
// whatever is wrong at the end of it.
func lastBatch(s *segments, n uint32) (frames []durable.Frame, torn *Damage, err error) {
	var before bool
	damages, err := s.walk(n, 0, func(f durable.Frame) error {
		if before {
			frames = nil
		}
		frames, before = append(frames, f), f.Last
		return nil
	})
	for _, d := range damages {
		if d.Torn {
			torn = &d
		}
	}
	return frames, torn, err
}

// unfinished looks at the last segment of a run, whose last batch a crash may
// have kept from being whole. It returns that segment's number, 0 if there is
// none, the leftover, nil if there is none, and the frames that are in it: all
// from the first that is not whole.
func unfinished(s *segments, whole func(Loc, durable.Frame) (bool, error)) (n uint32, torn *Damage, dropped []durable.Frame, err error) {
	ns, err := s.list()
	if err != nil || len(ns) == 0 {
		return 0, nil, nil, err
	}
	n = ns[len(ns)-1]
	frames, torn, err := lastBatch(s, n)
	if err != nil {
		return n, nil, nil, err
	}
	for i, f := range frames {
		ok, err := whole(newLoc(n, f.Offset), f)
		if err != nil {
			return n, nil, nil, err
		}
		if !ok {
			torn, dropped = &Damage{Path: s.path(n), Offset: f.Offset, Torn: true, Why: "keys or texts of a frame never arrived"}, frames[i:]
			break
		}
	}
	if torn == nil {
		return n, nil, nil, nil
	}
	info, err := s.fs.Stat(torn.Path)
	if err != nil {
		return n, nil, nil, err
	}
	torn.Bytes = info.Size() - torn.Offset
	return n, torn, dropped, nil
}

// recoverTail finds the end of the last segment and returns the frames of its
// leftover. A segment with one is left as it is; the next batch begins another.
func (v *Vault) recoverTail(t *tail, s *segments, whole func(Loc, durable.Frame) (bool, error)) (dropped []durable.Frame, err error) {
	n, torn, dropped, err := unfinished(s, whole)
	if err != nil || n == 0 {
		return nil, err
	}
	t.n = n
	if torn == nil {
		t.app, err = durable.OpenAppend(s.fs, s.path(n))
		return nil, err
	}
	v.torn = append(v.torn, leftover{Damage: *torn})
	return dropped, nil
}

func (v *Vault) recoverTexts() error {
	frames, err := v.recoverTail(&v.records, v.texts.segs, v.wholeText)
	if err != nil {
		return err
	}
	var dropped uint64 // highest slot of a frame in the leftover: not to be used again
	for _, f := range frames {
		if t, err := parseText(f.Payload); err == nil {
			v.texts.drop(t.id, t.slot)
			dropped = max(dropped, t.slot)
		}
	}
	v.slot = v.texts.lastSlot()
	if err := v.recoverSlots(v.textKeys, &v.slot); err != nil {
		return err
	}
	v.slot = max(v.slot, dropped)
	return v.recoverDigests()
}

// known turns the absence of a key into false; erased keys are not absent.
func known(err error) (bool, error) {
	var damage *Damage
	switch {
	case err == nil, errors.Is(err, ErrErased):
		return true, nil
	case errors.As(err, &damage), errors.Is(err, ErrUnknown):
		return false, nil
	}
	return false, err
}

// recoverDigests reads the digests of all texts that are not erased.
func (v *Vault) recoverDigests() error {
	bySlot := map[uint64]digest{}
	nums, err := v.textKeys.numbers()
	if err != nil {
		return err
	}
	for _, num := range nums {
		_, err := v.textKeys.each(num, func(f foundSlot) {
			if f.why == nil && f.slot.kind == slotKept {
				bySlot[f.n] = digest(f.slot.secret[len(key{}):])
			}
		})
		if err != nil {
			return err
		}
	}
	v.texts.each(func(id TextID, p place) {
		if d, ok := bySlot[p.slot]; ok {
			v.digests[d] = id
		}
	})
	return nil
}

func (v *Vault) recoverEntries() error {
	frames, err := v.recoverTail(&v.entries, v.openings, v.wholeOpenings)
	if err != nil {
		return err
	}
	var dropped uint64 // highest slot of a frame in the leftover: not to be used again
	for _, f := range frames {
		if o, err := parseOpenings(f.Payload); err == nil {
			dropped = max(dropped, o.slot)
		}
	}
	last, err := v.lastEntrySlot()
	if err != nil {
		return err
	}
	v.ordinal = last
	err = v.recoverSlots(v.seeds, &v.ordinal)
	v.ordinal = max(v.ordinal, dropped)
	return err
}

// wholeText reports whether the key of a frame of a text is there.
func (r *Reader) wholeText(_ Loc, f durable.Frame) (bool, error) {
	t, err := parseText(f.Payload)
	if err != nil {
		return true, nil // not torn: it was written like this. Check names it.
	}
	_, _, err = r.textKey(t.slot)
	return known(err)
}

// wholeOpenings reports whether everything that a frame of openings needs is
// there.
func (r *Reader) wholeOpenings(loc Loc, f durable.Frame) (bool, error) {
	rec, damage := r.record(loc, f.Payload)
	if damage != nil {
		return true, nil // not torn: it was written like this. Check names it.
	}
	salt, err := r.salts(rec.o.slot)
	if ok, err := known(err); !ok {
		return false, err
	}
	for _, t := range rec.o.texts {
		id, err := rec.textID(t.k, salt)
		if err == nil {
			_, _, err = r.locate(id)
		}
		if ok, err := known(err); !ok {
			return false, err
		}
	}
	return true, nil
}

// lastEntrySlot is the highest slot of a record that is not in a leftover.
func (v *Vault) lastEntrySlot() (uint64, error) {
	ns, err := v.openings.list()
	if err != nil {
		return 0, err
	}
	for i := len(ns) - 1; i >= 0; i-- {
		var last uint64
		_, err := v.openings.walk(ns[i], 0, func(f durable.Frame) error {
			rec, damage := v.record(newLoc(ns[i], f.Offset), f.Payload)
			if damage == nil && !v.isTorn(v.openings.path(ns[i]), f.Offset) {
				last = max(last, rec.o.slot)
			}
			return nil
		})
		if err != nil || last > 0 {
			return last, err
		}
	}
	return 0, nil
}

func (v *Vault) isTorn(path string, off int64) bool {
	for _, t := range v.torn {
		if t.Path == path && off >= t.Offset {
			return true
		}
	}
	return false
}

// recoverSlots finds the slots behind *last, which no frame needs, and moves
// *last behind them.
func (v *Vault) recoverSlots(s *slots, last *uint64) error {
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
				left = &leftover{Damage{Path: f, Offset: c.off, Torn: true, Why: "keys that belong to nothing"}, true}
			}
			left.Bytes = c.off + s.width() - left.Offset
		})
		if err != nil {
			return err
		}
		if left != nil {
			v.torn = append(v.torn, *left)
		}
	}
	// Behind the last key there may be holes, of a leftover that was dropped.
	end, err := s.end()
	if end > 0 {
		*last = max(*last, end-1)
	}
	return err
}

// recoverLists looks for a torn tail in the files of salts.
func (v *Vault) recoverLists() error {
	found, err := generations(v.cfg.FS, v.cfg.KeyringDir, saltsName)
	if err != nil {
		return err
	}
	for n, gs := range found {
		damages, err := v.lists.walk(v.lists.path(n, gs[len(gs)-1]), func(uint64, saltList) {})
		if err != nil {
			return err
		}
		for _, d := range damages {
			if d.Torn {
				v.torn = append(v.torn, leftover{Damage: d})
			}
		}
	}
	return nil
}

// listTail is where new lists are appended: the last file of salts, or a new one
// behind it where that has a torn tail.
func (v *Vault) listTail() (*durable.Appender, error) {
	if v.saltTail != nil {
		return v.saltTail, nil
	}
	found, err := generations(v.cfg.FS, v.cfg.KeyringDir, saltsName)
	if err != nil {
		return nil, err
	}
	var n uint64
	for m := range found {
		n = max(n, m)
	}
	if gs := found[n]; len(gs) > 0 {
		path := v.lists.path(n, gs[len(gs)-1])
		if !v.isTorn(path, 1<<62) {
			v.saltTail, err = durable.OpenAppend(v.cfg.FS, path)
			return v.saltTail, err
		}
	}
	v.saltTail, err = durable.Create(v.cfg.FS, v.lists.path(n+1, 1), durable.Header(saltsMagic), 0o600)
	return v.saltTail, err
}

func (v *Vault) closeSalts() error {
	if v.saltTail == nil {
		return nil
	}
	a := v.saltTail
	v.saltTail = nil
	return a.Close()
}

// Torn lists what a crash left when the vault was last open: ends of files that
// were never promised to anybody, and keys without anything they open. Nothing
// in it may be needed by an entry of the log; where an entry does need it, it is
// no accident. What is put goes behind it, or into new files.
func (v *Vault) Torn() []Damage {
	v.mu.Lock()
	defer v.mu.Unlock()
	var ds []Damage
	for _, t := range v.torn {
		ds = append(ds, t.Damage)
	}
	return ds
}

// NeedsTorn says whether what [Vault.Torn] lists is damage and no leftover:
// because the newest openings anybody was told of, those at last, lie in it, or
// because openings outside of it need a text or salts that are gone with it. Where
// such may be in it this reads all openings.
func (v *Vault) NeedsTorn(last Loc) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.torn) == 0 {
		return false, nil
	}
	if v.isTorn(v.openings.path(last.segment()), last.offset()) {
		return true, nil
	}
	if v.records.app != nil && !v.tornList() { // the last segment of texts is whole
		return false, nil
	}
	return v.misses()
}

// tornList reports whether the end of a file of salts is torn.
func (v *Vault) tornList() bool {
	return slices.ContainsFunc(v.torn, func(t leftover) bool { return strings.HasPrefix(filepath.Base(t.Path), saltsName+"-") })
}

// misses says whether openings that are not torn need a text or salts that are not
// there, or cannot tell.
func (v *Vault) misses() (misses bool, err error) {
	_, err = v.scan(func(at Loc, rec *Record) error {
		if misses || v.isTorn(v.openings.path(at.segment()), at.offset()) {
			return nil
		}
		salt, err := v.salts(rec.o.slot)
		if errors.Is(err, ErrErased) {
			return nil
		}
		if err != nil {
			misses = true
			return nil
		}
		for _, t := range rec.o.texts {
			if id, err := rec.textID(t.k, salt); err == nil {
				_, there := v.texts.place(id)
				misses = misses || !there
			}
		}
		return nil
	})
	return misses, err
}

// DropTorn removes what [Vault.Torn] lists. The caller has made sure that nobody
// needs it, see [Vault.NeedsTorn]. A crash leaves some of it; it is listed again.
func (v *Vault) DropTorn() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken != nil {
		return fmt.Errorf("drop torn tail: %w: %w", durable.ErrPoisoned, v.broken)
	}
	for _, t := range v.torn {
		if err := v.drop(t); err != nil {
			return v.fail(fmt.Errorf("drop torn tail of %s: %w", t.Path, err))
		}
		v.cfg.Log.Info("torn tail dropped", "path", t.Path, "offset", t.Offset, "bytes", t.Bytes)
	}
	v.torn = nil
	return nil
}

func (v *Vault) drop(t leftover) error {
	f, err := v.cfg.FS.OpenFile(t.Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if t.slots {
		err = dropSlots(f, t.Damage)
	} else {
		err = f.Truncate(t.Offset)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// dropSlots makes holes of slots; others may have been written behind them.
func dropSlots(f durable.File, d Damage) error {
	_, err := f.WriteAt(make([]byte, d.Bytes), d.Offset)
	return err
}

// path is the newest generation of a file.
func (s *slots) path(num uint64) (string, error) {
	g, err := s.latest(num)
	return filepath.Join(s.dir, generationName(s.name, num, g)), err
}
