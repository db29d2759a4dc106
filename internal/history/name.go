package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// What is wrong with a name that people gave.
var (
	ErrNoReference = errors.New("not an index or an entry id")
	ErrNotRecorded = errors.New("nothing is recorded of it")
	ErrNotByThen   = errors.New("it was not recorded by then")
)

// AmbiguousError says that a path names several subjects.
type AmbiguousError struct{ Subjects []index.Subject }

func (e *AmbiguousError) Error() string { return fmt.Sprintf("recorded %d times", len(e.Subjects)) }

// Resolve reads a reference to an entry or a change: an index, an entry id,
// either with /<number of the change>. What is neither is [ErrNoReference].
func (r *Reader) Resolve(ctx context.Context, ref string) (i uint64, k int, err error) {
	name, k := cutChange(ref)
	if i, err := strconv.ParseUint(name, 10, 64); err == nil {
		return i, k, nil
	}
	id, err := entry.ParseHash(name)
	if err != nil {
		return 0, 0, ErrNoReference
	}
	if i, err = r.Find(ctx, id); err != nil {
		return 0, 0, fmt.Errorf("find entry: %w", err)
	}
	return i, k, nil
}

// cutChange takes the number of a change off a reference. An id is 44 characters
// and may have slashes of its own.
func cutChange(ref string) (name string, k int) {
	at := strings.LastIndexByte(ref, '/')
	if at < 0 || len(ref)-at > 4 || at != 44 && at >= 20 {
		return ref, 0
	}
	k, err := strconv.Atoi(ref[at+1:])
	if err != nil {
		return ref, 0
	}
	return ref[:at], k
}

// Version finds the change that a path or a reference names: of a path the newest
// that had come about by then; at the zero time, the newest of all.
func (r *Reader) Version(ctx context.Context, name, host string, until time.Time) (Version, error) {
	if i, k, err := r.Resolve(ctx, name); err == nil { // an id may begin with a slash, as a path does
		return Version{Index: i, K: k}, nil
	}
	vs, err := r.OfPath(ctx, name, host)
	if err != nil {
		return Version{}, err
	}
	v, err := r.newest(ctx, vs, until)
	if err != nil {
		return Version{}, err
	}
	if v == nil {
		return Version{}, ErrNotByThen
	}
	return *v, nil
}

// OfPath are all changes of the one subject that a path names, oldest first. The
// error is [ErrNotRecorded], or an *[AmbiguousError].
func (r *Reader) OfPath(ctx context.Context, name, host string) ([]Version, error) {
	subs, err := r.Subjects(ctx, host, name)
	switch {
	case err != nil:
		return nil, err
	case len(subs) == 0:
		return nil, ErrNotRecorded
	case len(subs) > 1:
		return nil, &AmbiguousError{subs}
	}
	return r.Versions(ctx, subs[0])
}

// newest is the newest version that had come about by then; nil if none had.
func (r *Reader) newest(ctx context.Context, vs []Version, until time.Time) (*Version, error) {
	for i := len(vs) - 1; i >= 0; i-- {
		if until.IsZero() {
			return &vs[i], nil
		}
		t, err := r.When(ctx, vs[i])
		if err != nil {
			return nil, err
		}
		if !t.After(until) {
			return &vs[i], nil
		}
	}
	return nil, nil
}

// Pair is two versions of a subject; nil: there was none.
type Pair struct {
	Name          string
	Before, After *Version
	Since         string // when the subject was seen first, if Before is that and a time before it was asked for
}

