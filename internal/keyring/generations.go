package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/stele-log/stele/internal/durable"
)

// Owns reports whether a file of the keyring may have that name.
func Owns(name string) bool {
	for _, run := range []string{seedsName, saltsName, textsName} {
		var n, g uint64
		if _, err := fmt.Sscanf(name, run+"-%d.%d", &n, &g); err == nil && name == generationName(run, n, g) {
			return true
		}
	}
	return name == dedupName
}

// StrayError says that of two files of one number neither was made of the other:
// one was put there.
type StrayError struct{ Older, Newer string }

func (e *StrayError) Error() string {
	return fmt.Sprintf("%s is not what was made of %s: one of the two was put there; restore the keyring from a backup, or remove the one that does not belong there", e.Newer, filepath.Base(e.Older))
}

// finish removes what an interrupted replacement left behind, and nothing else: a
// file that was not made of the older one beside it is a [StrayError].
func (c Config) finish(name string) error {
	found, err := generations(c.FS, c.Dir, name)
	if err != nil {
		return err
	}
	for n, gs := range found {
		if _, err := c.interrupted(name, n, gs); err != nil {
			return err
		}
		for _, g := range gs[:len(gs)-1] {
			if err := durable.Shred(c.FS, filepath.Join(c.Dir, generationName(name, n, g))); err != nil {
				return err
			}
		}
	}
	return nil
}

// interrupted reports whether a replacement explains that there are several
// generations of a file; otherwise the error is a [StrayError].
func (c Config) interrupted(name string, n uint64, gs []uint64) (bool, error) {
	for i := range gs[1:] {
		older, newer := filepath.Join(c.Dir, generationName(name, n, gs[i])), filepath.Join(c.Dir, generationName(name, n, gs[i+1]))
		before, err := durable.ReadFile(c.FS, older)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process has finished it
		}
		var after []byte
		if err == nil {
			after, err = durable.ReadFile(c.FS, newer)
		}
		if err != nil {
			return false, durable.Damaged(err)
		}
		if gs[i+1] != gs[i]+1 || !c.made(name, n, before, after) {
			return false, &StrayError{older, newer}
		}
	}
	return true, nil
}

// made reports whether the newer file can have been made of the older one.
// Overwriting that with zeros begins at its start, once the newer one is durable.
func (c Config) made(name string, n uint64, before, after []byte) bool {
	head := durable.HeaderSize
	switch {
	case len(before) >= head && isZero(before[:head]):
		return true
	case len(before) < head || len(after) < head || !bytes.Equal(before[:head], after[:head]):
		return false
	case name == saltsName:
		return sameLists(before, after)
	}
	s := newSlots(c.FS, c.Dir, name, "", secretOf(name))
	return s.made(n, before, after)
}

func secretOf(name string) int {
	if name == textsName {
		return textSecret
	}
	return seedSecret
}

// made compares slot by slot: one that is not the same holds no secret any more,
// or the same key with another digest.
func (s *slots) made(num uint64, before, after []byte) bool {
	if len(before) != len(after) {
		return false
	}
	w := int(s.width())
	for i, at := uint64(0), durable.HeaderSize; at < len(before); i, at = i+1, at+w {
		end := min(at+w, len(before))
		if bytes.Equal(before[at:end], after[at:end]) {
			continue
		}
		n := num*perFile + i
		was, _ := s.parse(n, before[at:end])
		is, why := s.parse(n, after[at:end])
		if why != nil || is.kind == slotKept && (was.kind != slotKept || !bytes.Equal(was.secret[:len(Key{})], is.secret[:len(Key{})])) {
			return false
		}
	}
	return true
}

// sameLists reports whether two files of salts hold lists of the same slots, and
// the newer one no salt that the older one has not.
func sameLists(before, after []byte) bool {
	was, ok := listsIn(before)
	is, ok2 := listsIn(after)
	if !ok || !ok2 || len(was) != len(is) {
		return false
	}
	for slot, list := range is {
		for line, salt := range list {
			if old, ok := was[slot][line]; !ok || old != salt {
				return false
			}
		}
		if _, ok := was[slot]; !ok {
			return false
		}
	}
	return true
}

func listsIn(data []byte) (map[uint64]SaltList, bool) {
	found, whole := map[uint64]SaltList{}, true
	damages, err := durable.Walk("", saltsMagic, 0, data, func(f durable.Frame) error {
		slot, list, err := parseList(f.Payload)
		whole = whole && err == nil
		found[slot] = list
		return nil
	})
	return found, whole && err == nil && len(damages) == 0
}
