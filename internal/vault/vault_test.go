package vault

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/durable/faultdisk"
	"github.com/stele-log/stele/seal"
)

// made is what a test knows of an entry it put.
type made struct {
	o     Disclosures
	seals map[entry.Line]entry.Hash
	at    Placed
}

// maker makes entries out of a seed.
type maker struct {
	rnd *rand.Rand
	n   uint64
}

func newMaker(seed uint64) *maker { return &maker{rnd: rand.New(rand.NewPCG(seed, 1))} }

func (m *maker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.rnd.Uint32())
	}
	return b
}

// text makes a text of few kinds, so that texts are equal or alike often.
func (m *maker) text() []byte {
	var b bytes.Buffer
	kind := m.rnd.IntN(3)
	for i := range 12 {
		fmt.Fprintf(&b, "setting_%d_%d = %d\n", kind, i, m.rnd.IntN(2)*m.rnd.IntN(2))
	}
	return b.Bytes()
}

func (m *maker) entry(whats int) *made {
	m.n++
	o := Disclosures{
		ID: entry.ID(m.bytes(32)), Source: entry.Source(m.bytes(16)), Seq: m.n,
		Who: fmt.Appendf(nil, `{"uid":%d,"user":"root"}`, m.n), Why: []byte(`{"reason":"secret reason of a person"}`),
		How: []byte(`{"confidence":"certain","layer":"fanotify"}`),
	}
	seed := seal.Seed(m.bytes(32))
	o.Seed = &seed
	for k := range whats {
		o.What = append(o.What, fmt.Appendf(nil, `{"action":"modify","path":"/etc/agent-%d-%d.conf"}`, m.n, k))
		if m.rnd.IntN(3) > 0 {
			o.Texts = append(o.Texts, Text{K: k, Body: m.text(), Name: fmt.Sprint(m.rnd.IntN(2))})
		}
	}
	d := &made{o: o, seals: map[entry.Line]entry.Hash{}}
	if m.rnd.IntN(4) == 0 {
		d.o.Seed, d.o.Salts = nil, map[entry.Line]seal.Salt{}
		for _, l := range o.lines() {
			d.o.Salts[l] = seed.Salt(l)
		}
	}
	for i, l := range o.lines() {
		body := o.Texts
		var b []byte
		if l.IsText() {
			b = body[i-3-len(o.What)].Body
		} else {
			b = o.body(i)
		}
		d.seals[l] = seal.Seal(o.Source, o.Seq, l, seed.Salt(l), b)
	}
	return d
}

// check holds what a reader says against what was put. erased lines must be.
func (d *made) check(r *Reader, erased map[Void]bool) error {
	rec, err := r.At(d.at.Loc)
	if err != nil {
		return err
	}
	if rec.ID != d.o.ID || rec.Source != d.o.Source || rec.Seq != d.o.Seq {
		return fmt.Errorf("entry %s: is entry %s, seq %d", d.o.ID, rec.ID, rec.Seq)
	}
	for l, sealed := range d.seals {
		disclosed, err := rec.Disclosure(l)
		switch gone := erased[Void{d.at.Loc, l}]; {
		case gone && !errors.Is(err, ErrErased):
			return fmt.Errorf("entry %s: %s: want ErrErased, got %v", d.o.ID, l, err)
		case gone:
		case err != nil:
			return err
		case !disclosed.Opens(sealed):
			return fmt.Errorf("entry %s: %s: does not open its seal", d.o.ID, l)
		}
	}
	return nil
}

func (m *maker) batch(n, whats int) []*made {
	b := make([]*made, n)
	for i := range b {
		b[i] = m.entry(whats)
	}
	return b
}

// store puts a batch and notes where it went.
func store(v *Vault, batch []*made) error {
	os := make([]Disclosures, len(batch))
	for i, d := range batch {
		os[i] = d.o
	}
	placed, err := v.Put(os)
	for i := range placed {
		batch[i].at = placed[i]
	}
	return err
}

func config(fsys durable.FS) Config {
	return Config{Dir: "/store/vault", KeyringDir: "/store/keyring", FS: fsys, Segment: 4096, Cache: 2048}
}

