package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// Reader reads a store, beside a writer or without one.
type Reader struct {
	layout     server.Layout
	key        *entry.LogKey
	dir        *tlog.Dir
	tree       *tlog.Tree
	checkpoint verify.Checkpoint
	vault      *vault.Reader
	index      *index.Index

	mu         sync.Mutex // of what follows, all read when first needed
	enrolments map[entry.Source]enrolment
	sources    []index.SourceStatus
	around     around
}

// around is what received found last: every entry between the same two of the
// recorder was received in the same interval.
type around struct {
	after, before uint64 // indexes; the entries between them share the interval
	in            Interval
}

// enrolment is what the log says about a source, read from the log itself.
type enrolment struct {
	key  *entry.PublicKey
	role entry.Role
	host *body.Host
}

// Open opens a store for reading, under its current checkpoint. What was
// believed of the log before must hold; the error is then a *verify.Finding.
func Open(ctx context.Context, l server.Layout, n trust.Note, diag *slog.Logger) (_ *Reader, err error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	r := &Reader{layout: l, enrolments: make(map[entry.Source]enrolment)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if err := r.openLog(ctx, n); err != nil {
		return nil, err
	}
	if r.vault, err = vault.OpenReader(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring(), Log: diag}); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if r.index, err = index.Open(ctx, index.Config{Path: l.Index(), ReadOnly: true, Log: diag}); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	return r, nil
}

// openLog finds the key to believe and holds the log against what was believed.
func (r *Reader) openLog(ctx context.Context, n trust.Note) error {
	belief, ok, err := n.Read()
	if err != nil {
		return err
	}
	if ok {
		r.key, err = belief.Key()
	} else {
		r.key, err = r.layout.LogKey()
	}
	if err != nil {
		return err
	}
	if r.dir, err = tlog.OpenDir(r.layout.Log()); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	signed, err := r.dir.ReadCheckpoint()
	if errors.Is(err, fs.ErrNotExist) {
		return &verify.Finding{Code: verify.BadCheckpoint, Accused: verify.TheLog, Detail: "the log has no checkpoint"}
	}
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	if r.checkpoint, err = verify.OpenCheckpoint(r.key, signed); err != nil {
		return err
	}
	r.tree = tlog.NewTree(r.dir, r.checkpoint)
	if !ok {
		return nil
	}
	believed, err := belief.Open()
	if err != nil {
		return err
	}
	return r.tree.Consistent(ctx, believed)
}

// Close lets go of the store.
func (r *Reader) Close() error {
	var errs []error
	if r.index != nil {
		errs = append(errs, r.index.Close())
	}
	if r.vault != nil {
		errs = append(errs, r.vault.Close())
	}
	return errors.Join(errs...)
}

// Checkpoint is the one everything is checked under.
func (r *Reader) Checkpoint() verify.Checkpoint { return r.checkpoint }

// Key is the log's key.
func (r *Reader) Key() *entry.LogKey { return r.key }

// Index is the index, for counts.
func (r *Reader) Index() *index.Index { return r.index }

// Entry reads and checks one entry. What is wrong with it is in its proof and
// its findings; an error means that it could not be looked at.
func (r *Reader) Entry(ctx context.Context, i uint64) (*View, error) {
	if i >= r.checkpoint.Size {
		return nil, fmt.Errorf("entry %d: the checkpoint covers %d entries", i, r.checkpoint.Size)
	}
	raw, err := r.tree.Entry(ctx, i)
	if f := (*verify.Finding)(nil); errors.As(err, &f) {
		return bad(i, f), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read entry %d: %w", i, err)
	}
	e, err := entry.Parse(raw)
	if err != nil {
		return bad(i, &verify.Finding{Code: verify.Malformed, Detail: err.Error()}), nil
	}
	o, err := r.open(ctx, i, e)
	if err != nil {
		return nil, fmt.Errorf("open entry %d: %w", i, err)
	}
	v := view(i, e, o.bodies)
	v.Proof, v.Findings = Proof{Verified, r.checkpoint.Size}, o.findings
	if err := r.signature(ctx, e); err != nil {
		o.bad = true
		v.Findings = append(v.Findings, Finding{string(verify.BadSignature), err.Error()})
	}
	switch {
	case o.bad:
		v.Proof.State = Bad
	case o.erased:
		v.Proof.State = Erased
	}
	r.place(ctx, e, v, o.bodies)
	return v, nil
}

