package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// An answer is found by a Reader here, and every piece of evidence that it looks
// at goes to whoever asked. There another Reader does the same over again, with
// the pieces for a store, and believes only what they prove. Nothing it needs has
// to be asked for twice, and nothing here has to be believed.

// Bounds of one answer, in bytes. What is left out is asked for again.
const (
	softAnswer = 32 << 20 // no page of entries is begun beyond it
	hardAnswer = 512 << 20
)

// errEnough ends an answer that is as long as it may be.
var errEnough = errors.New("the answer is as long as it may be")

// ErrQuestion says that a question makes no sense.
var ErrQuestion = errors.New("not a question")

// Answer hands on the pieces that answer a question, from a store under a tree.
// The error says that they do not: what went out until then can be used.
func Answer(ctx context.Context, p *Parts, tree *tlog.Tree, key *entry.LogKey, q wire.Question, emit func(*wire.Piece) (size int, err error)) error {
	if err := CheckQuestion(q); err != nil {
		return err
	}
	size := tree.Checkpoint().Size
	if q.Under > size {
		return fmt.Errorf("%w: about a tree of %d entries, and the log has %d", ErrQuestion, q.Under, size)
	}
	t := &tape{local: local{p, tree}, under: q.Under, emit: emit, sent: make(map[string]struct{})}
	if q.Under == 0 {
		t.under = size
		if err := t.ground(ctx, q.Believed); err != nil {
			return err
		}
	}
	err := newReader(t, key, p.diag).gather(ctx, t, q)
	if errors.Is(err, ErrQuestion) {
		return err
	}
	if errors.Is(t.failed, errEnough) || t.failed == nil && q.Ask != wire.AskPieces && q.Ask != wire.AskDisclosures {
		return ctx.Err() // whoever asked meets the same error as the Reader here
	}
	return errors.Join(t.failed, err)
}

// Bounds of the names in a question: comparing all names with a long pattern of
// many stars takes longer than anybody needs.
const (
	maxName  = 4096
	maxStars = 16
)

// maxTold bounds the changes of one entry whose texts are compared for a question.
const maxTold = 1000

// named refuses names that nothing has.
func named(names ...[]byte) error {
	for _, n := range names {
		if len(n) > maxName || bytes.Count(n, []byte("*")) > maxStars {
			return fmt.Errorf("%w: a name of more than %d bytes or %d stars", ErrQuestion, maxName, maxStars)
		}
	}
	return nil
}

func namedIn(f *wire.Filter) error {
	if f == nil {
		return nil
	}
	return named(f.Host, f.Agent, f.Actor, f.Path)
}

// CheckQuestion refuses, with [ErrQuestion], what is no question, before anything
// is read for it.
func CheckQuestion(q wire.Question) error {
	if err := errors.Join(named(q.Name, q.Host), namedIn(q.Filter)); err != nil {
		return err
	}
	for _, w := range q.Wants {
		if w.Lookup == nil {
			continue
		}
		err := namedIn(w.Lookup.Entries)
		for _, s := range []*wire.Subject{w.Lookup.Subjects, w.Lookup.History} {
			if s != nil {
				err = errors.Join(err, named(s.Host, s.Path))
			}
		}
		if err != nil {
			return err
		}
	}
	switch q.Ask {
	case wire.AskShow, wire.AskCat, wire.AskDiff, wire.AskBlame, wire.AskVerify, wire.AskStatus, wire.AskPieces, wire.AskDisclosures, wire.AskGround:
		return nil
	case wire.AskLog:
		if q.Filter != nil {
			return nil
		}
		return fmt.Errorf("%w: it has no filter", ErrQuestion)
	}
	return fmt.Errorf("%w: %.40q", ErrQuestion, q.Ask)
}

