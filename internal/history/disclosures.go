package history

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// Disclosures hands every disclosure of a log that is far away to do, in the order
// of the entries, after it has opened its seal. The error is a *verify.Finding
// where one does not.
func Disclosures(ctx context.Context, f believed.Far, do func(seal.Disclosure) error) (err error) {
	log, answer, err := f.Open(ctx, wire.Question{Ask: wire.AskOpenings, To: math.MaxInt64})
	if err != nil {
		return err
	}
	o := f.Openings(log, answer, 0)
	defer func() { err = errors.Join(err, o.Close()) }()
	for leaf, err := range log.Tree.Entries(ctx, 0, log.Checkpoint().Size) {
		if err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		e, bad := entry.Parse(leaf.Bytes)
		if bad != nil {
			continue // it has no seals
		}
		if _, err := o.UpTo(ctx, leaf.Index+1); err != nil {
			return err
		}
		if err := tried(leaf.Index, e, o.Of(leaf.Index, e), do); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tried tries the disclosures of an entry, those of its texts against what its
// changes say.
func tried(i uint64, e *entry.Entry, ds []seal.Disclosure, do func(seal.Disclosure) error) error {
	after := make(map[int]string)
	for k := range ds {
		d := &ds[k]
		sealed, ok := e.Seal(d.Line)
		if d.Line.IsText() {
			h, err := entry.ParseHash(after[d.Line.K()])
			sealed, ok = h, err == nil
		}
		if !ok || !d.Opens(sealed) {
			return &verify.Finding{Code: verify.SealMismatch, Accused: verify.TheVault, Index: i, Source: e.Source, Detail: d.Line.String()}
		}
		if what, ok := unmarshal[body.What](d.Body); ok && d.Line.Name() == "what" {
			after[d.Line.K()] = what.After
		}
		if err := do(*d); err != nil {
			return err
		}
	}
	return nil
}
