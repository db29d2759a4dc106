package verify

import (
	"fmt"
	"slices"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// opened is what the disclosures of one entry say.
type opened struct {
	missing   []entry.Line // without a disclosure that opens it, no disclosure given
	mismatch  []entry.Line // a disclosure was given and does not open it
	malformed []entry.Line
	lines     uint64       // opened
	whats     []*body.What // nil where not opened or malformed
	host      *body.Host   // of the source an enrolment introduces
	called    bool         // how a roll call came about is known
	beats     []string     // that a roll call shows
	next      int          // the disclosure to try first: most come in the order of the lines
}

// openAll tries disclosures on the seals of an entry (steps 21, 22 and 24).
func openAll(e *entry.Entry, ds []seal.Disclosure) opened {
	o := opened{whats: make([]*body.What, len(e.What))}
	for _, line := range e.Lines() {
		sealed, _ := e.Seal(line)
		text, ok := o.open(e, ds, line, sealed)
		if !ok {
			continue
		}
		if !o.read(e, line, text) {
			o.malformed = append(o.malformed, line)
		}
	}
	for k, w := range o.whats {
		if w == nil || w.After == "" {
			continue
		}
		after, _ := entry.ParseHash(w.After) // checked when the body was read
		o.open(e, ds, entry.LineText(k), after)
	}
	return o
}

func (o *opened) open(e *entry.Entry, ds []seal.Disclosure, line entry.Line, sealed entry.Hash) ([]byte, bool) {
	given := false
	for i := range ds {
		at := (o.next + i) % len(ds)
		if d := &ds[at]; d.Line == line && d.Source == e.Source && d.Seq == e.Seq {
			given = true
			if d.Opens(sealed) {
				o.lines, o.next = o.lines+1, at+1
				return d.Body, true
			}
		}
	}
	if given {
		o.mismatch = append(o.mismatch, line)
	} else {
		o.missing = append(o.missing, line)
	}
	return nil, false
}

func (o *opened) read(e *entry.Entry, line entry.Line, b []byte) bool {
	switch line.Name() {
	case "who":
		return body.Unmarshal(b, new(body.Who)) == nil
	case "why":
		return body.Unmarshal(b, new(body.Why)) == nil
	case "how":
		var how body.How
		if body.Unmarshal(b, &how) != nil {
			return false
		}
		switch e.Kind {
		case entry.Enrol:
			o.host = how.Host
		case entry.RollCall:
			o.called, o.beats = true, how.Beats
		}
		return true
	}
	var w body.What
	if body.Unmarshal(b, &w) != nil {
		return false
	}
	o.whats[line.K()] = &w
	return true
}

// disclosed reports on the openings of a leaf, or keeps them until it is known
// what an erase has voided.
func (l *Log) disclosed(lf *leaf, standing Standing) {
	e, o := lf.entry, &lf.opened
	l.verdict.Disclosed += o.lines
	for _, line := range o.missing {
		o := opening{lf.id, line}
		l.missing[o] = append(l.missing[o], missing{lf.index, e.Source})
	}
	for _, line := range o.mismatch {
		l.mismatch = append(l.mismatch, mismatch{opening{lf.id, line}, lf.index, e.Source, e.Seq})
	}
	for _, line := range o.malformed {
		l.report(Malformation(lf.index, e.Source, line))
	}
	switch {
	case e.Kind == entry.Enrol && !lf.late:
		l.subjects.enrol(e.Open.Key.Source(), o.host)
	case e.Kind == entry.Gap:
		l.subjects.gaps[e.Source] = lf.index
	case e.Kind == entry.Change && standing != Duplicate && l.cfg.From == 0:
		role := l.sources.Lookup(e.Source).Role
		for k := range o.whats {
			if f := l.subjects.take(lf, role, k); f != nil {
				l.report(f)
			}
		}
	}
}

// mismatch is a line whose disclosure does not open its seal.
type mismatch struct {
	opening
	index  uint64
	source entry.Source
	seq    uint64
}

// mismatches reports disclosures that do not open their seals. Where a source
// has forked, a disclosure may be that of the other entry with its seq: the line
// is then missing.
func (l *Log) mismatches() {
	for _, m := range l.mismatch {
		if len(l.chains[m.source].forks[m.seq]) > 0 {
			l.missing[m.opening] = append(l.missing[m.opening], missing{m.index, m.source})
			continue
		}
		l.report(found(SealMismatch, m.index, m.source, "%s: the disclosure does not open the seal", m.line))
	}
}

// erased judges voided lines, and what is missing without having been voided.
func (l *Log) erased(index map[entry.ID]uint64) error {
	if l.cfg.Open == nil {
		return nil
	}
	voided := make(map[opening]bool)
	for _, er := range l.erases {
		if !er.inEffect {
			continue
		}
		for _, v := range er.voids {
			at, known := index[v.ID]
			o := opening{v.ID, v.Line}
			if !known || voided[o] || at < l.cfg.From {
				continue
			}
			voided[o] = true
			if err := l.void(at, o); err != nil {
				return err
			}
		}
	}
	for o, leaves := range l.missing {
		for _, m := range leaves {
			if !voided[o] {
				l.report(found(MissingDisclosure, m.index, m.source, "%s: no disclosure", o.line))
			}
		}
	}
	return nil
}

// void tries whether a voided line still opens.
func (l *Log) void(at uint64, o opening) error {
	if _, gone := l.missing[o]; gone {
		l.verdict.Erased++
		return nil
	}
	raw, err := l.cfg.Leaf(at)
	if err != nil {
		return fmt.Errorf("read entry %d again: %w", at, err)
	}
	e, err := entry.Parse(raw)
	if err != nil {
		return fmt.Errorf("read entry %d again: %w", at, err)
	}
	ds, err := l.cfg.Open(at, e)
	if err != nil {
		return fmt.Errorf("open entry %d again: %w", at, err)
	}
	sealed, known := sealOf(e, ds, o.line)
	switch {
	case known && slices.ContainsFunc(ds, func(d seal.Disclosure) bool { return d.Line == o.line && d.Opens(sealed) }):
		for _, i := range append([]uint64{at}, l.again[o.id]...) {
			l.report(found(Unerased, i, e.Source, "%s was erased and still opens", o.line))
		}
	case exists(e, o.line):
		l.verdict.Erased++
	}
	return nil
}

// exists reports whether an entry has a line, for a text that of its what.
func exists(e *entry.Entry, line entry.Line) bool {
	_, sealed := e.Seal(line)
	return sealed || line.IsText() && line.K() < len(e.What)
}

// sealOf finds the seal on a line, that of a text by way of its what.
func sealOf(e *entry.Entry, ds []seal.Disclosure, line entry.Line) (entry.Hash, bool) {
	if !line.IsText() {
		return e.Seal(line)
	}
	if line.K() >= len(e.What) {
		return entry.Hash{}, false
	}
	if o := openAll(e, ds); o.whats[line.K()] != nil {
		h, err := entry.ParseHash(o.whats[line.K()].After)
		return h, err == nil
	}
	return entry.Hash{}, false
}
