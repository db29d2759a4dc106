package vault

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/keyring"
	"github.com/stele-log/stele/seal"
)

// The payload of a frame of disclosures; numbers are uvarints:
//
//	id[32] source[16] seq slot       the head, bound to each line
//	number of whats
//	who, why, how, what 0, …         each: length, then AES-GCM of the packed body
//	number of texts
//	text                             each: k, then ref[16]
type disclosures struct {
	id     entry.ID
	source entry.Source
	seq    uint64
	slot   uint64
	head   []byte
	lines  [][]byte
	texts  []textRef
}

type textRef struct {
	k   int
	ref keyring.Ref
}

// lineAt names the i-th of the lines of a record.
func lineAt(i int) entry.Line {
	switch i {
	case 0:
		return entry.LineWho
	case 1:
		return entry.LineWhy
	case 2:
		return entry.LineHow
	}
	return entry.LineWhat(i - 3)
}

func (o *Disclosures) salter() keyring.Salter {
	if o.Seed != nil {
		return func(l entry.Line) (seal.Salt, bool) { return o.Seed.Salt(l), true }
	}
	return func(l entry.Line) (seal.Salt, bool) { s, ok := o.Salts[l]; return s, ok }
}

// lines lists the lines o has bodies for, texts included.
func (o *Disclosures) lines() []entry.Line {
	lines := make([]entry.Line, 0, 3+len(o.What)+len(o.Texts))
	for i := range 3 + len(o.What) {
		lines = append(lines, lineAt(i))
	}
	for _, t := range o.Texts {
		lines = append(lines, entry.LineText(t.K))
	}
	return lines
}

// validate refuses what could not be read back.
func (o *Disclosures) validate() error {
	switch {
	case len(o.What) > entry.MaxWhats || len(o.Texts) > entry.MaxWhats:
		return fmt.Errorf("entry %s: more than %d changes", o.ID, entry.MaxWhats)
	case o.Seed == nil && o.Salts == nil:
		return fmt.Errorf("entry %s: no salts", o.ID)
	}
	for i := range 3 + len(o.What) {
		if n := len(o.body(i)); n > maxBody {
			return fmt.Errorf("entry %s: %s: %d bytes are more than %d", o.ID, lineAt(i), n, maxBody)
		}
	}
	for _, t := range o.Texts {
		switch {
		case t.K < 0 || t.K >= entry.MaxWhats:
			return fmt.Errorf("entry %s: no change has the number %d", o.ID, t.K)
		case len(t.Body) > maxText:
			return fmt.Errorf("entry %s: text %d: %d bytes are more than %d", o.ID, t.K, len(t.Body), maxText)
		}
	}
	if o.Seed != nil {
		return nil // it has a salt for any line
	}
	for _, l := range o.lines() {
		if _, ok := o.Salts[l]; !ok {
			return fmt.Errorf("entry %s: %s: no salt", o.ID, l)
		}
	}
	return nil
}

func (o *Disclosures) body(i int) []byte {
	switch i {
	case 0:
		return o.Who
	case 1:
		return o.Why
	case 2:
		return o.How
	}
	return o.What[i-3]
}

// appendDisclosures renders o with its texts replaced by their names. scratch is
// reused from call to call.
func appendDisclosures(b []byte, scratch *[]byte, o *Disclosures, slot uint64, texts []TextID) ([]byte, error) {
	start := len(b)
	b = append(append(b, o.ID[:]...), o.Source[:]...)
	b = binary.AppendUvarint(binary.AppendUvarint(b, o.Seq), slot)
	head := b[start:len(b):len(b)]
	salt := o.salter()
	b = binary.AppendUvarint(b, uint64(len(o.What)))
	for i := range 3 + len(o.What) {
		s, _ := salt(lineAt(i))
		*scratch = packBody((*scratch)[:0], o.body(i))
		b = binary.AppendUvarint(b, uint64(len(*scratch)+keyring.TagSize))
		var err error
		if b, err = keyring.LineKey(s).Encrypt(b, slot, *scratch, head); err != nil {
			return nil, err
		}
	}
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for i, id := range texts {
		s, _ := salt(entry.LineText(o.Texts[i].K))
		r := keyring.NewRef(s, slot, uint64(id))
		b = append(binary.AppendUvarint(b, uint64(o.Texts[i].K)), r[:]...)
	}
	return b, nil
}

// parseDisclosures reads a payload. The result keeps b.
func parseDisclosures(b []byte) (*disclosures, error) {
	p := parser{b: b}
	o := &disclosures{}
	copy(o.id[:], p.take(uint64(len(o.id))))
	copy(o.source[:], p.take(uint64(len(o.source))))
	o.seq, o.slot = p.number(), p.number()
	o.head = b[: len(b)-len(p.b) : len(b)-len(p.b)]
	whats := p.count()
	for range 3 + whats {
		o.lines = append(o.lines, p.take(p.number()))
		if p.err != nil {
			return nil, p.err
		}
	}
	for range p.count() {
		k := p.count()
		t := textRef{k: k}
		copy(t.ref[:], p.take(uint64(len(t.ref))))
		o.texts = append(o.texts, t)
	}
	return o, p.end()
}

// parser reads from the front of b; after an error it reads nothing.
type parser struct {
	b   []byte
	err error
}

