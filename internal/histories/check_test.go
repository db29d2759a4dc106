package histories

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

func submissions(s *wire.Submission) []wire.Submission { return []wire.Submission{*s} }

// logged is one entry as it stands in the log, and the texts of its changes.
type logged struct {
	*entry.Entry
	index uint64
	texts []version // one for each what; gone where there is none
	paths []string
	names []entry.ID // the entries that its changes say they follow
}

// check holds what is on record against what happened.
func (w *world) check(ctx context.Context) error {
	w.mu.Lock()
	errs := slices.Clone(w.wrong)
	w.mu.Unlock()
	all, err := w.read(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	errs = append(errs, w.nothingLost(all), w.inOrder(all), w.examined(ctx, all))
	for _, h := range w.hosts {
		errs = append(errs, h.asItWas(all), h.accused(all))
	}
	return errors.Join(errs...)
}

// read reads the whole log with everything the vault opens of it.
func (w *world) read(ctx context.Context) ([]logged, error) {
	note, err := w.place.trust()
	if err != nil {
		return nil, err
	}
	log, err := believed.Open(w.place.layout(), note)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := w.place.layout()
	v, err := vault.OpenReader(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring()})
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	defer v.Close()
	records := make(map[entry.ID]*vault.Record)
	if err := v.Scan(func(_ vault.Loc, r *vault.Record) error {
		records[r.ID] = r
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read vault: %w", err)
	}
	var all []logged
	for leaf, err := range log.Tree.Entries(ctx, 0, log.Checkpoint().Size) {
		if err != nil {
			return nil, fmt.Errorf("read log: %w", err)
		}
		e, err := entry.Parse(leaf.Bytes)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", leaf.Index, err)
		}
		lg := logged{Entry: e, index: leaf.Index}
		if err := lg.open(v, records[e.ID()]); err != nil {
			return nil, fmt.Errorf("entry %d: %w", leaf.Index, err)
		}
		all = append(all, lg)
	}
	return all, nil
}

func (lg *logged) open(v *vault.Reader, r *vault.Record) error {
	if r == nil {
		return errors.New("the vault has nothing of it")
	}
	for k := range lg.What {
		d, err := r.Disclosure(entry.LineWhat(k))
		if err != nil {
			return err
		}
		var what body.What
		if err := body.Unmarshal(d.Body, &what); err != nil {
			return err
		}
		if what.Before != nil && what.Before.Entry != "" {
			id, err := entry.ParseHash(what.Before.Entry)
			if err != nil {
				return err
			}
			lg.names = append(lg.names, id)
		}
		ver := version{gone: what.After == ""}
		if !ver.gone {
			id, err := r.TextID(k)
			if err != nil {
				return err
			}
			text, err := v.Text(id)
			if err != nil {
				return err
			}
			ver.text = string(text)
		}
		lg.paths, lg.texts = append(lg.paths, what.Path), append(lg.texts, ver)
	}
	return nil
}

// nothingLost: what was accepted stands where the server said, and once.
func (w *world) nothingLost(all []logged) error {
	var errs []error
	at := make(map[entry.ID]uint64)
	for _, l := range all {
		if old, ok := at[l.ID()]; ok {
			errs = append(errs, fmt.Errorf("an entry stands at %d and again at %d", old, l.index))
		}
		at[l.ID()] = l.index
	}
	for id, index := range w.accepted {
		if got, ok := at[id]; !ok || got != index {
			errs = append(errs, fmt.Errorf("an entry was accepted at %d and stands at %d (%v)", index, got, ok))
		}
	}
	return errors.Join(errs...)
}

// inOrder: the entries of a source stand in the order it signed them, without a
// hole; one that was put back before it could ask is excused.
func (w *world) inOrder(all []logged) error {
	var errs []error
	next := make(map[entry.Source]uint64)
	excused := make(map[entry.Source]bool)
	for _, h := range w.hosts {
		excused[h.key.Source()] = h.may[verify.ForkedSource] || h.may[verify.SequenceGap]
	}
	for _, l := range all {
		if !excused[l.Source] && l.Seq != next[l.Source] {
			errs = append(errs, fmt.Errorf("entry %d has seq %d of its source, after %d", l.index, l.Seq, next[l.Source]))
		}
		next[l.Source] = l.Seq + 1
	}
	return errors.Join(errs...)
}