// gather looks at everything that answers a question.
func (r *Reader) gather(ctx context.Context, t *tape, q wire.Question) error {
	name, host := string(q.Name), string(q.Host)
	r.gathers = true
	var err error
	switch q.Ask {
	case wire.AskLog:
		for _, err := range r.log(ctx, fromWire(q.Filter), q.Checked, min(q.Told, maxTold)) {
			if err != nil {
				return err
			}
		}
	case wire.AskShow:
		err = r.gatherEntry(ctx, name, r.Told)
	case wire.AskCat:
		v, err := r.Version(ctx, name, host, q.Until)
		if err != nil {
			return err
		}
		_, err = r.TextOf(ctx, v)
		return err
	case wire.AskDiff:
		err = r.gatherDiff(ctx, q)
	case wire.AskBlame:
		_, _, err = r.Blamed(ctx, name, host, q.Until)
	case wire.AskVerify:
		if err = r.gatherEntry(ctx, name, r.Examined); errors.Is(err, ErrNoReference) {
			_, err = r.Recorded(ctx, name, host)
		}
	case wire.AskStatus:
		_, _, err = r.Summary(ctx)
	case wire.AskPieces:
		return t.pieces(ctx, q.Wants)
	case wire.AskDisclosures:
		return t.disclosures(ctx, q.From, q.To)
	}
	return err
}

func (r *Reader) gatherEntry(ctx context.Context, name string, look func(context.Context, uint64) (*View, error)) error {
	i, _, err := r.Resolve(ctx, name)
	if err != nil {
		return err
	}
	_, err = look(ctx, i)
	return err
}

