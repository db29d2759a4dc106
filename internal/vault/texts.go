package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyring"
)

// The payload of a frame of texts; numbers are uvarints:
//
//	flags                            the head, bound to the message
//	slot                             of its key
//	id                               if stored anew; else it is the slot
//	base                             if a delta
//	size                             of the text
//	AES-GCM of the packed text
const (
	textAgain = 1 << iota // a text that was stored before, with another base
	textDelta
	textRaw // not compressed
)

// storedText is a text as it lies in a segment.
type storedText struct {
	id     TextID
	slot   uint64
	base   TextID // 0: none
	size   int
	raw    bool
	head   []byte
	sealed []byte
}

// appendHead appends the head of a frame.
func (t *storedText) appendHead(b []byte) []byte {
	var flags byte
	if t.id != TextID(t.slot) {
		flags |= textAgain
	}
	if t.base != 0 {
		flags |= textDelta
	}
	if t.raw {
		flags |= textRaw
	}
	b = binary.AppendUvarint(append(b, flags), t.slot)
	if flags&textAgain != 0 {
		b = binary.AppendUvarint(b, uint64(t.id))
	}
	if flags&textDelta != 0 {
		b = binary.AppendUvarint(b, uint64(t.base))
	}
	return binary.AppendUvarint(b, uint64(t.size))
}

// parseText reads a payload. The result keeps b.
func parseText(b []byte) (*storedText, error) {
	p := parser{b: b}
	flags := byte(0)
	if f := p.take(1); f != nil {
		flags = f[0]
	}
	t := &storedText{slot: p.number(), raw: flags&textRaw != 0}
	t.id = TextID(t.slot)
	if flags&textAgain != 0 {
		t.id = TextID(p.number())
	}
	if flags&textDelta != 0 {
		t.base = TextID(p.number())
	}
	size := p.number()
	switch {
	case p.err != nil:
		return nil, p.err
	case size > maxText:
		return nil, fmt.Errorf("text of %d bytes, more than %d", size, maxText)
	case t.id == 0 || t.base == t.id:
		return nil, errors.New("text has no name, or is its own base")
	case flags&textDelta != 0 && t.base == 0, flags&^(textAgain|textDelta|textRaw) != 0:
		return nil, fmt.Errorf("text of flags %#x", flags)
	}
	t.size = int(size)
	t.head, t.sealed = b[:len(b)-len(p.b):len(b)-len(p.b)], p.b
	return t, nil
}

// open decrypts and decompresses; base is the text it is a delta against.
func (t *storedText) open(k keyring.Key, base []byte) ([]byte, error) {
	packed, err := k.Decrypt(t.slot, t.sealed, t.head)
	if err != nil {
		return nil, err
	}
	if t.raw {
		if len(packed) != t.size {
			return nil, errFormat
		}
		return packed, nil
	}
	return unpackText(packed, base, t.size)
}

// place is where the present storing of a text lies.
type place struct {
	loc   Loc
	slot  uint64
	base  TextID
	depth int // deltas on the way; at least the true number
}

// texts knows where each text lies. It is read from the heads of the frames.
type texts struct {
	segs *segments

	mu     sync.RWMutex
	places map[TextID]place
	before map[TextID][]uint64 // slots of earlier storings
	seg    uint32              // read up to here: segment
	end    int64               // and offset
}

func newTexts(segs *segments) *texts {
	return &texts{segs: segs, places: map[TextID]place{}, before: map[TextID][]uint64{}}
}

func (t *texts) place(id TextID) (place, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	p, ok := t.places[id]
	return p, ok
}

// set records a storing; what it takes the place of is remembered, for its key
// has to go with the text.
func (t *texts) set(id TextID, p place) {
	if was, ok := t.places[id]; ok && was.slot != p.slot {
		if p.slot < was.slot { // an earlier one, met again
			was, p = p, was
		}
		if !slices.Contains(t.before[id], was.slot) {
			t.before[id] = append(t.before[id], was.slot)
		}
	}
	if base, ok := t.places[p.base]; ok {
		p.depth = base.depth + 1
	}
	t.places[id] = p
}

func (t *texts) add(id TextID, p place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(id, p)
}

// slots lists the slots of all storings of a text, the present one last.
func (t *texts) slots(id TextID) []uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	p, ok := t.places[id]
	if !ok {
		return nil
	}
	return append(slices.Clone(t.before[id]), p.slot)
}

// refresh reads what was appended since. With again set it reads the last
// segment from its start: what was appended may have been taken back.
func (t *texts) refresh(again bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	ns, err := t.segs.list()
	if err != nil {
		return err
	}
	if again {
		t.end = 0
	}
	for _, n := range ns {
		if n < t.seg {
			continue
		}
		if n > t.seg {
			t.seg, t.end = n, 0
		}
		if err := t.read(n); err != nil {
			return err
		}
	}
	return nil
}

func (t *texts) read(n uint32) error {
	_, err := t.segs.walk(n, t.end, func(f durable.Frame) error {
		st, err := parseText(f.Payload)
		if err == nil { // else Check names it
			t.set(st.id, place{loc: newLoc(n, f.Offset), slot: st.slot, base: st.base})
		}
		t.end = f.End()
		return nil
	})
	return err
}

// children lists the texts stored as deltas against one of those, in order.
func (t *texts) children(of map[TextID]bool) []TextID {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var ids []TextID
	for id, p := range t.places {
		if p.base != 0 && of[p.base] && !of[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// forget forgets the earlier storings of texts, whose keys are gone.
func (t *texts) forget(gone map[TextID]bool, anew []TextID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range gone {
		delete(t.before, id)
	}
	for _, id := range anew {
		delete(t.before, id)
	}
}

// drop takes out a storing that turned out to be torn.
func (t *texts) drop(id TextID, slot uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.places[id].slot == slot {
		delete(t.places, id)
	}
}

// lastSlot is the highest slot of a storing.
func (t *texts) lastSlot() (last uint64) {
	t.each(func(_ TextID, p place) { last = max(last, p.slot) })
	return last
}

// each hands the present place of every text to fn, in no order.
func (t *texts) each(fn func(TextID, place)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for id, p := range t.places {
		fn(id, p)
	}
}