func bad(i uint64, f *verify.Finding) *View {
	return &View{Index: i, Findings: []Finding{{string(f.Code), f.Detail}}, Proof: Proof{State: Bad}}
}

// opened is what the vault has for an entry.
type opened struct {
	bodies   bodies
	findings []Finding
	bad      bool
	erased   bool
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
		if ok && !o.read(line, b) {
			o.findings = append(o.findings, Finding{string(verify.MalformedBody), line.String()})
		}
	}
	return o, nil
}

// record finds the openings of an entry; nil if the vault has none.
func (r *Reader) record(ctx context.Context, i uint64, id entry.ID) (*vault.Record, error) {
	hit, ok, err := r.index.At(ctx, i)
	if err != nil || !ok || hit.Loc == 0 {
		return nil, err
	}
	rec, err := r.vault.At(vault.Loc(hit.Loc))
	if d := (*vault.Damage)(nil); errors.As(err, &d) {
		return nil, nil // reported line by line as missing
	}
	if err != nil || rec.ID != id {
		return nil, err
	}
	return rec, nil
}

func (o *opened) body(rec *vault.Record, line entry.Line, sealed entry.Hash) ([]byte, bool) {
	if rec == nil {
		o.bad = true
		o.findings = append(o.findings, Finding{string(verify.MissingDisclosure), line.String()})
		return nil, false
	}
	d, err := rec.Disclosure(line)
	switch {
	case errors.Is(err, vault.ErrErased):
		o.erased = true
		return nil, false
	case err != nil:
		o.bad = true
		o.findings = append(o.findings, Finding{string(verify.MissingDisclosure), err.Error()})
		return nil, false
	case !d.Opens(sealed):
		o.bad = true
		o.findings = append(o.findings, Finding{string(verify.SealMismatch), line.String()})
		return nil, false
	}
	return d.Body, true
}

func (o *opened) read(line entry.Line, b []byte) bool {
	var err error
	switch line.Name() {
	case "who":
		o.bodies.who = new(body.Who)
		if err = body.Unmarshal(b, o.bodies.who); err != nil {
			o.bodies.who = nil
		}
	case "why":
		o.bodies.why = new(body.Why)
		if err = body.Unmarshal(b, o.bodies.why); err != nil {
			o.bodies.why = nil
		}
	case "how":
		o.bodies.how = new(body.How)
		if err = body.Unmarshal(b, o.bodies.how); err != nil {
			o.bodies.how = nil
		}
	case "what":
		w := new(body.What)
		if err = body.Unmarshal(b, w); err == nil {
			o.bodies.what[line.K()] = w
		}
	}
	return err == nil
}

// signature verifies the entry under the key its source was enrolled with. That
// the enrolment stands in the log is checked when it is read.
func (r *Reader) signature(ctx context.Context, e *entry.Entry) error {
	en, err := r.enrolment(ctx, e.Source)
	if err != nil {
		return err
	}
	return e.Verify(en.key)
}

