package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/index/sqlite"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Parts are vault and index of a store in a directory of this machine, opened
// for reading: beside a writer or without one. They may be shared.
type Parts struct {
	vault *vault.Reader
	index *sqlite.Index
	diag  *slog.Logger

	mu   sync.Mutex
	locs map[entry.ID]vault.Loc // by the vault alone; nil while the index was not caught out
}

// OpenParts opens vault and index of a store.
func OpenParts(ctx context.Context, l layout.Store, diag *slog.Logger) (_ *Parts, err error) {
	p := &Parts{diag: orDiscard(diag)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if err := l.Check(); err != nil {
		return nil, err
	}
	if p.vault, err = vault.OpenReader(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring(), Log: p.diag}); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if p.index, err = sqlite.Open(ctx, sqlite.Config{Path: l.Index(), ReadOnly: true, Log: p.diag}); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	return p, nil
}

func orDiscard(diag *slog.Logger) *slog.Logger {
	if diag == nil {
		return slog.New(slog.DiscardHandler)
	}
	return diag
}

// Close lets go of the store.
func (p *Parts) Close() error {
	var errs []error
	if p.index != nil {
		errs = append(errs, p.index.Close())
	}
	if p.vault != nil {
		errs = append(errs, p.vault.Close())
	}
	return errors.Join(errs...)
}

// local is a store on this machine under one checkpoint.
type local struct {
	*Parts
	tree *tlog.Tree
}

func (s *local) Checkpoint() verify.Checkpoint { return s.tree.Checkpoint() }

func (s *local) Entry(ctx context.Context, i uint64) ([]byte, error) { return s.tree.Entry(ctx, i) }

func (s *local) Entries(ctx context.Context) iter.Seq2[tlog.Entry, error] {
	return s.tree.Entries(ctx, 0, s.tree.Checkpoint().Size)
}

// Open implements [Store].
func (p *Parts) Open(ctx context.Context, i uint64, id entry.ID, lines []entry.Line) ([]wire.Disclosure, error) {
	rec, err := p.record(ctx, i, id)
	if err != nil {
		return nil, err
	}
	out := make([]wire.Disclosure, len(lines))
	for k, line := range lines {
		out[k] = disclosureOf(rec, i, line)
	}
	return out, nil
}

func disclosureOf(rec *vault.Record, i uint64, line entry.Line) wire.Disclosure {
	o := wire.Disclosure{Index: i, Line: line, State: wire.Missing}
	if rec == nil {
		return o
	}
	d, err := rec.Disclosure(line)
	switch {
	case errors.Is(err, vault.ErrErased):
		o.State = wire.Erased
	case err != nil:
		o.Why = err.Error()
	default:
		o.State, o.Salt, o.Body = wire.Opens, d.Salt, d.Body
	}
	return o
}

// record finds the disclosures of an entry, where the index says or wherever they
// are; nil if the vault has none.
func (p *Parts) record(ctx context.Context, i uint64, id entry.ID) (*vault.Record, error) {
	hit, ok, err := p.index.At(ctx, i)
	if err != nil {
		return nil, err
	}
	if ok && hit.Loc != 0 {
		if rec, err := p.at(vault.Loc(hit.Loc), id); rec != nil || err != nil {
			return rec, err
		}
	}
	loc, ok, err := p.scanVault(id)
	if err != nil || !ok {
		return nil, err
	}
	return p.at(loc, id)
}

// at reads the disclosures at a place; nil if they are damaged, which is reported
// line by line as missing, or those of another entry.
func (p *Parts) at(loc vault.Loc, id entry.ID) (*vault.Record, error) {
	rec, err := p.vault.At(loc)
	switch {
	case errors.As(err, new(*vault.Damage)):
		return nil, nil
	case err != nil:
		return nil, err
	case rec.ID != id:
		return nil, nil
	}
	return rec, nil
}

// scanVault finds the disclosures of an entry without the index. That takes as
// long as reading the vault, once.
func (p *Parts) scanVault(id entry.ID) (loc vault.Loc, ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.locs == nil {
		p.diag.Warn("index does not know where openings are; vault read in its stead", "entry", id)
		locs := make(map[entry.ID]vault.Loc)
		err := p.vault.Places(func(id entry.ID, loc vault.Loc) { locs[id] = loc })
		if err != nil && !errors.As(err, new(*vault.Damage)) {
			return 0, false, fmt.Errorf("read vault: %w", err)
		}
		p.locs = locs
	}
	loc, ok = p.locs[id]
	return loc, ok, nil
}

