package history

import (
	"context"
	"errors"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/verify"
)

// voids says which lines of an entry are voided by an erasure in effect. What
// the vault says of it is no evidence: a key can be destroyed without a word on
// the record.
func (r *Reader) voids(ctx context.Context, e *entry.Entry) (func(entry.Line) bool, error) {
	id := e.ID()
	grounds, err := r.naming(ctx, id, func(by *entry.Entry) bool { return by.Kind == entry.Erase })
	if err != nil || len(grounds) == 0 {
		return func(entry.Line) bool { return false }, err
	}
	for _, erase := range grounds[:len(grounds):len(grounds)] {
		approvals, err := r.naming(ctx, erase.Entry.ID(), func(by *entry.Entry) bool { return by.Open.Says == "approve" })
		if err != nil {
			return nil, err
		}
		grounds = append(grounds, approvals...)
	}
	quorum, err := r.naming(ctx, index.Erasers, func(by *entry.Entry) bool { return by.Open.Erasers > 0 })
	if err != nil {
		return nil, err
	}
	grounds = append(grounds, quorum...)
	for _, g := range grounds[:len(grounds):len(grounds)] {
		more, err := r.groundsOf(ctx, g.Entry)
		if err != nil {
			return nil, err
		}
		grounds = append(grounds, more...)
	}
	voided := verify.Voided(r.key, grounds, r.signed)
	return func(line entry.Line) bool { return voided(id, line) }, nil
}

// naming are the entries that name that id, or what stands in the place of one,
// and are what is wanted, in log order.
func (r *Reader) naming(ctx context.Context, id entry.ID, wanted func(*entry.Entry) bool) (all []verify.Ground, err error) {
	places, err := r.named(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, at := range places {
		if at.Index >= r.size {
			continue
		}
		e, err := r.entry(ctx, at.Index)
		if errors.As(err, new(*verify.Finding)) {
			continue // it is judged where it is shown
		}
		if err != nil {
			return nil, err
		}
		if wanted(e) {
			all = append(all, verify.Ground{Index: at.Index, Entry: e})
		}
	}
	return all, nil
}
