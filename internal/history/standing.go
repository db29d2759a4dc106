package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/index"
)

// Standing is how a subject stood at a time.
type Standing struct {
	Host, Path string
	Version    Version
	Change     Change // that brought it about
	Time       string // of that
}

// Standing yields, by path, the subjects of a host and path (see [Filter]) that there
// were at a time; at the zero time, those that there are. More says that there are
// others, which were not looked at.
func (r *Reader) Standing(ctx context.Context, host, path string, at time.Time) (all []Standing, more bool, err error) {
	subs, err := r.Subjects(ctx, host, path)
	if err != nil {
		return nil, false, err
	}
	for _, s := range subs {
		st, err := r.stood(ctx, s, at)
		if err != nil {
			return nil, false, err
		}
		if st != nil {
			all = append(all, *st)
		}
	}
	return all, len(subs) >= maxSubjects, nil
}

// stood is how a subject stood at a time; nil: it was not there.
func (r *Reader) stood(ctx context.Context, s index.Subject, at time.Time) (*Standing, error) {
	vs, err := r.Versions(ctx, s)
	if err != nil {
		return nil, err
	}
	v, err := r.newest(ctx, vs, at)
	if err != nil || v == nil {
		return nil, err
	}
	c, err := r.change(ctx, v.Index, v.K)
	switch {
	case errors.Is(err, ErrNoText):
		return nil, nil // erased whole: what it was is not known
	case err != nil:
		return nil, err
	case c.what.Action == body.Delete, body.Text(c.what.Path, c.what.Path64) != s.Path:
		return nil, nil // deleted, or renamed
	}
	when, err := r.When(ctx, *v)
	if err != nil {
		return nil, err
	}
	return &Standing{s.Host, s.Path, *v, change(c.entry.ID(), c.k, c.what), when.UTC().Format(time.RFC3339Nano)}, nil
}

// Net is what became of a subject over a time, whatever happened on the way.
type Net struct {
	Pair
	Host  string
	Gone  bool // it is not there any more
	Times int  // how often it changed
}

// Net yields what became of each subject that changed in the entries a filter asks for,
// by host and path.
func (r *Reader) Net(ctx context.Context, f Filter) ([]Net, error) {
	f.Kinds, f.Limit = []string{"change"}, 0
	at := make(map[string]int)
	var all []Net
	for v, err := range r.Log(ctx, f, 1<<30) { // newest first
		if err != nil {
			return nil, err
		}
		for k := len(v.Changes) - 1; k >= 0; k-- {
			c := &v.Changes[k]
			if c.Action == "" || !f.Asks(*c) {
				continue
			}
			i, ok := at[v.Host+":"+c.Path]
			if !ok {
				i = len(all)
				at[v.Host+":"+c.Path] = i
				all = append(all, Net{Pair: Pair{Name: c.Path, After: &Version{Index: v.Index, K: k}}, Host: v.Host, Gone: c.Action == string(body.Delete)})
			}
			if err := r.earlier(ctx, &all[i], v, k); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(all, func(a, b Net) int {
		if a.Host != b.Host {
			return strings.Compare(a.Host, b.Host)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all, nil
}

// earlier goes back by one change of a subject.
func (r *Reader) earlier(ctx context.Context, n *Net, v *View, k int) error {
	c := &v.Changes[k]
	n.Times++
	n.Before, n.Since = nil, ""
	switch {
	case c.Before != "":
	case c.Action == string(body.Baseline):
		n.Before, n.Since = &Version{Index: v.Index, K: k}, v.Time
		return nil
	default:
		return nil
	}
	i, bk, err := r.Resolve(ctx, c.Before)
	if err != nil {
		return fmt.Errorf("the change before %d/%d: %w", v.Index, k, err)
	}
	n.Before = &Version{Index: i, K: bk}
	return nil
}