// Pairs are what diff compares: of an entry each change with the one before it; of
// a path its texts at two times, or its last two.
func (r *Reader) Pairs(ctx context.Context, name, host string, since, until time.Time) ([]Pair, error) {
	if !since.IsZero() {
		return r.pairOver(ctx, name, host, since, until)
	}
	i, k, err := r.Resolve(ctx, name)
	if err != nil {
		return r.pairOver(ctx, name, host, since, until)
	}
	v, err := r.Entry(ctx, i)
	if err != nil {
		return nil, err
	}
	only := -1
	if whole, _ := cutChange(name); whole != name {
		only = k
	}
	if only >= len(v.Changes) {
		return nil, fmt.Errorf("entry %d has no change %d", i, only)
	}
	var pairs []Pair
	for n, c := range v.Changes {
		if only >= 0 && n != only {
			continue
		}
		p, err := r.pair(ctx, i, n, c)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

func (r *Reader) pair(ctx context.Context, i uint64, n int, c Change) (Pair, error) {
	p := Pair{Name: c.Path, After: &Version{Index: i, K: n}}
	if c.Before != "" {
		bi, bk, err := r.Resolve(ctx, c.Before)
		if err != nil {
			return p, err
		}
		p.Before = &Version{Index: bi, K: bk}
	}
	return p, nil
}

// pairOver compares a subject at two times; without any, its last two texts.
func (r *Reader) pairOver(ctx context.Context, name, host string, since, until time.Time) ([]Pair, error) {
	after, err := r.Version(ctx, name, host, until)
	if err != nil {
		return nil, err
	}
	vs, err := r.OfPath(ctx, name, host)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(vs, func(v Version) bool { return v.Index == after.Index && v.K == after.K })
	upto := max(at, 0)
	if !since.IsZero() {
		upto = at + 1 // it may have stood so at both times
	}
	p := Pair{Name: name, After: &after}
	if p.Before, err = r.newest(ctx, vs[:upto], since); err != nil || p.Before != nil || since.IsZero() {
		return []Pair{p}, err
	}
	err = r.sinceSeen(ctx, &p, vs[0])
	return []Pair{p}, err
}

// sinceSeen has a pair begin with the first sight of its subject: that was no addition.
func (r *Reader) sinceSeen(ctx context.Context, p *Pair, first Version) error {
	c, err := r.change(ctx, first.Index, first.K)
	if err != nil || c.what.Action != body.Baseline {
		return err
	}
	when, err := r.When(ctx, first)
	p.Before, p.Since = &first, when.UTC().Format(time.RFC3339Nano)
	return err
}

// Texts are the texts of a pair; empty where there is none.
func (r *Reader) Texts(ctx context.Context, p Pair) (before, after string, err error) {
	if before, err = r.textOf(ctx, p.Before); err != nil {
		return "", "", err
	}
	after, err = r.textOf(ctx, p.After)
	return before, after, err
}

// SecretsChanged counts the secrets that differ between the texts of a pair, which
// show in neither.
func (r *Reader) SecretsChanged(ctx context.Context, p Pair) (int, error) {
	if p.Before == nil || p.After == nil {
		return 0, nil
	}
	before, err := r.change(ctx, p.Before.Index, p.Before.K)
	if err != nil {
		return 0, err
	}
	after, err := r.change(ctx, p.After.Index, p.After.K)
	return secretsChanged(before.what, after.what), err
}

// Unknown is why the text of a version is not known although its subject was there,
// by the marks of the change; empty where it is known, or the subject had gone.
func (r *Reader) Unknown(ctx context.Context, v *Version) (string, error) {
	if v == nil {
		return "", nil
	}
	c, err := r.change(ctx, v.Index, v.K)
	switch {
	case errors.Is(err, ErrNoText):
		return "nothing opens it", nil
	case err != nil:
		return "", err
	case c.what.After != "" || c.what.Action == body.Delete:
		return "", nil
	case len(c.what.Marks) == 0:
		return "by digest only", nil
	}
	return strings.Join(c.what.Marks, ", "), nil
}

func (r *Reader) textOf(ctx context.Context, v *Version) (string, error) {
	if v == nil {
		return "", nil
	}
	b, err := r.TextOf(ctx, *v)
	if errors.Is(err, ErrNoText) {
		return "", nil
	}
	return string(b), err
}

// Blamed follows the lines of the subject that a path names to the entries they
// came with, which it shows too.
func (r *Reader) Blamed(ctx context.Context, name, host string, until time.Time) ([]Line, map[uint64]*View, error) {
	last, err := r.Version(ctx, name, host, until)
	if err != nil {
		return nil, nil, err
	}
	vs, err := r.OfPath(ctx, name, host)
	if err != nil {
		return nil, nil, err
	}
	lines, err := r.Blame(ctx, vs, last)
	if err != nil {
		return nil, nil, err
	}
	views := make(map[uint64]*View)
	for _, l := range lines {
		if views[l.Index] != nil {
			continue
		}
		if views[l.Index], err = r.Entry(ctx, l.Index); err != nil {
			return nil, nil, err
		}
	}
	return lines, views, nil
}

// Examined shows an entry after all its texts were tried too.
func (r *Reader) Examined(ctx context.Context, i uint64) (*View, error) {
	v, err := r.Entry(ctx, i)
	if err != nil {
		return nil, err
	}
	for k, c := range v.Changes {
		if c.After == "" || v.Proof.State == Bad {
			continue
		}
		if _, err := r.Text(ctx, i, k); err != nil && !errors.Is(err, ErrNoText) && !errors.Is(err, ErrErased) {
			return nil, err
		}
	}
	return v, nil
}

// Recorded is what is recorded of a subject last.
type Recorded struct {
	Version Version
	View    *View
	Change  Change
	Gone    bool     // it was deleted, or renamed
	NoText  bool     // it is gone, or was kept by digest only
	Text    []byte   // as it was redacted
	Secrets []string // fingerprints of what was masked in it
}

// Recorded reads what is recorded of a path last.
func (r *Reader) Recorded(ctx context.Context, path, host string) (rec Recorded, err error) {
	if rec.Version, err = r.Version(ctx, path, host, time.Time{}); err != nil {
		return rec, err
	}
	v := rec.Version
	if rec.View, err = r.Entry(ctx, v.Index); err != nil {
		return rec, err
	}
	rec.Text, err = r.TextOf(ctx, v)
	rec.Gone = errors.Is(err, errGone)
	if errors.Is(err, ErrNoText) {
		rec.NoText, err = true, nil
	} else if err == nil {
		rec.Secrets, err = r.Secrets(ctx, v.Index, v.K)
	}
	if v.K < len(rec.View.Changes) {
		rec.Change = rec.View.Changes[v.K]
	}
	return rec, err
}
