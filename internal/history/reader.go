package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// Reader answers questions from a store and believes nothing but what is proved.
// Its methods may be called from any goroutine.
type Reader struct {
	store Store
	key   *entry.LogKey
	size  uint64 // of the checkpoint
	diag  *slog.Logger

	gathers bool // the pieces of an answer, for somebody else: what texts mean is not asked

	mu         sync.Mutex // of what follows, all of it read when first needed
	enrolments map[entry.Source]*enrolment
	grounds    map[entry.Source][]verify.Ground // that enrol or revoke it
	tried      map[*entry.Entry]error           // signatures of grounds
	around     around
	enrolled   map[entry.Source][]uint64 // by the log alone; nil while the index was not caught out
	odd        []Odd
}

func newReader(s Store, key *entry.LogKey, diag *slog.Logger) *Reader {
	return &Reader{
		store: s, key: key, size: s.Checkpoint().Size, diag: orDiscard(diag), enrolments: make(map[entry.Source]*enrolment),
		grounds: make(map[entry.Source][]verify.Ground), tried: make(map[*entry.Entry]error),
	}
}

// Open opens a store in a directory, under its current checkpoint. What was
// believed of the log before must hold; the error is then a *verify.Finding.
func Open(ctx context.Context, l layout.Store, n trust.File, diag *slog.Logger) (*Reader, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	log, err := believed.Open(l, n)
	if err != nil {
		return nil, err
	}
	if err := log.Continues(ctx); err != nil {
		return nil, err
	}
	parts, err := OpenParts(ctx, l, diag)
	if err != nil {
		return nil, err
	}
	return newReader(&local{parts, log.Tree}, log.Key, diag), nil
}

// Close lets go of the store.
func (r *Reader) Close() error { return r.store.Close() }

// Checkpoint is the one everything is checked under.
func (r *Reader) Checkpoint() verify.Checkpoint { return r.store.Checkpoint() }

// Key is the log's key.
func (r *Reader) Key() *entry.LogKey { return r.key }

// Entry reads and checks one entry. What is wrong with it is in its proof and
// its findings; an error means that it could not be looked at.
func (r *Reader) Entry(ctx context.Context, i uint64) (*View, error) {
	l, err := r.look(ctx, i, true)
	if err != nil {
		return nil, err
	}
	return l.view, nil
}

// looked is an entry that was looked at.
type looked struct {
	view   *View
	entry  *entry.Entry // nil: it is none
	by     *enrolment
	opened opened
}

// look reads one entry and tries its seals, and its signature if asked to.
func (r *Reader) look(ctx context.Context, i uint64, signature bool) (*looked, error) {
	e, err := r.entry(ctx, i)
	if f := (*verify.Finding)(nil); errors.As(err, &f) {
		return &looked{view: &View{Index: i, Findings: []Finding{{string(f.Code), f.Detail}}, Proof: Proof{State: Bad}}}, nil
	}
	if err != nil {
		return nil, err
	}
	o, err := r.openAll(ctx, i, e)
	if err != nil {
		return nil, fmt.Errorf("open entry %d: %w", i, err)
	}
	v := view(i, e, o.bodies)
	v.Proof.Size = r.size
	j, err := r.judge(ctx, i, e, signature)
	if err != nil {
		return nil, err
	}
	if j.wrong != nil {
		o.findings, o.bad = append(o.findings, Finding{string(j.wrong.Code), j.wrong.Detail}), o.bad || j.bad()
	}
	v.Findings = o.findings
	v.Proof.State = o.state(signature)
	r.place(ctx, e, j.by, v, o.bodies)
	return &looked{v, e, j.by, o}, nil
}

// entry reads an entry of the log. The error is a *verify.Finding where it is
// not what the checkpoint says, or no entry.
func (r *Reader) entry(ctx context.Context, i uint64) (*entry.Entry, error) {
	if i >= r.size {
		return nil, fmt.Errorf("there is no entry %d: the log ends before entry %d", i, r.size)
	}
	raw, err := r.store.Entry(ctx, i)
	if err != nil {
		return nil, fmt.Errorf("read entry %d: %w", i, err)
	}
	e, err := entry.Parse(raw)
	if err != nil {
		return nil, &verify.Finding{Code: verify.Malformed, Accused: verify.TheLog, Index: i, Detail: err.Error()}
	}
	return e, nil
}