var errShort = errors.New("record is cut short")

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
	p.b = nil
}

func (p *parser) number() uint64 {
	n, size := binary.Uvarint(p.b)
	if size <= 0 {
		p.fail(errShort)
		return 0
	}
	p.b = p.b[size:]
	return n
}

// count reads a number of changes, or of one change.
func (p *parser) count() int {
	n := p.number()
	if n > entry.MaxWhats {
		p.fail(fmt.Errorf("record of %d changes, more than %d", n, entry.MaxWhats))
		return 0
	}
	return int(n)
}

func (p *parser) take(n uint64) []byte {
	if n > uint64(len(p.b)) {
		p.fail(errShort)
		return nil
	}
	t := p.b[:n:n]
	p.b = p.b[n:]
	return t
}

func (p *parser) end() error {
	if p.err == nil && len(p.b) > 0 {
		return fmt.Errorf("%d bytes behind a record", len(p.b))
	}
	return p.err
}

// Record is the stored disclosures of one entry.
type Record struct {
	ID     entry.ID
	Source entry.Source
	Seq    uint64

	r   *Reader
	loc Loc
	o   *disclosures
}

// Lines lists the lines of the record, erased ones included.
func (rec *Record) Lines() []entry.Line {
	lines := make([]entry.Line, 0, len(rec.o.lines)+len(rec.o.texts))
	for i := range rec.o.lines {
		lines = append(lines, lineAt(i))
	}
	for _, t := range rec.o.texts {
		lines = append(lines, entry.LineText(t.k))
	}
	return lines
}

// TextID names the stored text of the k-th change: an error where it has
// none, [ErrErased] where that line was erased.
func (rec *Record) TextID(k int) (TextID, error) {
	salt, err := rec.r.keys.Salts(rec.o.slot)
	if err != nil {
		return 0, rec.wrap(entry.LineText(k), err)
	}
	id, err := rec.textID(k, salt)
	return id, rec.wrap(entry.LineText(k), err)
}

func (rec *Record) textID(k int, salt keyring.Salter) (TextID, error) {
	for _, t := range rec.o.texts {
		if t.k != k {
			continue
		}
		s, ok := salt(entry.LineText(k))
		if !ok {
			return 0, ErrErased
		}
		id, err := t.ref.Open(s, rec.o.slot)
		if err != nil {
			return 0, rec.damage(err)
		}
		return TextID(id), nil
	}
	return 0, errUnknown
}

// Disclosure opens one line: an error where the entry has none of that
// name, [ErrErased] where its key is gone, a *[Damage] where bytes are bad.
// Whether it opens the seal in the entry is for the caller to try.
func (rec *Record) Disclosure(l entry.Line) (seal.Disclosure, error) {
	salt, err := rec.r.keys.Salts(rec.o.slot)
	if err != nil {
		return seal.Disclosure{}, rec.wrap(l, err)
	}
	return rec.disclose(l, salt)
}

// Disclosures opens all lines that are not erased.
func (rec *Record) Disclosures() ([]seal.Disclosure, error) {
	salt, err := rec.r.keys.Salts(rec.o.slot)
	if err != nil {
		return nil, fmt.Errorf("entry %s: %w", rec.ID, err)
	}
	var ds []seal.Disclosure
	for _, l := range rec.Lines() {
		d, err := rec.disclose(l, salt)
		switch {
		case err == nil:
			ds = append(ds, d)
		case !errors.Is(err, ErrErased):
			return nil, err
		}
	}
	return ds, nil
}

func (rec *Record) disclose(l entry.Line, salt keyring.Salter) (seal.Disclosure, error) {
	d := seal.Disclosure{Source: rec.Source, Seq: rec.Seq, Line: l}
	body, err := rec.open(l, salt)
	if err != nil {
		return d, rec.wrap(l, err)
	}
	d.Salt, _ = salt(l)
	d.Body = body
	return d, nil
}

func (rec *Record) open(l entry.Line, salt keyring.Salter) ([]byte, error) {
	if l.IsText() {
		id, err := rec.textID(l.K(), salt)
		if err != nil {
			return nil, err
		}
		return rec.r.Text(id)
	}
	for i, sealed := range rec.o.lines {
		if lineAt(i) != l {
			continue
		}
		s, ok := salt(l)
		if !ok {
			return nil, ErrErased
		}
		packed, err := keyring.LineKey(s).Decrypt(rec.o.slot, sealed, rec.o.head)
		if err != nil {
			return nil, rec.damage(err)
		}
		body, err := unpackBody(packed)
		if err != nil {
			return nil, rec.damage(err)
		}
		return body, nil
	}
	return nil, errUnknown
}

func (rec *Record) damage(err error) error {
	return &Damage{Path: rec.r.disclosures.path(rec.loc.segment()), Offset: rec.loc.offset(), Why: err.Error()}
}

// damageAlone is damage for what is not there in another file.
func (rec *Record) damageAlone(err error) error {
	return &Damage{Path: rec.r.disclosures.path(rec.loc.segment()), Offset: rec.loc.offset(), Alone: true, Why: err.Error()}
}

func (rec *Record) wrap(l entry.Line, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("entry %s: %s: %w", rec.ID, l, err)
}
