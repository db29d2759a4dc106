package sqlite

import (
	"context"
	"fmt"
	"math"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// How much may wait outside the sorted tables. More makes folding cheaper for
// each entry, and makes questions scan more.
const (
	foldEntries = 16384
	foldChanges = 65536
)

// maxIndex keeps index*perEntry within 63 bits.
const maxIndex = 1 << 52

// Next is the index of the first entry that is not in the index yet.
func (x *Index) Next(ctx context.Context) (uint64, error) {
	var next uint64
	err := x.stmts.next.QueryRowContext(ctx).Scan(&next)
	return next, x.wrap(err, "find the end")
}

// Add takes records in, all or none of them. They must continue at Next
// ([index.ErrPosition]). After another error the records may be in or not: ask Next.
func (x *Index) Add(ctx context.Context, records []index.Record) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.add(ctx, records); err != nil {
		return x.wrap(err, "add %d entries", len(records))
	}
	return nil
}

func (x *Index) add(ctx context.Context, records []index.Record) error {
	if err := x.writable(); err != nil {
		return err
	}
	for i := range records {
		if err := acceptable(&records[i], x.w.next+uint64(i)); err != nil {
			return err
		}
	}
	if len(records) == 0 {
		return nil
	}
	var fresh *recent
	err := x.w.within(ctx, func(ins *inserts) (err error) {
		fresh, err = x.w.add(ins, records)
		return err
	})
	if err != nil {
		return x.recover(ctx, err)
	}
	x.recent.merge(fresh)
	if x.w.next-x.w.folded >= foldEntries || x.w.unsorted >= foldChanges {
		return x.fold(ctx)
	}
	return nil
}

func (x *Index) writable() error {
	if x.w == nil {
		return fmt.Errorf("index is open for reading only")
	}
	return nil
}

// recover brings memory back in line with the database after a transaction
// that failed.
func (x *Index) recover(ctx context.Context, err error) error {
	if again := x.load(context.WithoutCancel(ctx)); again != nil {
		return fmt.Errorf("%w (then, reading again: %w)", err, again)
	}
	return err
}

// acceptable refuses what the tables could not hold.
func acceptable(r *index.Record, at uint64) error {
	switch {
	case r.Index != at || at >= maxIndex:
		return fmt.Errorf("%w: entry %d where %d is next", index.ErrPosition, r.Index, at)
	case len(r.Changes) > entry.MaxWhats:
		return fmt.Errorf("entry %d has %d changes, more than %d", at, len(r.Changes), entry.MaxWhats)
	case r.Seq > entry.MaxNumber || r.Loc > math.MaxInt64:
		return fmt.Errorf("entry %d has a number beyond what an index holds", at)
	}
	for _, c := range r.Changes {
		if c.Text > math.MaxInt64 {
			return fmt.Errorf("entry %d has a text beyond what an index holds", at)
		}
	}
	return nil
}

// fold moves recent entries into the sorted tables. A crash in it leaves them.
func (x *Index) fold(ctx context.Context) error {
	w := x.w
	err := w.within(ctx, func(ins *inserts) error {
		for _, s := range fold {
			if err := ins.exec(s, int64(w.folded), int64(w.next)); err != nil {
				return err
			}
		}
		return ins.exec(`UPDATE state SET folded = ?`, int64(w.next))
	})
	if err != nil {
		return x.recover(ctx, fmt.Errorf("sort entries from %d: %w", w.folded, err))
	}
	w.folded, w.unsorted = w.next, 0
	x.recent.replace(newRecent())
	x.cfg.Log.Debug("index folded", "entries", w.folded)
	return nil
}

// add writes records and says what they put into recent.
func (w *writer) add(ins *inserts, records []index.Record) (*recent, error) {
	fresh, sums := newRecent(), newSums()
	for i := range records {
		r := &records[i]
		if err := w.addRecord(ins, r, fresh); err != nil {
			return nil, err
		}
		sums.take(r.Index, number(kinds, r.Kind), len(r.Changes), index.Nanos(r.Happened))
	}
	if err := sums.write(ins); err != nil {
		return nil, err
	}
	w.next += uint64(len(records))
	return fresh, nil
}

