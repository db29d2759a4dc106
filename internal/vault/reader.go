package vault

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyring"
)

// Names and magics of the files.
const (
	disclosuresName, disclosuresMagic = "openings", "stele open 1"
	textsName, textsMagic             = "texts", "stele text 1"
)

// Reader reads a vault, while the same or another process writes to it. It may
// be used from any goroutine.
type Reader struct {
	cfg         Config
	keys        *keyring.Keyring
	disclosures *segments
	texts       *texts
	cache       *cache
}

// OpenReader opens a vault for reading. It changes nothing on disk.
func OpenReader(cfg Config) (*Reader, error) {
	cfg = cfg.withDefaults()
	r := &Reader{
		cfg:         cfg,
		disclosures: newSegments(cfg.FS, cfg.Dir, disclosuresName, disclosuresMagic),
		texts:       newTexts(newSegments(cfg.FS, cfg.Dir, textsName, textsMagic)),
		cache:       newCache(cfg.Cache),
	}
	var err error
	if r.keys, err = keyring.Open(cfg.keyring()); err != nil {
		return nil, fmt.Errorf("open vault %s: %w", cfg.Dir, err)
	}
	if err := r.texts.refresh(false); err != nil {
		return nil, errors.Join(fmt.Errorf("open vault %s: %w", cfg.Dir, err), r.Close())
	}
	return r, nil
}

// Close closes the files.
func (r *Reader) Close() error {
	return errors.Join(r.disclosures.close(), r.texts.segs.close(), r.keys.Close())
}

// At returns the record at loc. Bytes that are bad are a *[Damage].
func (r *Reader) At(loc Loc) (*Record, error) {
	f, err := r.disclosures.frame(loc.segment(), loc.offset())
	if err != nil {
		return nil, fmt.Errorf("disclosures at %s: %w", loc, err)
	}
	rec, damage := r.record(loc, f.Payload)
	if damage != nil {
		return nil, fmt.Errorf("disclosures at %s: %w", loc, damage)
	}
	return rec, nil
}

func (r *Reader) record(loc Loc, payload []byte) (*Record, *Damage) {
	o, err := parseDisclosures(payload)
	if err != nil {
		return nil, &Damage{Path: r.disclosures.path(loc.segment()), Offset: loc.offset(), Why: err.Error()}
	}
	return &Record{ID: o.id, Source: o.source, Seq: o.seq, r: r, loc: loc, o: o}, nil
}

// Scan hands every record to fn, in the order they were put, until fn returns
// an error. It goes on behind damage and returns all of it at the end; a torn
// tail, which holds nothing that was promised, is passed over.
func (r *Reader) Scan(fn func(Loc, *Record) error) error {
	damages, err := r.scan(fn)
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range damages {
		if !d.Torn {
			errs = append(errs, &d)
		}
	}
	return errors.Join(errs...)
}

// Places hands the place of the disclosures of every entry to fn, in the order they
// were put: an entry that was put again has several. What was copied there by
// somebody else, and has the slot of what stands before it, is passed over. Damage
// comes as it does from [Reader.Scan].
func (r *Reader) Places(fn func(entry.ID, Loc)) error {
	var met keyring.Slots
	return r.Scan(func(loc Loc, rec *Record) error {
		if !met.Has(rec.o.slot) {
			met.Add(rec.o.slot)
			fn(rec.ID, loc)
		}
		return nil
	})
}

func (r *Reader) scan(fn func(Loc, *Record) error) ([]Damage, error) {
	ns, err := r.disclosures.list()
	if err != nil {
		return nil, err
	}
	damages := missing(r.disclosures, ns)
	for _, n := range ns {
		bad, err := r.disclosures.walk(n, 0, func(f durable.Frame) error {
			loc := newLoc(n, f.Offset)
			rec, err := r.record(loc, f.Payload)
			if err != nil {
				damages = append(damages, *err)
				return nil
			}
			return fn(loc, rec)
		})
		damages = append(damages, bad...)
		if err != nil {
			return damages, err
		}
	}
	return damages, nil
}