func (r *Reader) enrolment(ctx context.Context, src entry.Source) (enrolment, error) {
	r.mu.Lock()
	en, ok := r.enrolments[src]
	r.mu.Unlock()
	if ok {
		return en, nil
	}
	i, err := r.enrolledAt(ctx, src)
	if err != nil {
		return en, err
	}
	raw, err := r.tree.Entry(ctx, i)
	if err != nil {
		return en, err
	}
	e, err := entry.Parse(raw)
	if err != nil {
		return en, err
	}
	if e.Open.Key == nil || e.Open.Key.Source() != src {
		return en, fmt.Errorf("entry %d does not enrol source %s", i, src)
	}
	en.key, en.role = e.Open.Key, e.Open.Role
	o, err := r.open(ctx, i, e)
	if err != nil {
		return en, err
	}
	if o.bodies.how != nil {
		en.host = o.bodies.how.Host
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enrolments[src] = en
	return en, nil
}

// known are the sources as the index lists them: a hint on where to look.
func (r *Reader) known(ctx context.Context) ([]index.SourceStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sources == nil {
		st, err := r.index.Status(ctx)
		if err != nil {
			return nil, err
		}
		r.sources = st.Sources
	}
	return r.sources, nil
}

func (r *Reader) enrolledAt(ctx context.Context, src entry.Source) (uint64, error) {
	sources, err := r.known(ctx)
	if err != nil {
		return 0, err
	}
	for _, s := range sources {
		if s.Source == src && s.Role != "" {
			return s.Enrolled, nil
		}
	}
	return 0, fmt.Errorf("source %s is not enrolled", src)
}

// received is when the log got an entry: between the recorders' entries around
// it.
func (r *Reader) received(ctx context.Context, i uint64) Interval {
	sources, err := r.known(ctx)
	if err != nil {
		return Interval{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.around; a.after < i && i < a.before {
		return a.in
	}
	a := around{before: r.checkpoint.Size}
	for _, s := range sources {
		if s.Role != entry.Recorder {
			continue
		}
		if hit, ok := r.first(ctx, index.Filter{Source: &s.Source, To: i, NewestFirst: true, Limit: 1}); i > 0 && ok && hit.Index >= a.after {
			a.after, a.in.After = hit.Index, body.FormatTime(hit.Recorded)
		}
		if hit, ok := r.first(ctx, index.Filter{Source: &s.Source, From: i + 1, Limit: 1}); ok && hit.Index < a.before {
			a.before, a.in.Before = hit.Index, body.FormatTime(hit.Recorded)
		}
	}
	r.around = a
	return a.in
}

// first is the first entry that matches.
func (r *Reader) first(ctx context.Context, f index.Filter) (index.Hit, bool) {
	for hit, err := range r.index.Entries(ctx, f) {
		return hit, err == nil
	}
	return index.Hit{}, false
}

// place adds what other entries say about this one: host, when it was received,
// reasons given afterwards, what changed in its secrets.
func (r *Reader) place(ctx context.Context, e *entry.Entry, v *View, b bodies) {
	if en, err := r.enrolment(ctx, e.Source); err == nil {
		v.Host = hostOf(en, b)
	}
	if in := r.received(ctx, v.Index); in != (Interval{}) {
		v.Received = &in
	}
	for k, w := range b.what {
		if w != nil && len(w.Secrets) > 0 && w.Before != nil {
			if prev, err := r.what(ctx, e.ID(), w.Before, b); err == nil {
				v.Changes[k].SecretsChanged = secretsChanged(prev, w)
			}
		}
	}
	if v.Reason == nil {
		v.Reason = r.explained(ctx, e.ID())
	}
}

// hostOf is the host of a watcher's enrolment, or what another source told.
func hostOf(en enrolment, b bodies) string {
	if told := en.role == entry.Receiver || en.role == entry.Importer; told && len(b.what) > 0 && b.what[0] != nil {
		return b.what[0].Host
	}
	if en.host == nil {
		return ""
	}
	return en.host.Name
}

// what reads the change that a reference names.
func (r *Reader) what(ctx context.Context, own entry.ID, ref *body.Ref, b bodies) (*body.What, error) {
	if ref.Entry == "" {
		if ref.What < len(b.what) {
			return b.what[ref.What], nil
		}
		return nil, fmt.Errorf("no change %d", ref.What)
	}
	id, err := entry.ParseHash(ref.Entry)
	if err != nil {
		return nil, err
	}
	_, o, err := r.byID(ctx, id)
	if err != nil || ref.What >= len(o.bodies.what) {
		return nil, err
	}
	return o.bodies.what[ref.What], nil
}

func (r *Reader) byID(ctx context.Context, id entry.ID) (uint64, opened, error) {
	i, ok, err := r.index.ByID(ctx, id)
	if err != nil {
		return 0, opened{}, err
	}
	if !ok {
		return 0, opened{}, fmt.Errorf("no entry has the id %s", id)
	}
	raw, err := r.tree.Entry(ctx, i)
	if err != nil {
		return 0, opened{}, err
	}
	e, err := entry.Parse(raw)
	if err != nil {
		return 0, opened{}, err
	}
	if e.ID() != id {
		return 0, opened{}, fmt.Errorf("no entry has the id %s", id)
	}
	o, err := r.open(ctx, i, e)
	return i, o, err
}

// explained is the latest reason that a remark gave for an entry.
func (r *Reader) explained(ctx context.Context, id entry.ID) *Reason {
	remarks, err := r.index.Naming(ctx, id)
	if err != nil {
		return nil
	}
	for k := len(remarks) - 1; k >= 0; k-- {
		raw, err := r.tree.Entry(ctx, remarks[k].Index)
		if err != nil {
			continue
		}
		e, err := entry.Parse(raw)
		if err != nil || e.Kind != entry.Remark || e.Open.Says != "reason" || e.Open.About[0] != id {
			continue
		}
		if o, err := r.open(ctx, remarks[k].Index, e); err == nil {
			if why := reason(o.bodies.why); why != nil {
				return why
			}
		}
	}
	return nil
}

// Text reads the text of the k-th change of an entry and holds it against the
// seal in that change.
func (r *Reader) Text(ctx context.Context, i uint64, k int) ([]byte, error) {
	c, err := r.recorded(ctx, i, k)
	if err != nil {
		return nil, err
	}
	if c.what.After == "" {
		return nil, ErrNoText
	}
	sealed, err := entry.ParseHash(c.what.After)
	if err != nil {
		return nil, err
	}
	d, err := c.rec.Disclosure(entry.LineText(k))
	if err != nil {
		return nil, err
	}
	if len(d.Body) > seal.MaxText || !d.Opens(sealed) {
		return nil, &verify.Finding{
			Code: verify.SealMismatch, Accused: verify.TheVault, Index: i, Source: c.source,
			Detail: fmt.Sprintf("text %d of entry %d does not open its seal", k, i),
		}
	}
	return d.Body, nil
}

// Secrets are the fingerprints of what was masked in the text of the k-th
// change of an entry, in order: two texts may be equal and their secrets not.
func (r *Reader) Secrets(ctx context.Context, i uint64, k int) ([]string, error) {
	c, err := r.recorded(ctx, i, k)
	if err != nil {
		return nil, err
	}
	return c.what.Secrets, nil
}

// recorded is a change with the openings of its entry.
type recorded struct {
	source entry.Source
	rec    *vault.Record
	what   *body.What
}

// recorded opens the k-th change of an entry; ErrNoText if nothing opens it.
func (r *Reader) recorded(ctx context.Context, i uint64, k int) (c recorded, err error) {
	raw, err := r.tree.Entry(ctx, i)
	if err != nil {
		return c, err
	}
	e, err := entry.Parse(raw)
	if err != nil {
		return c, err
	}
	if c.rec, err = r.record(ctx, i, e.ID()); err != nil {
		return c, err
	}
	if k >= len(e.What) {
		return c, fmt.Errorf("entry %d has no change %d", i, k)
	}
	var o opened
	o.bodies.what = make([]*body.What, len(e.What))
	b, ok := o.body(c.rec, entry.LineWhat(k), e.What[k])
	if !ok || !o.read(entry.LineWhat(k), b) {
		return c, ErrNoText
	}
	c.source, c.what = e.Source, o.bodies.what[k]
	return c, nil
}

// ErrNoText says that a change has no text: the subject was deleted, was kept
// by digest only, or the change was erased.
var ErrNoText = errors.New("the change has no text")
