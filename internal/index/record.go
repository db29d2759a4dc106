package index

import (
	"math"
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

// Record is one entry as the index sees it. It is a function of the entry and
// of what its disclosures say ([From]), and of nothing else.
type Record struct {
	Index    uint64
	Kind     entry.Kind // empty: a leaf that was not understood
	Source   entry.Source
	Seq      uint64
	ID       entry.ID
	Recorded time.Time // the source's clock
	Happened time.Time // as claimed, else the earliest change, else Recorded
	Actors   []string  // user, login user and author, without repetition
	Loc      uint64    // where the vault keeps its disclosures
	Changes  []Change  // one for each what line, in order
	Import   *body.Import
	Code     string     // finding
	Enrols   *Enrolled  // enrol
	Refs     []entry.ID // that a remark or finding is about, that an erase voids lines of
}

// Change is one what line. One that is not disclosed has only zero fields.
type Change struct {
	Host   string // as told; for a watcher the index takes the host of its enrolment
	Agent  string
	Path   string // any bytes
	From   string // rename: the path before
	Action body.Action
	Text   uint64 // where the vault keeps the text; 0: nowhere
}

// Enrolled is what an enrol entry says about the source it introduces.
type Enrolled struct {
	Source entry.Source
	Role   entry.Role
	Host   string // empty: not disclosed, or none
}

// Opened is what the disclosures of an entry say. What is erased, missing or
// malformed is nil.
type Opened struct {
	Who   *body.Who
	Why   *body.Why
	How   *body.How
	What  []*body.What // by k; may be shorter than the entry's what lines
	Loc   uint64       // where the vault keeps the disclosures
	Texts []uint64     // by k, as the vault numbers texts; may be shorter
}

// From says what an entry contributes to the index. A nil entry is a leaf that
// was not understood.
func From(index uint64, e *entry.Entry, o Opened) Record {
	r := Record{Index: index, Loc: o.Loc}
	if e == nil {
		return r
	}
	r.Kind, r.Source, r.Seq, r.ID, r.Recorded = e.Kind, e.Source, e.Seq, e.ID(), e.At()
	r.Happened = happened(r.Recorded, o)
	r.Actors = actors(o.Who)
	r.Changes = changes(len(e.What), o)
	r.Code = e.Open.Code
	r.Refs = refs(&e.Open)
	if o.How != nil {
		r.Import = o.How.Import
	}
	if e.Kind == entry.Enrol {
		r.Enrols = &Enrolled{Source: e.Open.Key.Source(), Role: e.Open.Role}
		if o.How != nil && o.How.Host != nil {
			r.Enrols.Host = o.How.Host.Name
		}
	}
	return r
}

// happened is the time by which people search.
func happened(recorded time.Time, o Opened) time.Time {
	if o.How != nil && o.How.Claimed != nil {
		if t, err := time.Parse(time.RFC3339Nano, o.How.Claimed.Time); err == nil {
			return t.UTC()
		}
	}
	var first time.Time
	for _, w := range o.What {
		if w == nil {
			continue
		}
		if t, err := time.Parse(time.RFC3339Nano, w.Time); err == nil && (first.IsZero() || t.Before(first)) {
			first = t.UTC()
		}
	}
	if first.IsZero() {
		return recorded
	}
	return first
}

func actors(w *body.Who) []string {
	if w == nil {
		return nil
	}
	var names []string
	for _, n := range []string{w.User, w.LoginUser, w.Author} {
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

func changes(n int, o Opened) []Change {
	if n == 0 {
		return nil
	}
	out := make([]Change, n)
	for k := range out {
		if k < len(o.Texts) {
			out[k].Text = o.Texts[k]
		}
		if k >= len(o.What) || o.What[k] == nil {
			continue
		}
		w, c := o.What[k], &out[k]
		c.Host, c.Agent, c.Action = w.Host, w.Agent, w.Action
		c.Path = body.Text(w.Path, w.Path64)
		if w.Action == body.Rename {
			c.From = body.Text(w.From, w.From64)
		}
	}
	return out
}

// Revoked is a source in the place of an entry id, so that what revokes it can be
// found like what names an entry.
func Revoked(src entry.Source) (id entry.ID) {
	copy(id[:], src[:])
	return id
}

// Erasers stands in the place of an entry id for what says how many persons an
// erasure needs.
var Erasers = entry.ID{31: 1}

// refs are the entries an entry names, the source it revokes, and [Erasers], each
// once, in ascending order.
func refs(o *entry.Open) []entry.ID {
	ids := slices.Clone(o.About)
	if o.Source != nil {
		ids = append(ids, Revoked(*o.Source))
	}
	if o.Erasers > 0 {
		ids = append(ids, Erasers)
	}
	for _, v := range o.Voids {
		ids = append(ids, v.ID)
	}
	slices.SortFunc(ids, func(a, b entry.ID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// Nanos is a time as an index holds it. Times that 64 bits of nanoseconds
// do not reach are moved to the end of what they do reach, years 1678 and 2262.
func Nanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}
