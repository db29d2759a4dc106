package history

import (
	"context"
	"errors"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/semdiff"
	"github.com/stele-log/stele/verify"
)

// Lines counts the lines that a change added and removed.
type Lines struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
}

// Why the operations of a change are not told.
const (
	Unparsed = "unparsed"  // the text is not of its format, or that is unknown: lines are counted
	NoText   = "no-text"   // one of both is not on record
	TooLarge = "too-large" // to be compared
)

// Told is [Reader.Entry], with what its changes mean.
func (r *Reader) Told(ctx context.Context, i uint64) (*View, error) {
	v, err := r.Entry(ctx, i)
	if err != nil {
		return nil, err
	}
	return v, r.Tell(ctx, v, maxTold)
}

// Tell adds to a view, for its first changes, which operations made one text into the
// other. What cannot be read is left out, with the reason.
func (r *Reader) Tell(ctx context.Context, v *View, most int) error {
	if v.Proof.State == Bad || v.Proof.State == Pending {
		return nil
	}
	for k := range v.Changes[:min(most, len(v.Changes))] {
		c := &v.Changes[k]
		if c.Before == "" || c.Action != string(body.Modify) && c.Action != string(body.Rename) {
			continue
		}
		err := r.tellChange(ctx, v.Index, k, c)
		found := (*verify.Finding)(nil)
		switch {
		case errors.Is(err, ErrNoText):
			c.Untold = NoText
		case errors.Is(err, ErrErased):
			c.Untold = Erased
		case errors.As(err, &found):
			c.Untold = string(found.Code)
		case err != nil:
			return err
		}
	}
	return nil
}

func (r *Reader) tellChange(ctx context.Context, i uint64, k int, c *Change) error {
	after, err := r.recordedText(ctx, i, k)
	if err != nil {
		return err
	}
	bi, bk, err := r.Resolve(ctx, c.Before)
	if err != nil {
		return ErrNoText // it is shown, and judged, where it stands
	}
	before, err := r.recordedText(ctx, bi, bk)
	if err != nil {
		return err
	}
	if r.gathers {
		return nil
	}
	d := compare(c.Format, c.Path, before, after)
	c.Operations = d.Operations
	if d.Unparsed {
		c.Untold, c.Lines = Unparsed, countChanged(before.Text, after.Text)
		if c.Lines == nil {
			c.Untold = TooLarge
		}
	}
	return nil
}

// compare compares two texts of a subject; where no format was recorded, that which
// its path and text look like.
func compare(format, path string, before, after semdiff.Text) semdiff.Difference {
	return semdiff.Diff(before, after, formatOf(format, path, after.Text))
}

func formatOf(recorded, path, text string) string {
	if recorded != "" {
		return recorded
	}
	return catalogue.FormatOf(path, []byte(text))
}

// Difference is how the texts of a pair differ, which both have one.
func (r *Reader) Difference(ctx context.Context, p Pair) (d semdiff.Difference, err error) {
	after, err := r.recordedText(ctx, p.After.Index, p.After.K)
	if err != nil {
		return d, err
	}
	before, err := r.recordedText(ctx, p.Before.Index, p.Before.K)
	if err != nil {
		return d, err
	}
	c, err := r.change(ctx, p.After.Index, p.After.K)
	if err != nil {
		return d, err
	}
	return compare(c.what.Format, p.Name, before, after), nil
}

// Has reports whether the text of a version has a value whose path matches.
func (r *Reader) Has(ctx context.Context, v Version, match func(path string) bool) (bool, error) {
	text, err := r.recordedText(ctx, v.Index, v.K)
	if errors.Is(err, ErrNoText) || errors.Is(err, ErrErased) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := r.change(ctx, v.Index, v.K)
	if err != nil {
		return false, err
	}
	path := body.Text(c.what.Path, c.what.Path64)
	found, err := semdiff.Find(text.Text, formatOf(c.what.Format, path, text.Text), match)
	return err == nil && len(found) > 0, nil // a text that is not of its format has no keys
}

// recordedText is the text of a change, with the fingerprints of what is masked in it.
func (r *Reader) recordedText(ctx context.Context, i uint64, k int) (semdiff.Text, error) {
	c, err := r.change(ctx, i, k)
	if err != nil {
		return semdiff.Text{}, err
	}
	text, err := r.text(ctx, c)
	return semdiff.Text{Text: string(text), Secrets: c.what.Secrets}, err
}

// mostCounted bounds the texts of which lines are compared, in bytes.
const mostCounted = 1 << 20

// countChanged counts the lines that differ; nil: the texts are too long.
func countChanged(before, after string) *Lines {
	if len(before)+len(after) > mostCounted {
		return nil
	}
	n := new(Lines)
	for _, e := range udiff.Lines(before, after) {
		n.Removed += strings.Count(ended(before[e.Start:e.End]), "\n")
		n.Added += strings.Count(ended(e.New), "\n")
	}
	return n
}

// ended is a text whose last line has its end.
func ended(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}