// examined: everything verifies, and no source is accused of what it did not do.
func (w *world) examined(ctx context.Context, all []logged) error {
	note, err := w.place.trust()
	if err != nil {
		return err
	}
	rep, err := examine.Run(ctx, examine.Config{Layout: w.place.layout(), Trust: note})
	if err != nil {
		return fmt.Errorf("examine: %w", err)
	}
	if rep.Duplicates > 0 || len(rep.Problems) > 0 || rep.IndexBehind {
		err = fmt.Errorf("examined: %d duplicates, index behind: %v, %+v", rep.Duplicates, rep.IndexBehind, rep.Problems)
	}
	for _, f := range rep.Findings {
		h := w.of(f.Source)
		if f.Accused == verify.TheSource && h != nil && (h.may[f.Code] || h.flipped && followsLost(f, all)) {
			continue
		}
		name := "somebody"
		if h != nil {
			name = h.name + " "
		}
		err = errors.Join(err, fmt.Errorf("examined: %saccused at %d: %v", name, f.Index, &f))
	}
	return err
}

// followsLost reports whether a finding is about a change that follows one which
// was lost with its entry: it had been signed before that was known.
func followsLost(f verify.Finding, all []logged) bool {
	there := make(map[entry.ID]bool)
	for _, l := range all {
		there[l.ID()] = true
	}
	return f.Code == verify.BeforeMismatch && slices.ContainsFunc(all[f.Index].names, func(id entry.ID) bool { return !there[id] })
}

func (w *world) of(src entry.Source) *host {
	for _, h := range w.hosts {
		if h.key.Source() == src {
			return h
		}
	}
	return nil
}

// asItWas: what is on record of each file is what it said, in that order; the
// last is how it stands; and nothing is missing that the watcher was told of.
func (h *host) asItWas(all []logged) error {
	var errs []error
	for _, path := range h.paths {
		if err := sameCourse(h.truth[path], recordOf(all, h.key.Source(), path, h.forgot), h.forgot); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", h.name, path, err))
		}
	}
	return errors.Join(errs...)
}

// recordOf lists what is on record of a path. The same twice in a row is once
// where the spool went back: the watcher records again what it finds.
func recordOf(all []logged, src entry.Source, path string, forgot bool) (got []version) {
	for _, l := range all {
		if l.Source != src {
			continue
		}
		for k, p := range l.paths {
			if p == path && !(forgot && len(got) > 0 && got[len(got)-1] == l.texts[k]) {
				got = append(got, l.texts[k])
			}
		}
	}
	return got
}

// absent reports whether the record ends with the file not there.
func absent(got []version) bool { return len(got) == 0 || got[len(got)-1].gone }

func sameCourse(truth, got []version, forgot bool) error {
	g := 0
	for i, v := range truth {
		same := g < len(got) && got[g].text == v.text && got[g].gone == v.gone
		switch {
		case same:
			g++
		case v.must:
			return fmt.Errorf("edition %d of %d is missing, or another stands in its place: %.60q", i+1, len(truth), v.text)
		case i == len(truth)-1 && !(v.gone && (forgot || absent(got))):
			return fmt.Errorf("it does not end with how things stand: %.60q", v.text)
		}
	}
	if g < len(got) {
		return fmt.Errorf("on record is what was not, or not in this order: %.60q", got[g].text)
	}
	return nil
}

// accused: nobody was accused, by the watcher or by the server, of what was not.
func (h *host) accused(all []logged) error {
	var errs []error
	for _, a := range h.alerts {
		if !h.may[a.Code] && a.Accused != finding.Nobody && !slices.Contains(h.unheard, a.Code) {
			errs = append(errs, fmt.Errorf("%s accuses an honest server: %s: %s", h.name, a.Code, a.Detail))
		}
	}
	for _, l := range all {
		if l.Kind == entry.Finding && slices.Contains(l.Open.About, h.enrolment(all)) && !h.may[verify.Code(l.Open.Code)] {
			errs = append(errs, fmt.Errorf("%s is accused by the server: %s", h.name, l.Open.Code))
		}
	}
	return errors.Join(errs...)
}

func (h *host) enrolment(all []logged) entry.ID {
	for _, l := range all {
		if l.Kind == entry.Enrol && l.Open.Key.Source() == h.key.Source() {
			return l.ID()
		}
	}
	return entry.ID{}
}
