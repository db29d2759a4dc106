package vault

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"sync"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyring"
)

// put is one batch on its way to disk.
type put struct {
	v     *Vault
	batch []Disclosures
	refs  [][]TextID // by entry: its texts
	news  []*newText
	byID  map[TextID]*newText
	avoid map[TextID]bool   // not to be used as bases
	names map[string]TextID // like those of the vault

	records [][]byte // frames, by entry
	frames  [][]byte // of news
	keys    []keyring.EntryKeys
	placed  []Placed
}

// newText is a text that is to be stored.
type newText struct {
	id     TextID
	slot   uint64
	body   []byte
	digest keyring.Digest
	near   []base
	depth  int // if it becomes a delta; at most
	base   TextID
	key    keyring.Key
	loc    Loc // once written
}

// base is a text that another may be stored against.
type base struct {
	id   TextID
	text []byte
}

// Put stores the disclosures of a batch of entries, each text only if it is new.
// On return all is durable. A crash before leaves of the batch nothing, all, or
// part, which is nobody's: the caller puts again what it was not told of.
//
// What could not be read back is refused before anything is written
// ([ErrRefused]); to put it again is of no use. Where a write fails, for example
// for want of room, the batch is taken back and the vault goes on. Only after
// [durable.ErrPoisoned] the outcome is unknown, and the vault must be opened again.
func (v *Vault) Put(batch []Disclosures) ([]Placed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken != nil {
		return nil, fmt.Errorf("put: %w: %w", durable.ErrPoisoned, v.broken)
	}
	for i := range batch {
		if err := batch[i].validate(); err != nil {
			return nil, fmt.Errorf("put: %w: %w", ErrRefused, err)
		}
	}
	if len(batch) == 0 {
		return nil, nil
	}
	p := &put{v: v, batch: batch, byID: map[TextID]*newText{}, names: map[string]TextID{}}
	if err := p.render(); err != nil {
		return nil, fmt.Errorf("put %d entries: %w", len(batch), err)
	}
	if err := p.write(); err != nil {
		return nil, fmt.Errorf("put %d entries: %w", len(batch), err)
	}
	p.publish()
	return p.placed, nil
}

func (p *put) render() error {
	digests, err := p.digests()
	if err != nil {
		return err
	}
	p.name(digests)
	if err := p.renderTexts(); err != nil {
		return err
	}
	return p.renderRecords()
}

// digests returns the digest of each text of each entry.
func (p *put) digests() ([][]keyring.Digest, error) {
	ds := make([][]keyring.Digest, len(p.batch))
	err := parallel(len(p.batch), p.v.keys.Digester, func(d keyring.Digester, i int) error {
		ds[i] = make([]keyring.Digest, len(p.batch[i].Texts))
		for j, t := range p.batch[i].Texts {
			ds[i][j] = d.Digest(t.Body)
		}
		return nil
	})
	return ds, err
}

// name finds the texts that are stored already and names the others.
func (p *put) name(digests [][]keyring.Digest) {
	inBatch := map[keyring.Digest]TextID{}
	p.refs = make([][]TextID, len(p.batch))
	for i := range p.batch {
		p.refs[i] = make([]TextID, len(p.batch[i].Texts))
		for j := range p.batch[i].Texts {
			d := digests[i][j]
			id, known := p.v.digests[d]
			if !known {
				id, known = inBatch[d]
			}
			if !known {
				id = p.add(&p.batch[i].Texts[j], d)
				inBatch[d] = id
			}
			p.refs[i][j] = id
		}
	}
}

func (p *put) add(t *Text, d keyring.Digest) TextID {
	n := p.v.newText(t.Body, d)
	p.choose(n, p.near(t))
	p.news, p.byID[n.id] = append(p.news, n), n
	if t.Name != "" {
		p.names[t.Name], p.names[path.Base(t.Name)] = n.id, n.id
	}
	return n.id
}

// near lists what a text may resemble, the likeliest first: what was put under
// its name a moment ago, what the caller says, and what has a name like it.
func (p *put) near(t *Text) []TextID {
	var near []TextID
	if id, ok := p.names[t.Name]; ok {
		near = append(near, id)
	}
	near = append(near, t.Near...)
	for _, name := range []string{t.Name, path.Base(t.Name)} {
		if id, ok := p.names[name]; ok {
			near = append(near, id)
		} else if id, ok := p.v.names[name]; ok {
			near = append(near, id)
		}
	}
	return near
}

// newText gives a text a slot, a key and a name. A slot is not used twice, even
// if the batch is taken back.
func (v *Vault) newText(body []byte, d keyring.Digest) *newText {
	v.last.Text++
	return &newText{id: TextID(v.last.Text), slot: v.last.Text, body: body, digest: d, key: keyring.NewKey()}
}

