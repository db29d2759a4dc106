package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/stele-log/stele/internal/layout"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/index/sqlite"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// openIndex opens the index for writing. One that is damaged or of another
// version is removed: it is derived, and catching up builds it again.
func openIndex(ctx context.Context, l layout.Store, diag *slog.Logger) (*sqlite.Index, error) {
	cfg := sqlite.Config{Path: l.Index(), Log: diag}
	x, err := sqlite.Open(ctx, cfg)
	if errors.Is(err, index.ErrVersion) || errors.Is(err, index.ErrDamaged) {
		if err := removeIndex(l, diag, err); err != nil {
			return nil, err
		}
		x, err = sqlite.Open(ctx, cfg)
	}
	return x, err
}

// removeIndex removes an index that is of no use, for that reason. A crash leaves
// it, or none.
func removeIndex(l layout.Store, diag *slog.Logger, why error) error {
	diag.Warn("index removed, to be built anew", "error", why)
	return sqlite.Remove(l.Index())
}

// state is what intake and recorder need to know of a log they go on with.
type state struct {
	sources *verify.Sources
	next    uint64
	heads   map[entry.Source]uint64
	head    record.Head // of the recorder
	called  uint64      // size of the log after the recorder's last entry
}

// recorder reports whether a source is enrolled as one.
func (st state) recorder(src entry.Source) bool {
	en := st.sources.Lookup(src)
	return en != nil && en.Role == entry.Recorder
}

// level is catchUp, in an index of its own where the one there is shows damage that
// nobody saw when it was opened: what is derived keeps no store from opening.
func (s *Store) level(ctx context.Context) (state, error) {
	st, err := s.catchUp(ctx)
	if !errors.Is(err, index.ErrDamaged) {
		return st, err
	}
	if err := errors.Join(s.index.Close(), removeIndex(s.cfg.Layout, s.cfg.Diag, err)); err != nil {
		return st, err
	}
	if s.index, err = openIndex(ctx, s.cfg.Layout, s.cfg.Diag); err != nil {
		return st, err
	}
	return s.catchUp(ctx)
}

// catchUp brings the index level with the log and gathers what is enrolled.
func (s *Store) catchUp(ctx context.Context) (state, error) {
	st := state{sources: verify.NewSources(s.keys.log.public)}
	cp, err := s.settled(ctx)
	if err != nil {
		return st, err
	}
	st.next = cp.Size
	tree := tlog.NewTree(s.dir, cp)
	if err := s.reindex(ctx, tree, cp.Size); err != nil {
		return st, err
	}
	if err := s.enrolled(ctx, tree, st.sources); err != nil {
		return st, err
	}
	status, err := s.index.Status(ctx)
	if err != nil {
		return st, fmt.Errorf("heads of the sources: %w", err)
	}
	st.heads = make(map[entry.Source]uint64)
	st.head = record.Head{Prev: originID(s.keys.log.public)}
	for _, src := range status.Sources {
		if src.Head == nil {
			continue
		}
		st.heads[src.Source] = src.Head.Seq + 1
		if src.Source == s.keys.recorder.Source() {
			st.head, st.called = record.Head{Next: src.Head.Seq + 1, Prev: src.Head.ID}, src.Head.Index+1
		}
	}
	return st, nil
}

// settled waits until a checkpoint covers whatever the log has integrated.
func (s *Store) settled(ctx context.Context) (verify.Checkpoint, error) {
	size := s.log.Size()
	if size == 0 {
		return verify.Checkpoint{Root: entry.EmptyRoot}, nil
	}
	if _, err := s.log.WaitPublished(ctx, size); err != nil {
		return verify.Checkpoint{}, fmt.Errorf("wait for a checkpoint of %d entries: %w", size, err)
	}
	cp, err := s.checkpoint()
	if err == nil && cp.Size != size {
		err = fmt.Errorf("the log has %d entries and its checkpoint says %d", size, cp.Size)
	}
	return cp, err
}

// reindex takes in what the index has not seen yet. P3: it needs nothing but log
// and vault, so an index that is lost or not believed is built anew.
func (s *Store) reindex(ctx context.Context, tree *tlog.Tree, size uint64) error {
	from, err := s.index.Next(ctx)
	if err != nil {
		return fmt.Errorf("position of the index: %w", err)
	}
	if from > size {
		return &verify.Finding{
			Code: verify.Shrunk, Accused: verify.TheLog, Index: size,
			Detail: fmt.Sprintf("the index has seen %d entries and the log has %d", from, size),
		}
	}
	if from == size {
		return s.dropTorn(ctx, size)
	}
	locs := make(map[entry.ID]vault.Loc)
	if err := s.vault.Places(func(id entry.ID, loc vault.Loc) { locs[id] = loc }); err != nil {
		return fmt.Errorf("read vault: %w", err)
	}
	if err := s.follow(ctx, tree, from, size, locs); err != nil {
		return err
	}
	return s.dropTorn(ctx, size)
}

