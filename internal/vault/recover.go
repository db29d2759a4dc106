package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyring"
)

// recover finds out where to go on, and what a crash left behind.
func (v *Vault) recover() error {
	var dropped keyring.Last // highest slots of frames in leftovers: not to be used again
	var err error
	if dropped.Text, err = v.recoverTexts(); err != nil {
		return err
	}
	if dropped.Entry, err = v.recoverEntries(); err != nil {
		return err
	}
	last := keyring.Last{Text: v.texts.lastSlot()}
	if last.Entry, err = v.lastEntrySlot(); err != nil {
		return err
	}
	if last, err = v.keys.Recover(last); err != nil {
		return err
	}
	v.last = keyring.Last{Entry: max(last.Entry, dropped.Entry), Text: max(last.Text, dropped.Text)}
	if err := v.soundDigests(); err != nil {
		return err
	}
	if err := v.recoverDigests(); err != nil {
		return err
	}
	for _, t := range v.leftovers() {
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
			torn, dropped = &Damage{Path: s.path(n), Offset: f.Offset, Torn: true, Alone: true, Why: "keys or texts of a frame never arrived"}, frames[i:]
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
	v.torn = append(v.torn, *torn)
	return dropped, nil
}

func (v *Vault) recoverTexts() (dropped uint64, err error) {
	frames, err := v.recoverTail(&v.records, v.texts.segs, v.wholeText)
	for _, f := range frames {
		if t, err := parseText(f.Payload); err == nil {
			v.texts.drop(t.id, t.slot)
			dropped = max(dropped, t.slot)
		}
	}
	return dropped, err
}

func (v *Vault) recoverEntries() (dropped uint64, err error) {
	frames, err := v.recoverTail(&v.entries, v.disclosures, v.wholeDisclosures)
	for _, f := range frames {
		if o, err := parseDisclosures(f.Payload); err == nil {
			dropped = max(dropped, o.slot)
		}
	}
	return dropped, err
}

// known turns the absence of a key into false; erased keys are not absent.
func known(err error) (bool, error) {
	var damage *Damage
	switch {
	case err == nil, errors.Is(err, ErrErased):
		return true, nil
	case errors.As(err, &damage), errors.Is(err, errUnknown):
		return false, nil
	}
	return false, err
}

// soundDigests makes the key of digests anew where it is lost, damaged, or that of
// another keyring: digests only save room.
func (v *Vault) soundDigests() error {
	if v.keys.HasDigester() {
		foreign, err := v.foreignDigests()
		if err != nil || !foreign {
			return err
		}
	}
	v.cfg.Log.Warn("the key of digests is made anew", "keyring", v.cfg.KeyringDir)
	byID := map[uint64]TextID{}
	v.texts.each(func(id TextID, p place) { byID[p.slot] = id })
	return v.keys.Redigest(func(slot uint64) ([]byte, error) {
		id, ok := byID[slot]
		if !ok {
			return nil, nil
		}
		text, err := v.text(id)
		if is, err := known(err); err != nil || !is || text == nil {
			return nil, err // Check names it
		}
		return bytes.Clone(text), nil
	})
}

// textsTried is how many texts are looked at in search of one that can be read.
const textsTried = 64

// foreignDigests reports whether the key of digests is not the one of a text that
// can be read.
func (v *Vault) foreignDigests() (bool, error) {
	var ids []TextID
	v.texts.each(func(id TextID, _ place) {
		if len(ids) < textsTried {
			ids = append(ids, id)
		}
	})
	for _, id := range ids {
		p, _ := v.texts.place(id)
		want, err := v.keys.Text(p.slot)
		if err != nil {
			continue
		}
		if text, err := v.text(id); err == nil {
			return v.keys.Digester().Digest(text) != want.Digest, nil
		}
	}
	return false, nil
}

// recoverDigests reads the digests of all texts that are not erased.
func (v *Vault) recoverDigests() error {
	bySlot, err := v.keys.Digests()
	v.texts.each(func(id TextID, p place) {
		if d, ok := bySlot[p.slot]; ok {
			v.digests[d] = id
		}
	})
	return err
}

// wholeText reports whether the key of a frame of a text is there.
func (r *Reader) wholeText(_ Loc, f durable.Frame) (bool, error) {
	t, err := parseText(f.Payload)
	if err != nil {
		return true, nil // not torn: it was written like this. Check names it.
	}
	_, err = r.keys.Text(t.slot)
	return known(err)
}

// wholeDisclosures reports whether everything that a frame of disclosures needs is
// there.
func (r *Reader) wholeDisclosures(loc Loc, f durable.Frame) (bool, error) {
	rec, damage := r.record(loc, f.Payload)
	if damage != nil {
		return true, nil // not torn: it was written like this. Check names it.
	}
	salt, err := r.keys.Salts(rec.o.slot)
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
	ns, err := v.disclosures.list()
	if err != nil {
		return 0, err
	}
	for i := len(ns) - 1; i >= 0; i-- {
		var last uint64
		_, err := v.disclosures.walk(ns[i], 0, func(f durable.Frame) error {
			rec, damage := v.record(newLoc(ns[i], f.Offset), f.Payload)
			if damage == nil && !v.isTorn(v.disclosures.path(ns[i]), f.Offset) {
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

// leftovers lists what a crash left when the vault was last open: ends of files
// that were never promised to anybody, and keys without anything they open. What
// is put goes behind it, or into new files.
func (v *Vault) leftovers() []Damage { return append(slices.Clone(v.torn), v.keys.Torn()...) }

// NeedsTorn says whether what a crash seems to have left is damage and no leftover:
// because the newest disclosures anybody was told of, those at last, lie in it, or
// because disclosures outside of it need a text or salts that are gone with it. Where
// such may be in it this reads all disclosures.
func (v *Vault) NeedsTorn(last Loc) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.leftovers()) == 0 {
		return false, nil
	}
	if v.isTorn(v.disclosures.path(last.segment()), last.offset()) {
		return true, nil
	}
	if v.records.app != nil && !v.keys.TornSalts() { // the last segment of texts is whole
		return false, nil
	}
	return v.misses()
}

// misses says whether disclosures that are not torn need a text or salts that are not
// there, or cannot tell.
func (v *Vault) misses() (misses bool, err error) {
	_, err = v.scan(func(at Loc, rec *Record) error {
		if misses || v.isTorn(v.disclosures.path(at.segment()), at.offset()) {
			return nil
		}
		salt, err := v.keys.Salts(rec.o.slot)
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

// DropTorn removes what a crash left. The caller has made sure that nobody needs
// it, see [Vault.NeedsTorn]. A crash leaves some of it; it is found again.
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
	if err := v.keys.DropTorn(); err != nil {
		return v.fail(err)
	}
	return nil
}

func (v *Vault) drop(t Damage) error {
	f, err := v.cfg.FS.OpenFile(t.Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err = f.Truncate(t.Offset); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
