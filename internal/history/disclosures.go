package history

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// UpTo is told the checkpoint of a log and says how many of its entries are wanted.
type UpTo func(verify.Checkpoint) (uint64, error)

// LocalDisclosures hands the disclosures of the first entries of a store in a
// directory to do, in the order of the entries. The log is read before the vault,
// beside a writer too: none of them is missing that was there.
func LocalDisclosures(ctx context.Context, l layout.Store, f trust.File, wanted UpTo, do func(seal.Disclosure) error) (err error) {
	log, err := believed.Open(l, f)
	if err != nil {
		return err
	}
	if err := log.Continues(ctx); err != nil {
		return err
	}
	size, err := wanted(log.Checkpoint())
	if err != nil {
		return err
	}
	v, err := vault.OpenReader(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	places := make(map[entry.ID]vault.Loc)
	if err := v.Places(func(id entry.ID, at vault.Loc) { places[id] = at }); err != nil {
		return fmt.Errorf("read vault: %w", err)
	}
	for leaf, err := range log.Tree.Entries(ctx, 0, size) {
		if err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		e, bad := entry.Parse(leaf.Bytes)
		if bad != nil {
			continue // it has no seals
		}
		at, there := places[e.ID()]
		if !there {
			continue // it is for the verifier to name
		}
		if err := disclosures(v, at, e, do); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func disclosures(v *vault.Reader, at vault.Loc, e *entry.Entry, do func(seal.Disclosure) error) error {
	rec, err := v.At(at)
	if err != nil {
		return err
	}
	ds, err := rec.Disclosures()
	if err != nil {
		return fmt.Errorf("disclosures of entry %s: %w", e.ID(), err)
	}
	for i := range ds {
		if err := do(ds[i]); err != nil {
			return err
		}
	}
	return nil
}

// Disclosures hands the disclosures of the first entries of a remote log to
// do, in the order of the entries, after each has opened its seal. The error is a
// *verify.Finding where one does not.
func Disclosures(ctx context.Context, f believed.Remote, wanted UpTo, do func(seal.Disclosure) error) (err error) {
	log, answer, err := f.Open(ctx, wire.Question{Ask: wire.AskDisclosures, To: math.MaxInt64})
	if err != nil {
		return err
	}
	o := f.Disclosures(log, answer, 0)
	defer func() { err = errors.Join(err, o.Close()) }()
	size, err := wanted(log.Checkpoint())
	if err != nil {
		return err
	}
	for leaf, err := range log.Tree.Entries(ctx, 0, size) {
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
