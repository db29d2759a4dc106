package asking

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/semdiff"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/verify"
)

// Diff prints how texts differ: what that means, and the lines.
type Diff struct {
	Text bool // the lines alone

	Out  *bufio.Writer
	Talk func(format string, args ...any)
}

// Pairs prints pairs of texts.
func (d *Diff) Pairs(ctx context.Context, r *history.Reader, pairs []history.Pair) error {
	for _, p := range pairs {
		if err := d.pair(ctx, r, p); err != nil {
			return err
		}
	}
	return d.Out.Flush()
}

// entry prints those changes of an entry that are asked for.
func (d *Diff) entry(ctx context.Context, r *history.Reader, v *history.View, asks func(history.Change) bool) error {
	if v.Kind != "change" || v.Proof.State == history.Bad || v.Proof.State == history.Pending {
		return nil
	}
	pairs, err := r.Pairs(ctx, fmt.Sprint(v.Index), "", time.Time{}, time.Time{})
	if err != nil {
		return err
	}
	for k, p := range pairs { // one for each change, in their order
		if k < len(v.Changes) && !asks(v.Changes[k]) {
			continue
		}
		if err := d.shown(d.pair(ctx, r, p), p.Name); err != nil {
			return err
		}
	}
	return nil
}

// shown prints that a difference cannot be shown, in its place. Any other error ends
// the answer.
func (d *Diff) shown(err error, name string) error {
	if errors.Is(err, history.ErrErased) || errors.Is(err, history.ErrNoText) || errors.As(err, new(*verify.Finding)) {
		fmt.Fprintf(d.Out, "%s: no difference can be shown: %s\n", terminal.Escape(name), terminal.Escape(err.Error()))
		return nil
	}
	return err
}

func (d *Diff) pair(ctx context.Context, r *history.Reader, p history.Pair) error {
	name := terminal.Escape(p.Name)
	if p.Since != "" {
		fmt.Fprintf(d.Out, "%s: recorded since %s\n", name, render.When(p.Since))
		if p.Before.Index == p.After.Index && p.Before.K == p.After.K {
			return nil
		}
	}
	unknown, err := r.Unknown(ctx, p.After)
	if err != nil {
		return err
	}
	if unknown != "" {
		fmt.Fprintf(d.Out, "%s: the text is not on record (%s)%s\n", name, terminal.Escape(unknown), elsewhere(p))
		return nil
	}
	if unknown, err = r.Unknown(ctx, p.Before); err != nil {
		return err
	}
	if unknown != "" {
		d.Talk("%s: the text before is not on record (%s), so all of it shows as new", name, terminal.Escape(unknown))
	}
	before, after, err := r.Texts(ctx, p)
	if err != nil {
		return err
	}
	secrets, err := r.SecretsChanged(ctx, p)
	if err != nil && !errors.Is(err, history.ErrNoText) {
		return err
	}
	lines := udiff.Unified("a/"+strings.TrimPrefix(name, "/"), "b/"+strings.TrimPrefix(name, "/"), before, after)
	switch {
	case lines == "" && secrets > 0:
		fmt.Fprintf(d.Out, "%s: %s changed, and nothing else in the text\n", name, terminal.Count(secrets, "secret", "secrets"))
		return d.meaning(ctx, r, p)
	case lines == "" && unknown != "":
		fmt.Fprintf(d.Out, "%s: the text is empty%s\n", name, elsewhere(p))
	case lines == "":
		fmt.Fprintf(d.Out, "%s: the texts are equal%s\n", name, elsewhere(p))
	default:
		if err := d.meaning(ctx, r, p); err != nil {
			return err
		}
		d.Out.WriteString(terminal.EscapeText(lines))
		if secrets > 0 {
			d.Talk("%s: %s changed too", name, terminal.Count(secrets, "secret", "secrets"))
		}
	}
	return nil
}

// meaning prints the operations between the texts of a pair, a line each.
func (d *Diff) meaning(ctx context.Context, r *history.Reader, p history.Pair) error {
	if d.Text || p.Before == nil || p.After == nil {
		return nil
	}
	difference, err := r.Difference(ctx, p)
	if errors.Is(err, history.ErrNoText) || errors.Is(err, history.ErrErased) {
		return nil // the lines say so
	}
	if err != nil {
		return err
	}
	d.operations(p.Name, difference)
	return nil
}

func (d *Diff) operations(name string, difference semdiff.Difference) {
	if difference.Unparsed {
		fmt.Fprintf(d.Out, "%s: unparsed: text diff\n", terminal.Escape(name))
		return
	}
	fmt.Fprintf(d.Out, "%s: %s\n", terminal.Escape(name), terminal.Count(len(difference.Operations), "operation", "operations"))
	for _, o := range difference.Operations {
		fmt.Fprintf(d.Out, "  %s\n", terminal.Escape(o.String()))
	}
}

// elsewhere says where it stands what changed beside the text.
func elsewhere(p history.Pair) string {
	if p.After == nil {
		return ""
	}
	return fmt.Sprintf("; `stele show %d` describes the change", p.After.Index)
}