// maxBases bounds how many bases are tried: each costs a compression.
const maxBases = 3

// choose fetches the texts n may be stored against. One that cannot be read is
// passed over: n is what matters now, and Check will name the other.
func (p *put) choose(n *newText, near []TextID) {
	for _, id := range near {
		id = p.climb(id)
		if len(n.near) == maxBases || id == 0 || p.avoid[id] || slices.ContainsFunc(n.near, func(b base) bool { return b.id == id }) {
			continue
		}
		text, err := p.text(id)
		if err != nil || len(text) < minBase {
			continue
		}
		n.near = append(n.near, base{id, text})
		n.depth = max(n.depth, p.depth(id)+1)
	}
}

// climb goes from a text at the end of a chain that is long enough up to where
// the chain begins: a delta against that is longer, yet often shorter than a
// whole text, and what follows has a short chain again.
func (p *put) climb(id TextID) TextID {
	if p.depth(id) < maxDepth {
		return id
	}
	for at := id; at != 0; at = p.above(at) {
		id = at
	}
	return id
}

func (p *put) depth(id TextID) int {
	if n := p.byID[id]; n != nil {
		return n.depth
	}
	at, _ := p.v.texts.place(id)
	return at.depth
}

// above is a text nearer to the beginning of the chain, 0 if there is none.
func (p *put) above(id TextID) TextID {
	if n := p.byID[id]; n != nil {
		if len(n.near) == 0 {
			return 0
		}
		return n.near[0].id
	}
	at, _ := p.v.texts.place(id)
	return at.base
}

func (p *put) text(id TextID) ([]byte, error) {
	if n := p.byID[id]; n != nil {
		return n.body, nil
	}
	return p.v.text(id)
}

func (p *put) renderTexts() error {
	p.frames = make([][]byte, len(p.news))
	return parallel(len(p.news), func() struct{} { return struct{}{} }, func(_ struct{}, i int) (err error) {
		p.frames[i], err = p.news[i].render(p.v.packer, i == len(p.news)-1)
		return err
	})
}

// render makes the frame of a text, in the smallest form found.
func (n *newText) render(z *packer, last bool) ([]byte, error) {
	packed, err := n.pack(z)
	if err != nil {
		return nil, err
	}
	t := storedText{id: n.id, slot: n.slot, base: n.base, size: len(n.body), raw: packed == nil}
	if t.raw {
		packed = n.body
	}
	b := t.appendHead(durable.BeginFrame(nil))
	b, err = n.key.Encrypt(b, n.slot, packed, b[durable.FrameOverhead:])
	if err != nil {
		return nil, err
	}
	durable.EndFrame(b, 0, last)
	return b, nil
}

// pack looks for the smallest form of a text, the forms that cost least first,
// until one is small enough. nil: nothing is smaller than the text itself.
func (n *newText) pack(z *packer) ([]byte, error) {
	best := form{size: len(n.body)}
	slow := n.packQuick(&best)
	if best.size > quickDelta {
		for _, b := range slow {
			if best.small(n.body) {
				break
			}
			packed, err := z.delta(n.body, b.text)
			if err != nil {
				return nil, err
			}
			best.take(packed, b.id)
		}
	}
	if !best.small(n.body) && len(n.body) > 0 {
		packed, err := z.alone(n.body)
		if err != nil {
			return nil, err
		}
		best.take(packed, 0)
	}
	n.base = best.base
	return best.packed, nil
}

// packQuick tries what can be had quickly and returns the bases that time may
// be spent on: of those it tried only the best.
func (n *newText) packQuick(best *form) (slow []base) {
	nearest, shortest := base{}, math.MaxInt
	for _, b := range n.near {
		packed := packQuick(n.body, b.text)
		switch {
		case packed == nil:
			slow = append(slow, b)
		case len(packed) < shortest:
			nearest, shortest = b, len(packed)
			best.take(packed, b.id)
		}
		if best.small(n.body) {
			return nil
		}
	}
	if nearest.id != 0 {
		slow = slices.Insert(slow, 0, nearest)
	}
	return slow
}

// form is one way to store a text.
type form struct {
	packed []byte // nil: as it is
	base   TextID
	size   int
}

func (f *form) take(packed []byte, base TextID) {
	if len(packed) < f.size {
		*f = form{packed, base, len(packed)}
	}
}

// small reports whether a form is not worth improving.
func (f *form) small(text []byte) bool { return f.size < len(text)/8 }