func (w *writer) addRecord(ins *inserts, r *index.Record, fresh *recent) error {
	if r.Enrols != nil {
		if err := w.enrol(ins, r.Index, r.Enrols); err != nil {
			return err
		}
	}
	src := w.source(ins, r.Source)
	w.addEntry(ins, r, src)
	fresh.seqs[seqKey{r.Source, r.Seq}] = append(fresh.seqs[seqKey{r.Source, r.Seq}], index.Ref{Index: r.Index, ID: r.ID})
	w.addAside(ins, r)
	w.addChanges(ins, r, src, fresh)
	return nil
}

func (w *writer) addEntry(ins *inserts, r *index.Record, src *source) {
	head, rest := splitID(r.ID)
	ins.entries.row(int64(r.Index), number(kinds, r.Kind), src.id, int64(r.Seq), head, rest,
		index.Nanos(r.Recorded), happenedColumn(r), w.actors(ins, r), int64(r.Loc))
}

// happenedColumn is null for a time that is the recorded one.
func happenedColumn(r *index.Record) any {
	if n := index.Nanos(r.Happened); n != index.Nanos(r.Recorded) {
		return n
	}
	return nil
}

func (w *writer) actors(ins *inserts, r *index.Record) any {
	if len(r.Actors) == 0 {
		return nil
	}
	return w.name(ins, dimActors, packNames(r.Actors))
}

// addAside writes what few entries have.
func (w *writer) addAside(ins *inserts, r *index.Record) {
	index := int64(r.Index)
	for i := range r.Refs {
		ins.refs.row(index, r.Refs[i][:])
	}
	if r.Code != "" {
		ins.findings.row(index, w.name(ins, dimCode, r.Code))
	}
	if im := r.Import; im != nil {
		ins.imports.row(index, w.name(ins, dimFile, im.File), upto(im.First, im.Rows))
	}
}

// upto is the number of the first row of a file that an import has not reached.
func upto(first, rows int) int64 {
	if rows > math.MaxInt64-first {
		return math.MaxInt64
	}
	return int64(first + rows)
}

func (w *writer) addChanges(ins *inserts, r *index.Record, src *source, fresh *recent) {
	for k := range r.Changes {
		c := &r.Changes[k]
		at := int64(r.Index)*perEntry + int64(k)
		host := src.host
		if src.role != entry.Watcher {
			host = w.name(ins, dimToldHost, c.Host)
		}
		agent := w.name(ins, dimAgent, c.Agent)
		is := w.subject(ins, subject{w.name(ins, dimPath, c.Path), host, agent})
		var other, text any
		if c.From != "" && c.From != c.Path {
			was := w.subject(ins, subject{w.name(ins, dimPath, c.From), host, agent})
			other = was
			fresh.text(was, at, c.Text)
		}
		if c.Text != 0 {
			text = int64(c.Text)
		}
		fresh.text(is, at, c.Text)
		ins.changes.row(at, is, other, number(actions, c.Action), text)
	}
	w.unsorted += uint64(len(r.Changes))
}

// sums are what a batch adds to the small tables of totals.
type sums struct {
	blocks map[uint64]span
	counts map[int64]count
}

// span is a range of times, both ends included.
type span struct{ first, last int64 }

type count struct{ entries, changes int64 }

func newSums() *sums { return &sums{map[uint64]span{}, map[int64]count{}} }

func (s *sums) take(index uint64, kind int64, changes int, happened int64) {
	c := s.counts[kind]
	s.counts[kind] = count{c.entries + 1, c.changes + int64(changes)}
	b, ok := s.blocks[index/blockSize]
	if !ok {
		b = span{happened, happened}
	}
	s.blocks[index/blockSize] = span{min(b.first, happened), max(b.last, happened)}
}

func (s *sums) write(ins *inserts) error {
	for kind, c := range s.counts {
		err := ins.exec(`INSERT INTO counts VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, changes = changes + excluded.changes`, kind, c.entries, c.changes)
		if err != nil {
			return err
		}
	}
	for block, b := range s.blocks {
		err := ins.exec(`INSERT INTO blocks VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)`, int64(block), b.first, b.last)
		if err != nil {
			return err
		}
	}
	return nil
}

// wrap says what was being tried, and whether the database is at fault.
func (x *Index) wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("index: %s: %w", fmt.Sprintf(format, args...), damaged(err))
}