func open(t testing.TB, cfg Config) *Vault {
	t.Helper()
	v, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sound checks every entry and every byte.
func sound(t testing.TB, v *Vault, all []*made, erased map[Void]bool) {
	t.Helper()
	for _, d := range all {
		if err := d.check(v.Reader, erased); err != nil {
			t.Fatal(err)
		}
	}
	undamaged(t, v)
}

func undamaged(t testing.TB, v *Vault) Stats {
	t.Helper()
	stats, err := v.Check(func(d Damage) { t.Errorf("damage: %v", &d) })
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

func TestPutIsThereAfterReopening(t *testing.T) {
	disk := faultdisk.New(1)
	m := newMaker(1)
	var all []*made
	for range 8 {
		v := open(t, config(disk))
		if torn := v.leftovers(); len(torn) > 0 {
			t.Fatalf("torn after a clean close: %v", torn)
		}
		b := m.batch(5, 4)
		if err := store(v, b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
		sound(t, v, all, nil)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	v := open(t, config(disk))
	sound(t, v, all, nil)
	if stats := undamaged(t, v); stats.Records != len(all) || stats.Texts == 0 || stats.Erased != 0 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestScanGivesAllInOrder(t *testing.T) {
	v := open(t, config(faultdisk.New(1)))
	m := newMaker(2)
	var want []string
	for range 5 {
		b := m.batch(7, 2)
		if err := store(v, b); err != nil {
			t.Fatal(err)
		}
		for _, d := range b {
			want = append(want, fmt.Sprint(d.at.Loc, d.o.ID, d.at.Texts))
		}
	}
	var got []string
	err := v.Scan(func(loc Loc, rec *Record) error {
		var ids []TextID
		for _, l := range rec.Lines() {
			if l.IsText() {
				id, err := rec.TextID(l.K())
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
		}
		if ids == nil {
			ids = []TextID{}
		}
		got = append(got, fmt.Sprint(loc, rec.ID, ids))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEqualTextsAreStoredOnce(t *testing.T) {
	disk := faultdisk.New(1)
	m := newMaker(3)
	text := m.bytes(3000)
	for range 3 { // in one batch, over batches, over disclosures
		v := open(t, config(disk))
		a, b := m.entry(0), m.entry(0)
		for _, d := range []*made{a, b} {
			seed := seal.Seed{1}
			d.o.Seed, d.o.Salts = &seed, nil
			d.o.What = [][]byte{[]byte(`{}`)}
			d.o.Texts = []Text{{Body: text}}
		}
		if err := store(v, []*made{a, b}); err != nil {
			t.Fatal(err)
		}
		if a.at.Texts[0] != 1 || b.at.Texts[0] != 1 {
			t.Fatalf("texts %v and %v, want 1", a.at.Texts, b.at.Texts)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNothingLiesThereInClear(t *testing.T) {
	disk := faultdisk.New(1)
	m := newMaker(4)
	v := open(t, config(disk))
	b := m.batch(20, 3)
	if err := store(v, b); err != nil {
		t.Fatal(err)
	}
	for path, data := range disk.Files() {
		for _, clear := range []string{"secret reason", "/etc/agent", "setting_", "fanotify"} {
			if bytes.Contains(data, []byte(clear)) {
				t.Errorf("%s holds %q", path, clear)
			}
		}
	}
	seed := b[0].o.Seed
	for _, d := range b {
		if d.o.Seed != nil {
			seed = d.o.Seed
		}
	}
	held := 0
	for path, data := range disk.Files() {
		if bytes.Contains(data, seed[:]) {
			held++
			if got, want := path, "/store/keyring/seeds-000000.1"; got != want {
				t.Errorf("seed is in %s, want %s only", got, want)
			}
		}
	}
	if held != 1 {
		t.Errorf("seed is in %d files, want 1", held)
	}
}

func TestReaderBesideAWriterSeesWhatIsPut(t *testing.T) {
	cfg := config(durable.OS)
	cfg.Dir, cfg.KeyringDir = t.TempDir(), t.TempDir()
	v := open(t, cfg)
	defer v.Close()
	r, err := OpenReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := newMaker(5)
	erased := map[Void]bool{}
	var all []*made
	for range 10 {
		b := m.batch(4, 3)
		if err := store(v, b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
		void := Void{b[0].at.Loc, b[0].o.lines()[m.rnd.IntN(len(b[0].o.lines()))]}
		if err := v.Erase([]Void{void}); err != nil {
			t.Fatal(err)
		}
		erased[void] = true
		for _, d := range all {
			if err := d.check(r, erased); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := r.Check(func(d Damage) { t.Errorf("damage: %v", &d) }); err != nil {
		t.Fatal(err)
	}
}

func TestPutRefusesWhatCouldNotBeReadBack(t *testing.T) {
	v := open(t, config(faultdisk.New(1)))
	seed := &seal.Seed{1}
	for name, o := range map[string]Disclosures{
		"no salts":          {},
		"a salt is missing": {Salts: map[entry.Line]seal.Salt{entry.LineWho: {}, entry.LineWhy: {}}},
		"body too long":     {Seed: seed, Why: make([]byte, seal.MaxBody+1)},
		"text too long":     {Seed: seed, Texts: []Text{{Body: make([]byte, seal.MaxText+1)}}},
		"no such change":    {Seed: seed, Texts: []Text{{K: entry.MaxWhats}}},
		"too many changes":  {Seed: seed, What: make([][]byte, entry.MaxWhats+1)},
	} {
		if _, err := v.Put([]Disclosures{o}); !errors.Is(err, ErrRefused) || errors.Is(err, durable.ErrPoisoned) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
	if stats := undamaged(t, v); stats.Records != 0 {
		t.Errorf("%d records, want none", stats.Records)
	}
}