func (r *Reader) gatherDiff(ctx context.Context, q wire.Question) error {
	pairs, err := r.Pairs(ctx, string(q.Name), string(q.Host), q.Since, q.Until)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if _, _, err := r.Texts(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// newestFindings is how many recorded findings status shows.
const newestFindings = 10

// Summary sums the log up, with the findings recorded last.
func (r *Reader) Summary(ctx context.Context) (*wire.Counts, []*View, error) {
	counts, err := r.Counts(ctx)
	if err != nil {
		return nil, nil, err
	}
	var found []*View
	for v, err := range r.Log(ctx, Filter{Kinds: []string{string(entry.Finding)}, Limit: newestFindings}, newestFindings) {
		if err != nil {
			return nil, nil, err
		}
		found = append(found, v)
	}
	return counts, found, nil
}

// tape is a store of which every piece that is looked at is handed on, once.
type tape struct {
	local
	under  uint64
	emit   func(*wire.Piece) (int, error)
	sent   map[string]struct{}
	bytes  int
	failed error // the first error of emit, or the end of what one answer may take
}

// maxSent bounds what is remembered of what went out; forgetting costs only that
// something goes out twice.
const maxSent = 1 << 17

func (t *tape) out(p *wire.Piece) error {
	key := p.Key()
	if _, again := t.sent[key]; again && key != "" {
		return t.failed
	}
	if t.failed != nil {
		return t.failed
	}
	if len(t.sent) >= maxSent {
		clear(t.sent)
	}
	t.sent[key] = struct{}{}
	n, err := t.emit(p)
	if t.bytes += n; err == nil && t.bytes > hardAnswer {
		err = errEnough
	}
	t.failed = err
	return err
}

// ground is the piece that everything else stands on. Whoever believes in a larger
// tree than there is gets no proof, and finds that out.
func (t *tape) ground(ctx context.Context, believed uint64) error {
	cp := t.tree.Checkpoint()
	g := &wire.Ground{Checkpoint: cp.Note}
	if believed > 0 && believed < cp.Size {
		var err error
		if g.Consistency, err = t.tree.Consistency(ctx, believed); err != nil {
			return err
		}
	}
	return t.out(&wire.Piece{Ground: g})
}

func (t *tape) Checkpoint() verify.Checkpoint {
	cp := t.tree.Checkpoint()
	cp.Size = t.under
	return cp
}

func (t *tape) Entry(ctx context.Context, i uint64) ([]byte, error) {
	raw, err := t.tree.Entry(ctx, i)
	p := &wire.ProvedEntry{Index: i, Note: raw}
	if err == nil {
		p.Proof, err = t.tree.InclusionAt(ctx, t.under, i)
	}
	if f := (*verify.Finding)(nil); errors.As(err, &f) {
		p.Note, p.Proof, p.Why = nil, nil, f.Detail
	} else if err != nil {
		return nil, err
	}
	return raw, errors.Join(err, t.out(&wire.Piece{Entry: p}))
}

// Entries implements [Store]: whoever asked reads them where the log is open.
func (t *tape) Entries(ctx context.Context) iter.Seq2[tlog.Entry, error] {
	return t.tree.Entries(ctx, 0, t.under)
}

func (t *tape) Open(ctx context.Context, i uint64, id entry.ID, lines []entry.Line) ([]wire.Disclosure, error) {
	got, err := t.local.Open(ctx, i, id, lines)
	if err != nil {
		return nil, err
	}
	for k := range got {
		if err := t.out(&wire.Piece{Disclosure: &got[k]}); err != nil {
			return nil, err
		}
	}
	return got, nil
}

func (t *tape) Ask(ctx context.Context, q wire.Lookup) (wire.Found, error) {
	if q.Entries != nil && q.Entries.Limit != 1 && t.bytes > softAnswer {
		t.failed = errEnough
		return wire.Found{}, errEnough
	}
	f, err := t.local.Ask(ctx, q)
	if err != nil {
		return f, err
	}
	return f, t.out(&wire.Piece{Told: &wire.Told{Lookup: q, Found: f}})
}

// pieces are what was asked for by name. What cannot be had ends the answer: the
// error is told to whoever asked.
func (t *tape) pieces(ctx context.Context, wants []wire.Want) error {
	for _, w := range wants {
		var err error
		switch {
		case w.Entry != nil && *w.Entry < t.under:
			_, err = t.Entry(ctx, *w.Entry)
			if errors.As(err, new(*verify.Finding)) {
				err = t.failed // the piece says so
			}
		case w.Open != nil && *w.Open < t.under:
			err = t.openSome(ctx, *w.Open, w.Lines)
		case w.Lookup != nil:
			_, err = t.Ask(ctx, *w.Lookup)
		default:
			err = fmt.Errorf("%w: a piece that there cannot be", ErrQuestion)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tape) openSome(ctx context.Context, i uint64, names []string) error {
	id, lines, err := t.linesOf(ctx, i)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		lines = lines[:0:0]
	}
	for _, n := range names {
		l, err := entry.ParseLine(n)
		if err != nil {
			return err
		}
		lines = append(lines, l)
	}
	_, err = t.Open(ctx, i, id, lines)
	return err
}

// linesOf are all lines that may open anything of an entry, texts included; none
// where the index knows no entry.
func (t *tape) linesOf(ctx context.Context, i uint64) (id entry.ID, lines []entry.Line, err error) {
	raw, err := t.tree.Entry(ctx, i)
	if err != nil {
		return id, nil, err
	}
	e, err := entry.Parse(raw)
	if err != nil {
		return id, nil, err
	}
	lines = e.Lines()
	for k := range e.What {
		lines = append(lines, entry.LineText(k))
	}
	return e.ID(), lines, nil
}

// disclosures are everything that opens a range of entries. A leaf that is no entry
// has none; a line that nothing was ever kept for is passed over.
func (t *tape) disclosures(ctx context.Context, from, to uint64) error {
	for i := from; i < min(to, t.under); i++ {
		id, lines, err := t.linesOf(ctx, i)
		if err != nil && (errors.As(err, new(*verify.Finding)) || errors.As(err, new(*entry.SyntaxError)) || errors.Is(err, entry.ErrVersion)) {
			continue
		}
		if err != nil {
			return err
		}
		got, err := t.local.Open(ctx, i, id, lines)
		if err != nil {
			return err
		}
		for k := range got {
			if got[k].State != wire.Opens {
				continue
			}
			if _, err := t.emit(&wire.Piece{Disclosure: &got[k]}); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}