// Ask implements [Store].
func (p *Parts) Ask(ctx context.Context, q wire.Lookup) (f wire.Found, err error) {
	switch {
	case q.Entries != nil:
		return p.find(ctx, fromWire(q.Entries))
	case q.ID != nil:
		i, ok, err := p.index.ByID(ctx, entry.ID(*q.ID))
		if ok {
			f.Places = []wire.Place{{Index: i}}
		}
		return f, err
	case q.Naming != nil:
		refs, err := p.index.Naming(ctx, entry.ID(*q.Naming))
		for _, r := range refs {
			f.Places = append(f.Places, wire.Place{Index: r.Index})
		}
		return f, err
	case q.Source != "":
		return p.source(ctx, q.Source)
	case q.Numbered != nil:
		return p.numbered(ctx, q.Numbered)
	case q.Subjects != nil:
		subs, err := p.index.Subjects(ctx, string(q.Subjects.Host), string(q.Subjects.Path), maxSubjects)
		for _, s := range subs {
			f.Subjects = append(f.Subjects, wire.Subject{Host: []byte(s.Host), Told: s.Told, Path: []byte(s.Path)})
		}
		return f, err
	case q.History != nil:
		return p.history(ctx, q.History)
	case q.Happened != nil:
		hit, ok, err := p.index.At(ctx, *q.Happened)
		if ok {
			f.Time = &hit.Happened
		}
		return f, err
	case q.Counts:
		return p.counts(ctx)
	}
	return f, errors.New("the index is asked nothing")
}

func (p *Parts) find(ctx context.Context, f index.Filter) (out wire.Found, err error) {
	if f.Limit <= 0 || f.Limit > pageSize {
		f.Limit = pageSize
	}
	for hit, err := range p.index.Entries(ctx, f) {
		if err != nil {
			return out, err
		}
		out.Places = append(out.Places, wire.Place{Index: hit.Index})
	}
	out.More = len(out.Places) == f.Limit
	return out, nil
}

func (p *Parts) source(ctx context.Context, name string) (f wire.Found, err error) {
	src, err := entry.ParseSource(name)
	if err != nil {
		return f, err
	}
	s, ok, err := p.index.Source(ctx, src)
	if err != nil {
		return f, err
	}
	if ok && s.Role != "" {
		f.Places = []wire.Place{{Index: s.Enrolled}}
	}
	revokes, err := p.index.Naming(ctx, index.Revoked(src))
	for _, r := range revokes {
		f.Places = append(f.Places, wire.Place{Index: r.Index})
	}
	return f, err
}

// numbered finds what has a number of a source.
func (p *Parts) numbered(ctx context.Context, n *wire.Number) (f wire.Found, err error) {
	src, err := entry.ParseSource(n.Source)
	if err != nil {
		return f, err
	}
	refs, err := p.index.BySeq(ctx, src, n.Seq)
	for _, r := range refs[:min(len(refs), pageSize)] {
		f.Places = append(f.Places, wire.Place{Index: r.Index})
	}
	return f, err
}

// historyPage is how many changes of a subject are listed at once; a page ends with
// an entry.
const historyPage = 1 << 17

func (p *Parts) history(ctx context.Context, s *wire.Subject) (f wire.Found, err error) {
	for m, err := range p.index.History(ctx, index.Subject{Host: string(s.Host), Told: s.Told, Path: string(s.Path)}, false) {
		switch n := len(f.Places); {
		case err != nil:
			return f, err
		case m.Index < s.From:
			continue
		case n >= historyPage && m.Index != f.Places[n-1].Index:
			f.More = true
			return f, nil
		}
		f.Places = append(f.Places, wire.Place{Index: m.Index, K: m.K})
	}
	return f, nil
}

func (p *Parts) counts(ctx context.Context) (f wire.Found, err error) {
	st, err := p.index.Status(ctx)
	if err != nil {
		return f, err
	}
	f.Counts = &wire.Counts{Entries: st.Entries, Changes: st.Changes, Kinds: make(map[string]uint64)}
	for k, n := range st.Kinds {
		f.Counts.Kinds[string(k)] = n
	}
	for _, s := range st.Sources {
		c := wire.SourceCount{Source: s.Source.String(), Role: string(s.Role), Host: []byte(s.Host)}
		if s.Head != nil {
			c.Next, c.Latest = s.Head.Seq+1, s.Head.Recorded
		}
		f.Counts.Sources = append(f.Counts.Sources, c)
	}
	return f, nil
}
