package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/vault"
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

// open reads the bodies of an entry and holds each against its seal.
func (r *Reader) open(ctx context.Context, i uint64, e *entry.Entry) (o opened, err error) {
	o.bodies.what = make([]*body.What, len(e.What))
	rec, err := r.record(ctx, i, e.ID())
	if err != nil {
		return o, err
	}
	for _, line := range e.Lines() {
		sealed, _ := e.Seal(line)
		b, ok := o.body(rec, line, sealed)
		if ok && !o.read(line, b) { // signed and sealed as it is: its source's fault, and proved
			o.findings = append(o.findings, Finding{string(verify.MalformedBody), line.String()})
		}
	}
	return o, nil
}

// record finds the openings of an entry, where the index says or wherever they
// are; nil if the vault has none.
func (r *Reader) record(ctx context.Context, i uint64, id entry.ID) (*vault.Record, error) {
	hit, ok, err := r.index.At(ctx, i)
	if err != nil {
		return nil, err
	}
	if ok && hit.Loc != 0 {
		if rec, err := r.at(vault.Loc(hit.Loc), id); rec != nil || err != nil {
			return rec, err
		}
	}
	loc, ok, err := r.scanVault(id)
	if err != nil || !ok {
		return nil, err
	}
	return r.at(loc, id)
}

// at reads the openings at a place; nil if they are damaged, which is reported
// line by line as missing, or those of another entry.
func (r *Reader) at(loc vault.Loc, id entry.ID) (*vault.Record, error) {
	rec, err := r.vault.At(loc)
	switch {
	case errors.As(err, new(*vault.Damage)):
		return nil, nil
	case err != nil:
		return nil, err
	case rec.ID != id:
		return nil, nil
	}
	return rec, nil
}

// scanVault finds the openings of an entry without the index. That takes as
// long as reading the vault, once.
func (r *Reader) scanVault(id entry.ID) (loc vault.Loc, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.locs == nil {
		r.diag.Warn("index does not know where openings are; vault read in its stead", "entry", id)
		locs := make(map[entry.ID]vault.Loc)
		err := r.vault.Scan(func(loc vault.Loc, rec *vault.Record) error {
			locs[rec.ID] = loc
			return nil
		})
		if err != nil && !errors.As(err, new(*vault.Damage)) {
			return 0, false, fmt.Errorf("read vault: %w", err)
		}
		r.locs = locs
	}
	loc, ok = r.locs[id]
	return loc, ok, nil
}

func (o *opened) body(rec *vault.Record, line entry.Line, sealed entry.Hash) ([]byte, bool) {
	if rec == nil {
		o.missing(line.String())
		return nil, false
	}
	d, err := rec.Disclosure(line)
	switch {
	case errors.Is(err, vault.ErrErased):
		o.erased = true
		return nil, false
	case err != nil:
		o.missing(err.Error())
		return nil, false
	case !d.Opens(sealed):
		o.bad = true
		o.findings = append(o.findings, Finding{string(verify.SealMismatch), line.String()})
		return nil, false
	}
	return d.Body, true
}

func (o *opened) missing(detail string) {
	o.bad = true
	o.findings = append(o.findings, Finding{string(verify.MissingDisclosure), detail})
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
	return c.text()
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

// changed is one change with the openings of its entry.
type changed struct {
	index  uint64
	k      int
	source entry.Source
	by     *enrolment
	rec    *vault.Record
	what   *body.What
}

// change opens the k-th change of an entry; ErrNoText if nothing opens it. The
// error is a *verify.Finding where the entry is not its source's word.
func (r *Reader) change(ctx context.Context, i uint64, k int) (c changed, err error) {
	e, by, err := r.word(ctx, i)
	if err != nil {
		return c, err
	}
	if k < 0 || k >= len(e.What) {
		return c, fmt.Errorf("entry %d has no change %d", i, k)
	}
	rec, err := r.record(ctx, i, e.ID())
	if err != nil {
		return c, err
	}
	o := opened{bodies: bodies{what: make([]*body.What, len(e.What))}}
	b, ok := o.body(rec, entry.LineWhat(k), e.What[k])
	if !ok || !o.read(entry.LineWhat(k), b) {
		return c, ErrNoText
	}
	return changed{i, k, e.Source, by, rec, o.bodies.what[k]}, nil
}

func (c *changed) text() ([]byte, error) {
	if c.what.After == "" {
		return nil, ErrNoText
	}
	sealed, err := entry.ParseHash(c.what.After)
	if err != nil {
		return nil, err
	}
	d, err := c.rec.Disclosure(entry.LineText(c.k))
	if err != nil {
		return nil, err
	}
	if len(d.Body) > seal.MaxText || !d.Opens(sealed) {
		return nil, &verify.Finding{
			Code: verify.SealMismatch, Accused: verify.TheVault, Index: c.index, Source: c.source,
			Detail: fmt.Sprintf("text %d of entry %d does not open its seal", c.k, c.index),
		}
	}
	return d.Body, nil
}

// ErrNoText says that a change has no text: the subject was deleted, was kept
// by digest only, or the change was erased.
var ErrNoText = errors.New("the change has no text")
