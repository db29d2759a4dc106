package history

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/verify"
)

// enrolment is what the log says about a source.
type enrolment struct {
	role entry.Role // empty: no entry enrols the source
	host *body.Host
}

// name is the name of the source's own host; empty if that is not known.
func (en *enrolment) name() string {
	if en.host == nil {
		return ""
	}
	return en.host.Name
}

// hostOf is the host of a change: a watcher's own, or what another source told.
func (en *enrolment) hostOf(w *body.What) string {
	if en.role == entry.Watcher {
		return en.name()
	}
	return w.Host
}

// judged is what verify says of an entry, given what enrols and revokes.
type judged struct {
	by    *enrolment
	wrong *verify.Finding // nil: it is its source's word
}

// bad reports whether the entry should not be in the log at all. One that its
// source is accused of is in the log by right.
func (j judged) bad() bool { return j.wrong != nil && j.wrong.Accused != verify.TheSource }

// judge asks verify about an entry. Without signature that of the entry itself is
// not tried, and whether its source forked not asked; what it stands on is tried
// always.
func (r *Reader) judge(ctx context.Context, i uint64, e *entry.Entry, signature bool) (j judged, err error) {
	grounds, err := r.groundsOf(ctx, e)
	if err != nil {
		return j, err
	}
	if j.by, err = r.enrolment(ctx, e.Source, grounds); err != nil {
		return j, err
	}
	before := slices.DeleteFunc(slices.Clone(grounds), func(g verify.Ground) bool { return g.Index >= i })
	sources := verify.Grounded(r.key, before, r.signed)
	j.wrong = sources.Judge(i, e, func(k *entry.PublicKey) error {
		if !signature {
			return nil
		}
		return e.Verify(k)
	})
	if j.wrong == nil && signature {
		j.wrong, err = r.forked(ctx, i, e)
	}
	return j, err
}

// signed is e.Verify, asked once: grounds are the same for many entries.
func (r *Reader) signed(e *entry.Entry, k *entry.PublicKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err, known := r.tried[e]; known {
		return err
	}
	err := e.Verify(k)
	r.tried[e] = err
	return err
}