func (p *put) renderRecords() error {
	p.records = make([][]byte, len(p.batch))
	p.keys = make([]keyring.EntryKeys, len(p.batch))
	first := p.v.last.Entry + 1
	p.v.last.Entry += uint64(len(p.batch)) // never used again, even if the batch is taken back
	for i := range p.batch {
		p.keys[i].Seed = p.batch[i].Seed
		if p.keys[i].Seed == nil {
			p.keys[i].Salts = p.batch[i].list()
		}
	}
	return parallel(len(p.batch), func() *[]byte { return new([]byte) }, func(scratch *[]byte, i int) error {
		b := durable.BeginFrame(make([]byte, 0, p.batch[i].sizeHint()))
		b, err := appendDisclosures(b, scratch, &p.batch[i], first+uint64(i), p.refs[i])
		if err != nil {
			return err
		}
		if len(b) > durable.MaxPayload {
			return fmt.Errorf("%w: entry %s: %d bytes of disclosures are too many", ErrRefused, p.batch[i].ID, len(b))
		}
		durable.EndFrame(b, 0, i == len(p.batch)-1)
		p.records[i] = b
		return nil
	})
}

// list is the salts of the lines o has.
func (o *Disclosures) list() keyring.SaltList {
	list := keyring.SaltList{}
	salt := o.salter()
	for _, l := range o.lines() {
		list[l], _ = salt(l)
	}
	return list
}

// sizeHint is about what o comes to on disk, so that its buffer need not grow.
func (o *Disclosures) sizeHint() int {
	n := 128 + 20*len(o.Texts)
	for i := range 3 + len(o.What) {
		n += len(o.body(i))*3/4 + keyring.TagSize + 4
	}
	return n
}

// write puts everything where it belongs and makes it durable. Others see the
// frames first and then the keys, so that whoever sees a key sees its frame.
func (p *put) write() error {
	w := &writes{}
	err := p.append(w)
	if err != nil {
		if rerr := w.rollback(); rerr != nil {
			return p.v.fail(errors.Join(err, rerr))
		}
		return err
	}
	// A crash here leaves any part of the batch. Only when all four kinds of
	// file are durable is anybody told, so they need no order among them.
	if err := w.sync(); err != nil {
		return p.v.fail(err)
	}
	return nil
}

func (p *put) append(w *writes) error {
	v := p.v
	offsets, err := w.frames(&v.records, v.texts.segs, v.cfg.Segment, p.frames)
	if err != nil {
		return err
	}
	for i, n := range p.news {
		n.loc = newLoc(v.records.n, offsets[i])
	}
	if offsets, err = w.frames(&v.entries, v.disclosures, v.cfg.Segment, p.records); err != nil {
		return err
	}
	for i := range p.records {
		p.placed = append(p.placed, Placed{newLoc(v.entries.n, offsets[i]), p.refs[i]})
	}
	if err := w.keys(v.keys.PutEntries(v.last.Entry+1-uint64(len(p.keys)), p.keys)); err != nil {
		return err
	}
	return w.keys(v.keys.PutTexts(v.last.Text+1-uint64(len(p.news)), p.textKeys()))
}

func (p *put) textKeys() []keyring.TextKey {
	ks := make([]keyring.TextKey, len(p.news))
	for i, n := range p.news {
		ks[i] = keyring.TextKey{Key: n.key, Digest: n.digest}
	}
	return ks
}

// maxNames bounds the memory for hints; losing them costs space only.
const maxNames = 1 << 16

// publish lets readers and later batches find what is now durable.
func (p *put) publish() {
	v := p.v
	for _, n := range p.news {
		v.texts.add(n.id, place{loc: n.loc, slot: n.slot, base: n.base})
		v.digests[n.digest] = n.id
		v.cache.put(n.id, slices.Clone(n.body))
	}
	if len(v.names)+len(p.names) > maxNames {
		clear(v.names)
	}
	maps.Copy(v.names, p.names)
}

// writes is the files a batch was appended to.
type writes struct{ apps []*durable.Appender }

// frames appends frames to a run of segments and returns their offsets.
func (w *writes) frames(t *tail, s *segments, limit int64, frames [][]byte) ([]int64, error) {
	if len(frames) == 0 {
		return nil, nil
	}
	if err := t.ready(s, limit); err != nil {
		return nil, err
	}
	w.apps = append(w.apps, t.app)
	offsets, at := make([]int64, len(frames)), t.app.Size()
	for i, f := range frames {
		offsets[i] = at
		at += int64(len(f))
	}
	_, err := t.app.Write(slices.Concat(frames...))
	return offsets, err
}

// keys takes note of the files keys were appended to.
func (w *writes) keys(apps []*durable.Appender, err error) error {
	w.apps = append(w.apps, apps...)
	return err
}

func (w *writes) sync() error {
	errs := make([]error, len(w.apps))
	var wg sync.WaitGroup
	for i, a := range w.apps {
		wg.Go(func() { errs[i] = a.Sync() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (w *writes) rollback() error {
	var errs []error
	for _, a := range w.apps {
		errs = append(errs, a.Rollback())
	}
	return errors.Join(errs...)
}
