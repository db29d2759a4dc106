package vault

import (
	"errors"
	"fmt"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyring"
)

// P4: what is destroyed here are keys. No entry, hash or proof has a part in it.

// Void names one line whose disclosure is to be destroyed.
type Void struct {
	Loc  Loc
	Line entry.Line
}

// erasure is one call of Erase.
type erasure struct {
	v     *Vault
	lines map[uint64]map[entry.Line]bool // by slot of the entry: what goes
	recs  map[uint64]*Record
	texts map[TextID]bool // what goes with it, if nothing else refers to it
}

// Erase destroys the keys of lines, for ever. A text goes when its last line
// does; texts stored against it are stored anew first. Lines that are erased
// already are passed over, so an Erase that was interrupted is simply repeated:
// a crash leaves some of the lines erased and all others readable.
//
// After an error that is not about the voids themselves the vault must be opened
// again ([durable.ErrPoisoned]).
func (v *Vault) Erase(voids []Void) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken != nil {
		return fmt.Errorf("erase: %w: %w", durable.ErrPoisoned, v.broken)
	}
	e := &erasure{v, map[uint64]map[entry.Line]bool{}, map[uint64]*Record{}, map[TextID]bool{}}
	for _, void := range voids {
		if err := e.add(void); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
	if err := e.spareTexts(); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	if err := e.destroy(); err != nil {
		return fmt.Errorf("erase: %w", v.fail(err))
	}
	return nil
}

// add finds what a void is about.
func (e *erasure) add(void Void) error {
	rec, err := e.v.At(void.Loc)
	if err != nil {
		return err
	}
	slot := rec.o.slot
	if _, err := rec.find(void.Line); err != nil {
		return err
	}
	if void.Line.IsText() {
		id, err := rec.TextID(void.Line.K())
		switch {
		case err == nil:
			e.texts[id] = true
		case !errors.Is(err, ErrErased):
			return err
		}
	}
	if e.lines[slot] == nil {
		e.lines[slot] = map[entry.Line]bool{}
	}
	e.lines[slot][void.Line], e.recs[slot] = true, rec
	return nil
}

// find returns errUnknown for a line the record does not have.
func (rec *Record) find(l entry.Line) (entry.Line, error) {
	for _, have := range rec.Lines() {
		if have == l {
			return l, nil
		}
	}
	return l, rec.wrap(l, errUnknown)
}

// spareTexts keeps the texts that a line which is not erased refers to. It has
// to look at all entries: nowhere is it written who refers to a text, for that
// would tell it to whoever has no keys.
func (e *erasure) spareTexts() error {
	if len(e.texts) == 0 {
		return nil
	}
	_, err := e.v.scan(func(_ Loc, rec *Record) error {
		if len(rec.o.texts) == 0 {
			return nil
		}
		salt, err := e.v.keys.Salts(rec.o.slot)
		if err != nil {
			_, err := known(err) // what has no keys refers to nothing
			return err
		}
		for _, t := range rec.o.texts {
			if e.lines[rec.o.slot][entry.LineText(t.k)] {
				continue
			}
			if id, err := rec.textID(t.k, salt); err == nil {
				delete(e.texts, id)
			}
		}
		return nil
	})
	return err
}

// destroy does the work. Texts go before the lines that name them: after a
// crash the lines still say which texts have to go.
func (e *erasure) destroy() error {
	children := e.v.texts.children(e.texts)
	if err := e.storeAnew(children); err != nil {
		return err
	}
	// A crash here leaves children stored twice. Both open; nothing is erased.
	if err := e.destroyTexts(children); err != nil {
		return err
	}
	return e.destroyLines()
}

// storeAnew stores the children of texts that go, against what remains.
func (e *erasure) storeAnew(children []TextID) error {
	if len(children) == 0 {
		return nil
	}
	p := &put{v: e.v, byID: map[TextID]*newText{}, avoid: e.texts}
	sibling := map[TextID]TextID{} // by text that goes: its first child
	for _, id := range children {
		at, _, err := e.v.locate(id)
		if err != nil {
			if ok, err := known(err); !ok && err != nil {
				return err
			}
			continue // erased itself, or damaged: there is nothing to store
		}
		if err := e.anew(p, id, e.nearTo(at.base, sibling)); err != nil {
			return err
		}
		sibling[at.base] = id
	}
	if err := p.renderTexts(); err != nil {
		return err
	}
	if err := p.write(); err != nil {
		return err
	}
	p.publish()
	return nil
}

// nearTo lists what a child of a text that goes may be stored against: a child
// that was stored anew before it, or the nearest text above that stays. None of
// these is stored against the child itself.
func (e *erasure) nearTo(gone TextID, sibling map[TextID]TextID) []TextID {
	var near []TextID
	if s, ok := sibling[gone]; ok {
		near = append(near, s)
	}
	for at := gone; at != 0; {
		p, ok := e.v.texts.place(at)
		if !ok {
			break
		}
		if at = p.base; at != 0 && !e.texts[at] {
			return append(near, at)
		}
	}
	return near
}

func (e *erasure) anew(p *put, id TextID, near []TextID) error {
	text, err := e.v.text(id)
	if err != nil {
		return fmt.Errorf("store text %d anew: %w", id, err)
	}
	n := e.v.newText(text, e.v.keys.Digester().Digest(text))
	n.id = id
	p.choose(n, near)
	p.news, p.byID[id] = append(p.news, n), n
	return nil
}

// destroyTexts destroys the keys of the texts that go, and those under which
// their children lay before.
func (e *erasure) destroyTexts(children []TextID) error {
	var slots []uint64
	for id := range e.texts {
		slots = append(slots, e.v.texts.slots(id)...)
		e.v.cache.drop(id)
	}
	for _, id := range children {
		all := e.v.texts.slots(id)
		slots = append(slots, all[:len(all)-1]...)
	}
	for d, id := range e.v.digests {
		if e.texts[id] {
			delete(e.v.digests, d)
		}
	}
	if err := e.v.keys.DestroyTexts(slots); err != nil {
		return err
	}
	e.v.texts.forget(e.texts, children)
	return nil
}

// destroyLines puts the salts of the lines that stay in the place of seeds.
func (e *erasure) destroyLines() error {
	salts := make(map[uint64]keyring.SaltList, len(e.lines))
	for s, gone := range e.lines {
		list, err := e.remaining(s, gone)
		if err != nil {
			return err
		}
		salts[s] = list
	}
	return e.v.keys.Keep(salts)
}

func (e *erasure) remaining(s uint64, gone map[entry.Line]bool) (keyring.SaltList, error) {
	salt, err := e.v.keys.Salts(s)
	if err != nil {
		return nil, err
	}
	list := keyring.SaltList{}
	for _, l := range e.recs[s].Lines() {
		if sa, ok := salt(l); ok && !gone[l] {
			list[l] = sa
		}
	}
	return list, nil
}
