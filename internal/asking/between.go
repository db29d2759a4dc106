package asking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/terminal"
)

// Net prints what became of every subject over a time, whatever happened on the way.
func (d *Diff) Net(ctx context.Context, r *history.Reader, f history.Filter) error {
	all, err := r.Net(ctx, f)
	if err != nil {
		return err
	}
	for _, n := range all {
		n.Name = n.Host + ":" + n.Name
		switch {
		case n.Gone:
			fmt.Fprintf(d.Out, "%s: deleted\n", terminal.Escape(n.Name))
		case n.Before == nil:
			fmt.Fprintf(d.Out, "%s: created\n", terminal.Escape(n.Name))
		}
		if err := d.shown(d.pair(ctx, r, n.Pair), n.Name); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		if err := known(ctx, r, f.Host); err != nil {
			return err
		}
		d.Talk("nothing changed")
	}
	return d.Out.Flush()
}

// ErrHost says that nothing of a host is on record.
var ErrHost = errors.New("unknown host")

// known tells a host of which nothing is on record, such as a misspelt one, from one
// that was quiet.
func known(ctx context.Context, r *history.Reader, host string) error {
	if host == "" {
		return nil
	}
	for _, err := range r.Log(ctx, history.Filter{Host: host, Limit: 1}, 0) {
		return err
	}
	return fmt.Errorf("%w: %.80q", ErrHost, host)
}

// Subjects prints how the subjects of one host and path differ from those of another,
// at a time: two files, or the same paths of two hosts.
func (d *Diff) Subjects(ctx context.Context, r *history.Reader, a, b Subject, at time.Time) error {
	old, err := d.standing(ctx, r, a, at)
	if err != nil {
		return err
	}
	recent, err := d.standing(ctx, r, b, at)
	if err != nil {
		return err
	}
	if len(old) == 1 && len(recent) == 1 && a.Path != "" && b.Path != "" {
		return d.versions(ctx, r, old[0], recent[0])
	}
	there := make(map[string]history.Standing)
	for _, s := range recent {
		there[s.Path] = s
	}
	for _, s := range old {
		other, ok := there[s.Path]
		if !ok {
			fmt.Fprintf(d.Out, "only on %s: %s\n", terminal.Escape(s.Host), terminal.Escape(s.Path))
			continue
		}
		delete(there, s.Path)
		if err := d.versions(ctx, r, s, other); err != nil {
			return err
		}
	}
	for _, s := range recent {
		if _, left := there[s.Path]; left {
			fmt.Fprintf(d.Out, "only on %s: %s\n", terminal.Escape(s.Host), terminal.Escape(s.Path))
		}
	}
	return d.Out.Flush()
}

func (d *Diff) standing(ctx context.Context, r *history.Reader, s Subject, at time.Time) ([]history.Standing, error) {
	w := Which{Host: s.Host, Path: s.Path, At: at, Talk: d.Talk}
	all, err := w.standing(ctx, r)
	if err == nil && len(all) == 0 {
		err = known(ctx, r, s.Host)
	}
	return all, err
}

// versions prints how two subjects differ, in mode, owner and text; nothing where they
// do not.
func (d *Diff) versions(ctx context.Context, r *history.Reader, a, b history.Standing) error {
	name := a.Host + ":" + a.Path + " → " + b.Host + ":" + b.Path
	if a.Path == b.Path {
		name = a.Path
	}
	for _, x := range [][3]string{{"mode", a.Change.Mode, b.Change.Mode}, {"owner", a.Change.Owner, b.Change.Owner}, {"target", a.Change.Target, b.Change.Target}} {
		if x[1] != x[2] {
			fmt.Fprintf(d.Out, "%s: %s %s → %s\n", terminal.Escape(name), x[0], terminal.Escape(x[1]), terminal.Escape(x[2]))
		}
	}
	p := history.Pair{Name: name, Before: &a.Version, After: &b.Version}
	before, after, err := r.Texts(ctx, p)
	if err == nil && before == after {
		return nil // secrets of two hosts have fingerprints that say nothing of each other
	}
	if err == nil {
		err = d.pair(ctx, r, p)
	}
	return d.shown(err, name)
}