// dropTorn removes what a crash has left in the vault. What the log needs is no
// leftover but damage, however much it looks like one: all of it stays, for
// verify to name and for a restored byte to mend.
func (s *Store) dropTorn(ctx context.Context, size uint64) error {
	var last vault.Loc
	if size > 0 {
		hit, _, err := s.index.At(ctx, size-1)
		if err != nil {
			return fmt.Errorf("disclosures of entry %d: %w", size-1, err)
		}
		last = vault.Loc(hit.Loc)
	}
	needed, err := s.vault.NeedsTorn(last)
	if err != nil {
		return fmt.Errorf("read vault: %w", err)
	}
	if needed {
		s.cfg.Diag.Error("the vault is damaged where it was written last; `stele verify` says what is lost")
		return nil
	}
	return s.vault.DropTorn()
}

func (s *Store) follow(ctx context.Context, tree *tlog.Tree, from, size uint64, locs map[entry.ID]vault.Loc) error {
	var batch []index.Record
	flush := func() error {
		err := s.index.Add(ctx, batch)
		batch = batch[:0]
		return err
	}
	for leaf, err := range tree.Entries(ctx, from, size) {
		if err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		rec, err := s.indexRecord(leaf.Index, leaf.Bytes, locs)
		if err != nil {
			return err
		}
		if batch = append(batch, rec); len(batch) == 1024 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (s *Store) indexRecord(i uint64, raw []byte, locs map[entry.ID]vault.Loc) (index.Record, error) {
	e, err := entry.Parse(raw)
	if err != nil {
		return index.From(i, nil, index.Opened{}), nil
	}
	loc, ok := locs[e.ID()]
	if !ok {
		// Nothing was accepted without its disclosures: the vault has lost some.
		return index.Record{}, &verify.Finding{
			Code: verify.MissingDisclosure, Accused: verify.TheVault, Index: i, Source: e.Source,
			Detail: fmt.Sprintf("the vault has nothing of entry %d", i),
		}
	}
	rec, err := s.vault.At(loc)
	if err != nil {
		return index.Record{}, fmt.Errorf("disclosures of entry %d: %w", i, err)
	}
	return index.From(i, e, ReadRecord(e, loc, rec)), nil
}

// ReadRecord opens the bodies of an entry as the index takes them in: what is
// erased, does not open its seal, or is malformed is left out.
func ReadRecord(e *entry.Entry, loc vault.Loc, rec *vault.Record) index.Opened {
	var ds []seal.Disclosure
	for _, line := range e.Lines() {
		if d, err := rec.Disclosure(line); err == nil {
			ds = append(ds, d)
		}
	}
	return Opened(e, loc, rec, ds)
}

// Opened is ReadRecord for disclosures that were read before.
func Opened(e *entry.Entry, loc vault.Loc, rec *vault.Record, ds []seal.Disclosure) index.Opened {
	o := index.Opened{What: make([]*body.What, len(e.What)), Loc: uint64(loc), Texts: make([]uint64, len(e.What))}
	for _, d := range ds {
		line := d.Line
		if sealed, ok := e.Seal(line); !ok || !d.Opens(sealed) {
			continue
		}
		switch line.Name() {
		case "who":
			if w := new(body.Who); body.Unmarshal(d.Body, w) == nil {
				o.Who = w
			}
		case "why":
			if w := new(body.Why); body.Unmarshal(d.Body, w) == nil {
				o.Why = w
			}
		case "how":
			if h := new(body.How); body.Unmarshal(d.Body, h) == nil {
				o.How = h
			}
		case "what":
			if w := new(body.What); body.Unmarshal(d.Body, w) == nil {
				o.What[line.K()] = w
			}
		}
	}
	for k := range e.What {
		if id, err := rec.TextID(k); err == nil {
			o.Texts[k] = uint64(id)
		}
	}
	return o
}

// enrolled reads every enrolment and revocation from the log itself.
func (s *Store) enrolled(ctx context.Context, tree *tlog.Tree, sources *verify.Sources) error {
	f := index.Filter{Kinds: []entry.Kind{entry.Enrol, entry.Revoke}}
	for hit, err := range s.index.Entries(ctx, f) {
		if err != nil {
			return fmt.Errorf("find enrolments: %w", err)
		}
		raw, err := tree.Entry(ctx, hit.Index)
		if err != nil {
			return fmt.Errorf("read entry %d: %w", hit.Index, err)
		}
		e, err := entry.Parse(raw)
		if err != nil {
			return fmt.Errorf("entry %d: %w", hit.Index, err)
		}
		if err := sources.Admit(hit.Index, e, e.Verify); err != nil {
			return err
		}
	}
	return nil
}