// place adds what other entries say about this one: host, when it was received,
// reasons given afterwards, what changed in its secrets, what it is about. What
// cannot be read is left out: it is shown, and judged, where it stands.
func (r *Reader) place(ctx context.Context, e *entry.Entry, en *enrolment, v *View, b bodies) {
	v.Host = en.name()
	if told := en.role == entry.Receiver || en.role == entry.Importer; told && len(b.what) > 0 && b.what[0] != nil {
		v.Host = b.what[0].Host
	}
	if in := r.received(ctx, v.Index); in != (Interval{}) {
		v.Received = &in
	}
	for k, w := range b.what {
		if w != nil && len(w.Secrets) > 0 && w.Before != nil {
			if prev, err := r.what(ctx, e.ID(), w.Before, b); err == nil {
				v.Changes[k].SecretsChanged = secretsChanged(prev, w)
			}
		}
	}
	if v.Reason == nil {
		v.Reason = r.explained(ctx, e, v)
	}
	v.About = r.indexes(ctx, e.Open.About)
}

// indexes are where entries with those ids stand; nil unless all are found.
func (r *Reader) indexes(ctx context.Context, ids []entry.ID) (all []uint64) {
	for _, id := range ids {
		i, err := r.Find(ctx, id)
		if err != nil {
			return nil
		}
		all = append(all, i)
	}
	return all
}

// what reads the change that a reference names.
func (r *Reader) what(ctx context.Context, own entry.ID, ref *body.Ref, b bodies) (*body.What, error) {
	if ref.Entry == "" {
		if ref.What < 0 || ref.What >= len(b.what) {
			return nil, fmt.Errorf("entry %s has no change %d", own, ref.What)
		}
		return b.what[ref.What], nil
	}
	id, err := entry.ParseHash(ref.Entry)
	if err != nil {
		return nil, err
	}
	i, e, err := r.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if ref.What < 0 || ref.What >= len(e.What) {
		return nil, fmt.Errorf("entry %s has no change %d", id, ref.What)
	}
	o, err := r.open(ctx, i, e, entry.LineWhat(ref.What))
	if err != nil {
		return nil, err
	}
	return o.bodies.what[ref.What], nil
}

// Find returns the index of the entry with that id.
func (r *Reader) Find(ctx context.Context, id entry.ID) (uint64, error) {
	i, _, err := r.find(ctx, id)
	return i, err
}

func (r *Reader) find(ctx context.Context, id entry.ID) (uint64, *entry.Entry, error) {
	i, ok, err := r.byID(ctx, id)
	if err != nil {
		return 0, nil, err
	}
	if ok {
		e, err := r.entry(ctx, i)
		if err != nil {
			return 0, nil, err
		}
		if e.ID() == id {
			return i, e, nil
		}
	}
	return 0, nil, fmt.Errorf("no entry has the id %s", id)
}

// word is an entry that stands in the log by right. What its source is accused of
// is noted: see [Reader.Odd].
func (r *Reader) word(ctx context.Context, i uint64) (*entry.Entry, judged, error) {
	e, err := r.entry(ctx, i)
	if err != nil {
		return nil, judged{}, err
	}
	j, err := r.judge(ctx, i, e, true)
	switch {
	case err != nil:
		return nil, judged{}, err
	case j.bad():
		return nil, judged{}, j.wrong
	case j.wrong != nil:
		r.note(i, j.wrong)
	}
	return e, j, nil
}

// Odd is an entry that was read and of which its source is accused.
type Odd struct {
	Index uint64
	Finding
}

// Odd lists, each once, entries that were read for texts and reasons and of
// which their source is accused: it forked its numbers there, or was revoked.
// They stand in the log by right, and whoever reads them should know.
func (r *Reader) Odd() []Odd {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.odd)
}

func (r *Reader) note(i uint64, f *verify.Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := (Odd{i, Finding{string(f.Code), f.Detail}}); !slices.Contains(r.odd, o) {
		r.odd = append(r.odd, o)
	}
}
