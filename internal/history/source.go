package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/verify"
)

// enrolment is what the log says about a source, read from the log itself.
type enrolment struct {
	key  *entry.PublicKey // nil: no entry enrols the source
	role entry.Role
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

// judge says what is wrong with an entry of that source; nil if nothing is.
func (en *enrolment) judge(i uint64, e *entry.Entry, signature bool) *verify.Finding {
	f := &verify.Finding{Accused: verify.TheLog, Index: i, Source: e.Source}
	if en.key == nil {
		f.Code, f.Detail = verify.UnknownKey, fmt.Sprintf("source %s is not enrolled", e.Source)
		return f
	}
	if !en.role.May(e.Kind) {
		f.Code, f.Detail = verify.WrongRole, fmt.Sprintf("a %s may not sign a %s", en.role, e.Kind)
		return f
	}
	if !signature {
		return nil
	}
	if err := e.Verify(en.key); err != nil {
		f.Code, f.Detail = verify.BadSignature, err.Error()
		return f
	}
	return nil
}

// enrolment finds what the log says about a source.
func (r *Reader) enrolment(ctx context.Context, src entry.Source) (*enrolment, error) {
	r.mu.Lock()
	en := r.enrolments[src]
	r.mu.Unlock()
	if en != nil {
		return en, nil
	}
	en, err := r.readEnrolment(ctx, src)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enrolments[src] = en
	return en, nil
}

// readEnrolment looks where the index says, and if that is no enrolment of the
// source, wherever it may be.
func (r *Reader) readEnrolment(ctx context.Context, src entry.Source) (*enrolment, error) {
	hint, ok, err := r.enrolledAt(ctx, src)
	if err != nil {
		return nil, err
	}
	if ok {
		if en, err := r.enrols(ctx, hint, src); en != nil || err != nil {
			return en, err
		}
	}
	at, ok, err := r.scanEnrolments(ctx, src)
	if err != nil || !ok {
		return &enrolment{}, err
	}
	return r.enrols(ctx, at, src)
}

// enrols reads an entry that may enrol a source; nil if it does not. A source is
// named by its key, so the key cannot be another's.
func (r *Reader) enrols(ctx context.Context, i uint64, src entry.Source) (*enrolment, error) {
	if i >= r.size {
		return nil, nil
	}
	e, err := r.entry(ctx, i)
	if errors.As(err, new(*verify.Finding)) {
		return nil, nil // what else enrols it is looked for
	}
	if err != nil {
		return nil, err
	}
	if e.Open.Key == nil || e.Open.Key.Source() != src {
		return nil, nil
	}
	o, err := r.open(ctx, i, e, entry.LineHow)
	if err != nil {
		return nil, fmt.Errorf("open entry %d: %w", i, err)
	}
	en := &enrolment{key: e.Open.Key, role: e.Open.Role}
	if o.bodies.how != nil {
		en.host = o.bodies.how.Host
	}
	return en, nil
}

// scanEnrolments finds the first enrolment of a source without the index. That
// takes as long as reading the log, once.
func (r *Reader) scanEnrolments(ctx context.Context, src entry.Source) (at uint64, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.enrolled == nil {
		r.diag.Warn("index does not know a source; log read in its stead", "source", src)
		enrolled := make(map[entry.Source]uint64)
		for leaf, err := range r.store.Entries(ctx) {
			if err != nil && !errors.As(err, new(*tlog.Mismatch)) {
				return 0, false, fmt.Errorf("read log: %w", err)
			}
			e, bad := entry.Parse(leaf.Bytes)
			if err != nil || bad != nil || e.Kind != entry.Enrol {
				continue
			}
			if _, again := enrolled[e.Open.Key.Source()]; !again {
				enrolled[e.Open.Key.Source()] = leaf.Index
			}
		}
		r.enrolled = enrolled
	}
	at, ok = r.enrolled[src]
	return at, ok, nil
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
		e, en, err := r.word(ctx, i)
		return e, i, err == nil && en.role == entry.Recorder
	}
	return nil, 0, false
}
