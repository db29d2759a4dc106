package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Store is where a [Reader] looks: a directory on this machine, or a server
// elsewhere. Entries it proves itself; disclosures and what the index says are for
// the Reader to try, and nothing depends on their being true. An error that is a
// *verify.Finding says that evidence is bad; every other one that it could not be
// looked at. The methods may be called from any goroutine.
type Store interface {
	// Checkpoint is what everything is proved under.
	Checkpoint() verify.Checkpoint
	// Entry is the entry at an index below the checkpoint's size.
	Entry(ctx context.Context, i uint64) ([]byte, error)
	// Entries are all entries, as [tlog.Tree.Entries] yields them.
	Entries(ctx context.Context) iter.Seq2[tlog.Entry, error]
	// Open returns how each of those lines of the entry opens, in their order.
	Open(ctx context.Context, i uint64, id entry.ID, lines []entry.Line) ([]wire.Disclosure, error)
	// Ask asks the index.
	Ask(ctx context.Context, q wire.Lookup) (wire.Found, error)
	// Close lets go of it.
	Close() error
}

// pageSize is how many entries the index is asked for at once.
const pageSize = 512

// Entries yields the indexes of the entries that meet a filter, a page at a time.
func (r *Reader) Entries(ctx context.Context, f index.Filter) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for left := f.Limit; ; {
			f.Limit = pageSize
			if left > 0 {
				f.Limit = min(left, pageSize)
			}
			found, err := r.store.Ask(ctx, wire.Lookup{Entries: toWire(f)})
			if err != nil {
				yield(0, err)
				return
			}
			for _, p := range found.Places {
				if !yield(p.Index, nil) {
					return
				}
			}
			if left -= len(found.Places); left == 0 || !found.More || !behind(&f, found.Places) {
				return
			}
		}
	}
}

// Count is how many entries the index names for a filter, counted up to a bound. What
// they say is not looked at.
func (r *Reader) Count(ctx context.Context, f Filter, most int) (n int, err error) {
	for _, err := range r.Entries(ctx, f.index()) {
		if err != nil {
			return n, err
		}
		if n++; n == most {
			break
		}
	}
	return n, nil
}

// Remote reports whether a server shows the pieces of every answer.
func (r *Reader) Remote() bool {
	_, ok := r.store.(*remote)
	return ok
}

// behind moves a filter on behind the last place of a page; false where there is
// nothing more.
func behind(f *index.Filter, page []wire.Place) bool {
	if len(page) == 0 {
		return false
	}
	last := page[len(page)-1].Index
	if f.NewestFirst {
		f.To = last
		return last > f.From
	}
	f.From = last + 1
	return f.To == 0 || f.From < f.To
}

// byID is the first entry of that id.
func (r *Reader) byID(ctx context.Context, id entry.ID) (i uint64, ok bool, err error) {
	found, err := r.store.Ask(ctx, wire.Lookup{ID: new(sumdb.Hash(id))})
	if err != nil || len(found.Places) == 0 {
		return 0, false, err
	}
	return found.Places[0].Index, true, nil
}

// named are the entries that are said to name that one, in log order.
func (r *Reader) named(ctx context.Context, id entry.ID) ([]wire.Place, error) {
	found, err := r.store.Ask(ctx, wire.Lookup{Naming: new(sumdb.Hash(id))})
	return found.Places, err
}

// speaksOf are the entries that are said to enrol or revoke a source.
func (r *Reader) speaksOf(ctx context.Context, src entry.Source) ([]uint64, error) {
	found, err := r.store.Ask(ctx, wire.Lookup{Source: src.String()})
	if err != nil {
		return nil, err
	}
	at := make([]uint64, len(found.Places))
	for k, p := range found.Places {
		at[k] = p.Index
	}
	return at, nil
}

// numbered are the entries that are said to have that number of a source.
func (r *Reader) numbered(ctx context.Context, src entry.Source, seq uint64) ([]wire.Place, error) {
	found, err := r.store.Ask(ctx, wire.Lookup{Numbered: &wire.Number{Source: src.String(), Seq: seq}})
	return found.Places, err
}

// When is when a version came about, as claimed.
func (r *Reader) When(ctx context.Context, v Version) (time.Time, error) {
	found, err := r.store.Ask(ctx, wire.Lookup{Happened: &v.Index})
	if err == nil && found.Time == nil {
		err = fmt.Errorf("the index does not know entry %d", v.Index)
	}
	if err != nil {
		return time.Time{}, err
	}
	return *found.Time, nil
}

// maxSubjects bounds how many subjects one name may stand for.
const maxSubjects = 1000

// Subjects are the subjects with that path, on that host if one is named.
func (r *Reader) Subjects(ctx context.Context, host, path string) ([]index.Subject, error) {
	found, err := r.store.Ask(ctx, wire.Lookup{Subjects: &wire.Subject{Host: []byte(host), Path: []byte(path)}})
	if err != nil {
		return nil, err
	}
	subs := make([]index.Subject, len(found.Subjects))
	for i, s := range found.Subjects {
		subs[i] = index.Subject{Host: string(s.Host), Told: s.Told, Path: string(s.Path)}
	}
	return subs, nil
}

// Versions are the changes of a subject, oldest first.
func (r *Reader) Versions(ctx context.Context, s index.Subject) ([]Version, error) {
	var vs []Version
	for from := uint64(0); ; {
		found, err := r.store.Ask(ctx, wire.Lookup{History: &wire.Subject{Host: []byte(s.Host), Told: s.Told, Path: []byte(s.Path), From: from}})
		if err != nil {
			return nil, fmt.Errorf("ask the index: %w", err)
		}
		for _, p := range found.Places {
			if p.Index < r.size {
				vs = append(vs, Version{p.Index, p.K, s})
			}
		}
		n := len(found.Places)
		if !found.More || n == 0 || found.Places[n-1].Index < from {
			return vs, nil
		}
		from = found.Places[n-1].Index + 1
	}
}

// Counts sum up the log, as the index sees it.
func (r *Reader) Counts(ctx context.Context) (*wire.Counts, error) {
	found, err := r.store.Ask(ctx, wire.Lookup{Counts: true})
	if err == nil && found.Counts == nil {
		err = errors.New("the index counts nothing")
	}
	return found.Counts, err
}

func toWire(f index.Filter) *wire.Filter {
	out := &wire.Filter{
		Since: f.Since, Until: f.Until, Host: []byte(f.Host), Agent: []byte(f.Agent), Actor: []byte(f.Actor), Path: []byte(f.Path),
		From: f.From, To: f.To, Newest: f.NewestFirst, Limit: f.Limit,
	}
	for _, k := range f.Kinds {
		out.Kinds = append(out.Kinds, string(k))
	}
	return out
}

func fromWire(f *wire.Filter) index.Filter {
	out := index.Filter{
		Since: f.Since, Until: f.Until, Host: string(f.Host), Agent: string(f.Agent), Actor: string(f.Actor), Path: string(f.Path),
		From: f.From, To: f.To, NewestFirst: f.Newest, Limit: f.Limit,
	}
	for _, k := range f.Kinds {
		out.Kinds = append(out.Kinds, entry.Kind(k))
	}
	return out
}
