package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// opened is what the vault has for an entry.
type opened struct {
	bodies   bodies
	findings []Finding
	bad      bool
	erased   bool
}

// state is how far an entry is proved.
func (o *opened) state(signature bool) string {
	switch {
	case o.bad:
		return Bad
	case !signature:
		return Unchecked
	case o.erased:
		return Erased
	}
	return Verified
}

// open reads those lines of an entry and holds each against its seal.
func (r *Reader) open(ctx context.Context, i uint64, e *entry.Entry, lines ...entry.Line) (o opened, err error) {
	return r.openBy(ctx, i, e, lines, nil)
}

// openAll is open for every line, and says too of what was erased that it still
// opens.
func (r *Reader) openAll(ctx context.Context, i uint64, e *entry.Entry) (o opened, err error) {
	voided, err := r.voids(ctx, e)
	if err != nil {
		return o, err
	}
	return r.openBy(ctx, i, e, e.Lines(), voided)
}

func (r *Reader) openBy(ctx context.Context, i uint64, e *entry.Entry, lines []entry.Line, voided func(entry.Line) bool) (o opened, err error) {
	o.bodies.what = make([]*body.What, len(e.What))
	got, err := r.disclosures(ctx, i, e, lines)
	if err != nil {
		return o, err
	}
	for k := range got {
		if voided == nil && got[k].State != wire.Opens {
			if voided, err = r.voids(ctx, e); err != nil {
				return o, err
			}
		}
		sealed, _ := e.Seal(got[k].Line)
		b, ok := o.body(e, &got[k], sealed, voided != nil && voided(got[k].Line))
		if ok && !o.read(got[k].Line, b) { // signed and sealed as it is: its source's fault, and proved
			o.findings = append(o.findings, Finding{string(verify.MalformedBody), got[k].Line.String()})
		}
	}
	return o, nil
}

// disclosures asks the store how lines open, and wants an answer for each.
func (r *Reader) disclosures(ctx context.Context, i uint64, e *entry.Entry, lines []entry.Line) ([]wire.Disclosure, error) {
	got, err := r.store.Open(ctx, i, e.ID(), lines)
	if err != nil {
		return nil, err
	}
	if len(got) != len(lines) {
		return nil, fmt.Errorf("%d disclosures of %d lines", len(got), len(lines))
	}
	return got, nil
}

// body is what a line says, if the disclosure opens its seal.
func (o *opened) body(e *entry.Entry, op *wire.Disclosure, sealed entry.Hash, voided bool) ([]byte, bool) {
	switch {
	case op.State != wire.Opens && voided:
		o.erased = true
		return nil, false
	case op.State != wire.Opens:
		o.bad = true
		o.findings = append(o.findings, Finding{string(verify.MissingDisclosure), cmp.Or(op.Why, op.Line.String())})
		return nil, false
	}
	switch d := disclosure(e, op); {
	case !d.Opens(sealed):
		o.bad = true
		o.findings = append(o.findings, Finding{string(verify.SealMismatch), op.Line.String()})
		return nil, false
	case voided:
		o.bad = true
		o.findings = append(o.findings, Finding{string(verify.Unerased), op.Line.String()})
	}
	return op.Body, true
}

// disclosure is what a disclosure says, as one of that entry and of no other.
func disclosure(e *entry.Entry, op *wire.Disclosure) seal.Disclosure {
	return seal.Disclosure{Source: e.Source, Seq: e.Seq, Line: op.Line, Salt: op.Salt, Body: op.Body}
}

// read takes a body in; false if it is malformed.
func (o *opened) read(line entry.Line, b []byte) (ok bool) {
	switch line.Name() {
	case "who":
		o.bodies.who, ok = unmarshal[body.Who](b)
	case "why":
		o.bodies.why, ok = unmarshal[body.Why](b)
	case "how":
		o.bodies.how, ok = unmarshal[body.How](b)
	case "what":
		o.bodies.what[line.K()], ok = unmarshal[body.What](b)
	}
	return ok
}

func unmarshal[T any](b []byte) (*T, bool) {
	v := new(T)
	if len(b) > seal.MaxBody || body.Unmarshal(b, v) != nil {
		return nil, false
	}
	return v, true
}

// Text reads the text of the k-th change of an entry and holds it against the
// seal in that change.
func (r *Reader) Text(ctx context.Context, i uint64, k int) ([]byte, error) {
	c, err := r.change(ctx, i, k)
	if err != nil {
		return nil, err
	}
	return r.text(ctx, c)
}

// Secrets are the fingerprints of what was masked in the text of the k-th
// change of an entry, in order: two texts may be equal and their secrets not.
func (r *Reader) Secrets(ctx context.Context, i uint64, k int) ([]string, error) {
	c, err := r.change(ctx, i, k)
	if err != nil {
		return nil, err
	}
	return c.what.Secrets, nil
}

// changed is one change that its source did make.
type changed struct {
	index uint64
	k     int
	entry *entry.Entry
	by    *enrolment
	what  *body.What
}

// change opens the k-th change of an entry; ErrNoText if nothing opens it. The
// error is a *verify.Finding where the entry is not its source's word.
func (r *Reader) change(ctx context.Context, i uint64, k int) (c changed, err error) {
	e, j, err := r.word(ctx, i)
	if err != nil {
		return c, err
	}
	if k < 0 || k >= len(e.What) {
		return c, fmt.Errorf("entry %d has no change %d", i, k)
	}
	o, err := r.open(ctx, i, e, entry.LineWhat(k))
	if err != nil {
		return c, err
	}
	if o.bodies.what[k] == nil {
		return c, ErrNoText
	}
	return changed{i, k, e, j.by, o.bodies.what[k]}, nil
}

// text opens the text of a change.
func (r *Reader) text(ctx context.Context, c changed) ([]byte, error) {
	if c.what.After == "" {
		return nil, ErrNoText
	}
	sealed, err := entry.ParseHash(c.what.After)
	if err != nil {
		return nil, err
	}
	got, err := r.disclosures(ctx, c.index, c.entry, []entry.Line{entry.LineText(c.k)})
	if err != nil {
		return nil, err
	}
	d := disclosure(c.entry, &got[0])
	voided, err := r.voids(ctx, c.entry)
	if err != nil {
		return nil, err
	}
	switch erased := voided(entry.LineText(c.k)); {
	case erased && got[0].State != wire.Opens:
		return nil, fmt.Errorf("text %d of entry %d: %w", c.k, c.index, ErrErased)
	case got[0].State != wire.Opens:
		return nil, c.finding(verify.MissingDisclosure, "nothing opens text %d of entry %d: %s", c.k, c.index, got[0].Why)
	case len(d.Body) > seal.MaxText || !d.Opens(sealed):
		return nil, c.finding(verify.SealMismatch, "text %d of entry %d does not open its seal", c.k, c.index)
	case erased:
		return nil, c.finding(verify.Unerased, "text %d of entry %d was erased on the record and still opens", c.k, c.index)
	}
	return d.Body, nil
}

func (c *changed) finding(code verify.Code, format string, args ...any) error {
	return &verify.Finding{
		Code: code, Accused: verify.TheVault, Index: c.index, Source: c.entry.Source, Detail: fmt.Sprintf(format, args...),
	}
}

// ErrErased says that what was asked for was erased, which is on the record.
var ErrErased = errors.New("erased")

// ErrNoText says that a change has no text: the subject was deleted, was kept
// by digest only, or the change was erased.
var ErrNoText = errors.New("the change has no text")