// forked is the finding that another entry of the source has the number of this
// one and stands before it.
func (r *Reader) forked(ctx context.Context, i uint64, e *entry.Entry) (*verify.Finding, error) {
	twins, err := r.numbered(ctx, e.Source, e.Seq)
	if err != nil {
		return nil, err
	}
	var before verify.Links
	for _, at := range twins {
		if at.Index >= i {
			continue
		}
		twin, err := r.entry(ctx, at.Index)
		if errors.As(err, new(*verify.Finding)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if twin.Source == e.Source && twin.Seq == e.Seq {
			before = append(before, verify.Link{ID: twin.ID(), Index: at.Index})
		}
	}
	return verify.ForkOf(i, e, before), nil
}

// groundsOf are the entries that decide whose word an entry is: all that enrol or
// revoke its source, or the source it enrols, and likewise for whoever signed
// those, down to entry 0. The index says where they stand; what it says is
// proved, and what it leaves out is found by verify.
func (r *Reader) groundsOf(ctx context.Context, e *entry.Entry) ([]verify.Ground, error) {
	var grounds []verify.Ground
	asked := make(map[entry.Source]bool)
	wanted := []entry.Source{e.Source}
	if e.Open.Key != nil {
		wanted = append(wanted, e.Open.Key.Source())
	}
	for len(wanted) > 0 {
		src := wanted[0]
		wanted = wanted[1:]
		if asked[src] {
			continue
		}
		asked[src] = true
		about, err := r.about(ctx, src)
		if err != nil {
			return nil, fmt.Errorf("find the enrolment of source %s: %w", src, err)
		}
		for _, g := range about {
			grounds, wanted = append(grounds, g), append(wanted, g.Entry.Source)
		}
	}
	return grounds, nil
}

// about are the entries that enrol or revoke a source: where the index says, and
// if no enrolment is among them, wherever one may be.
func (r *Reader) about(ctx context.Context, src entry.Source) ([]verify.Ground, error) {
	r.mu.Lock()
	known, ok := r.grounds[src]
	r.mu.Unlock()
	if ok {
		return known, nil
	}
	places, err := r.speaksOf(ctx, src)
	if err != nil {
		return nil, err
	}
	about, enrolled, err := r.read(ctx, src, places)
	if err != nil {
		return nil, err
	}
	if !enrolled {
		all, err := r.scanEnrolments(ctx, src)
		if err != nil {
			return nil, err
		}
		more, _, err := r.read(ctx, src, all)
		if err != nil {
			return nil, err
		}
		about = append(about, more...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grounds[src] = about
	return about, nil
}

// read reads those of the places where a source is enrolled or revoked.
func (r *Reader) read(ctx context.Context, src entry.Source, places []uint64) (about []verify.Ground, enrolled bool, err error) {
	for _, i := range places {
		if i >= r.size {
			continue
		}
		e, err := r.entry(ctx, i)
		if errors.As(err, new(*verify.Finding)) {
			continue // what else says so is looked for
		}
		if err != nil {
			return nil, false, err
		}
		enrols := e.Open.Key != nil && e.Open.Key.Source() == src
		if revokes := e.Open.Source != nil && *e.Open.Source == src; enrols || revokes {
			about, enrolled = append(about, verify.Ground{Index: i, Entry: e}), enrolled || enrols
		}
	}
	return about, enrolled, nil
}

// enrolment is what the log says about a source, given its grounds: whatever came
// later, a source has one enrolment.
func (r *Reader) enrolment(ctx context.Context, src entry.Source, grounds []verify.Ground) (*enrolment, error) {
	r.mu.Lock()
	en := r.enrolments[src]
	r.mu.Unlock()
	if en != nil {
		return en, nil
	}
	en = &enrolment{}
	if found := verify.Grounded(r.key, grounds, r.signed).Lookup(src); found != nil {
		en.role = found.Role
		at := slices.IndexFunc(grounds, func(g verify.Ground) bool { return g.Index == found.Index })
		o, err := r.open(ctx, found.Index, grounds[at].Entry, entry.LineHow)
		if err != nil {
			return nil, fmt.Errorf("open entry %d: %w", found.Index, err)
		}
		if o.bodies.how != nil {
			en.host = o.bodies.how.Host
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enrolments[src] = en
	return en, nil
}

// scanEnrolments finds the enrolments of a source without the index. That takes
// as long as reading the log, once.
func (r *Reader) scanEnrolments(ctx context.Context, src entry.Source) ([]uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.enrolled == nil {
		r.diag.Warn("index does not know a source; log read in its stead", "source", src)
		enrolled := make(map[entry.Source][]uint64)
		for leaf, err := range r.store.Entries(ctx) {
			if err != nil && !errors.As(err, new(*tlog.Mismatch)) {
				return nil, fmt.Errorf("read log: %w", err)
			}
			e, bad := entry.Parse(leaf.Bytes)
			if err != nil || bad != nil || e.Kind != entry.Enrol {
				continue
			}
			src := e.Open.Key.Source()
			enrolled[src] = append(enrolled[src], leaf.Index)
		}
		r.enrolled = enrolled
	}
	return r.enrolled[src], nil
}

// around is what received found last: every entry between the same two of the
// recorder was received in the same interval.
type around struct {
	after, before uint64 // indexes; the entries between them share the interval
	in            Interval
}

// recorders are the kinds that only a recorder may sign.
var recorders = []entry.Kind{entry.Enrol, entry.RollCall, entry.Access}

// received is when the log got an entry: between the recorder's entries around
// it. Where the index hides some of those the interval is wider, never wrong.
func (r *Reader) received(ctx context.Context, i uint64) Interval {
	r.mu.Lock()
	a := r.around
	r.mu.Unlock()
	if a.after < i && i < a.before {
		return a.in
	}
	a = around{before: r.size}
	if i > 0 {
		before := index.Filter{Kinds: recorders, To: i, NewestFirst: true, Limit: 1}
		if e, at, ok := r.recorded(ctx, before); ok && at < i {
			a.after, a.in.After = at, e.Time
		}
	}
	if e, at, ok := r.recorded(ctx, index.Filter{Kinds: recorders, From: i + 1, Limit: 1}); ok && at > i {
		a.before, a.in.Before = at, e.Time
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.around = a
	return a.in
}

// recorded is the first entry of a recorder that the index finds.
func (r *Reader) recorded(ctx context.Context, f index.Filter) (e *entry.Entry, at uint64, ok bool) {
	for i, err := range r.Entries(ctx, f) {
		if err != nil || i >= r.size {
			return nil, 0, false
		}
		e, j, err := r.word(ctx, i)
		return e, i, err == nil && j.by.role == entry.Recorder && j.wrong == nil
	}
	return nil, 0, false
}