// missing names the segments that are not there though later ones are.
func missing(s *segments, ns []uint32) []Damage {
	var damages []Damage
	want := uint32(1)
	for _, n := range ns {
		for ; want < n; want++ {
			damages = append(damages, Damage{Path: s.path(want), Why: "no such file"})
		}
		want = n + 1
	}
	return damages
}

// Text returns a text: [ErrErased] where its key is gone, an error where
// there never was one, a *[Damage] where bytes are bad.
func (r *Reader) Text(id TextID) ([]byte, error) {
	text, err := r.text(id)
	// Another process may have stored it, or stored it anew, since we looked;
	// what it appended may have taken the place of what it took back.
	for _, again := range []bool{false, true} {
		if err == nil || !mayHaveMoved(err) || again && errors.Is(err, ErrErased) {
			break
		}
		if err := r.texts.refresh(again); err != nil {
			return nil, fmt.Errorf("text %d: %w", id, err)
		}
		text, err = r.text(id)
	}
	if err != nil {
		return nil, fmt.Errorf("text %d: %w", id, err)
	}
	return bytes.Clone(text), nil
}

func mayHaveMoved(err error) bool {
	return errors.Is(err, ErrErased) || errors.Is(err, errUnknown) || errors.Is(err, errMoved)
}

// errMoved says that another text lies where a text was known to lie.
var errMoved = errors.New("another text is in its place")

// text returns a text that nobody must change.
func (r *Reader) text(id TextID) ([]byte, error) {
	var chain []link // from the text asked for down to the first one at hand
	var base []byte
	for at := id; at != 0; {
		p, k, err := r.locate(at)
		if err != nil {
			return nil, err
		}
		if text, ok := r.cache.get(at); ok {
			base = text
			break
		}
		if len(chain) > 2*maxDepth {
			return nil, r.textDamage(p, "chain of deltas has no end")
		}
		chain = append(chain, link{at, p, k})
		at = p.base
	}
	for i := len(chain) - 1; i >= 0; i-- {
		text, err := r.decode(chain[i], base)
		if err != nil {
			return nil, err
		}
		base = text
	}
	return base, nil
}

// link is one text of a chain of deltas.
type link struct {
	id    TextID
	place place
	key   keyring.Key
}

// locate says where a text lies and what opens it. It asks the keyring even for
// texts that are in memory: they may have been erased.
func (r *Reader) locate(id TextID) (place, keyring.Key, error) {
	p, ok := r.texts.place(id)
	if !ok {
		return p, keyring.Key{}, errUnknown
	}
	k, err := r.keys.Text(p.slot)
	if errors.Is(err, ErrErased) {
		r.cache.drop(id)
	}
	return p, k.Key, err
}

func (r *Reader) decode(l link, base []byte) ([]byte, error) {
	t, err := r.stored(l.place)
	if err != nil {
		return nil, err
	}
	if t.id != l.id || t.slot != l.place.slot || t.base != l.place.base {
		return nil, errMoved
	}
	text, err := t.open(l.key, base)
	if err != nil {
		return nil, r.textDamage(l.place, err.Error())
	}
	r.cache.put(l.id, text)
	return text, nil
}

// stored reads the frame of a text.
func (r *Reader) stored(p place) (*storedText, error) {
	f, err := r.texts.segs.frame(p.loc.segment(), p.loc.offset())
	if err != nil {
		return nil, err
	}
	t, err := parseText(f.Payload)
	if err != nil {
		return nil, r.textDamage(p, err.Error())
	}
	return t, nil
}

func (r *Reader) textDamage(p place, why string) error {
	return &Damage{Path: r.texts.segs.path(p.loc.segment()), Offset: p.loc.offset(), Why: why}
}
