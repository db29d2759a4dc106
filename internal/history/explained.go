package history

import (
	"context"
	"slices"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

// Giver is who gave a reason, where that is neither the actor nor the person behind
// him.
type Giver struct {
	body.Giver
	Host string `json:"host,omitempty"` // where it was given, if not on the host of the entry
}

// explained is the reason that a remark gave for an entry. That of the actor, of the
// person behind him or of root counts before those of others of the host, and these
// before what came from elsewhere; of several the latest.
func (r *Reader) explained(ctx context.Context, e *entry.Entry, v *View) (best *Reason) {
	id := e.ID()
	remarks, err := r.naming(ctx, id, func(by *entry.Entry) bool {
		return by.Kind == entry.Remark && by.Open.Says == "reason" && by.Open.About[0] == id
	})
	if err != nil {
		return nil
	}
	most := -1
	for _, g := range slices.Backward(remarks) {
		why, weight := r.remark(ctx, g.Index, e, v)
		if why != nil && weight > most {
			best, most = why, weight
		}
	}
	return best
}

// The weights of remarks.
const (
	fromElsewhere = iota
	fromHost
	fromActor
)

// remark is the reason that the remark at an index gives for an entry, and its
// weight; nil where it does not stand there by right.
func (r *Reader) remark(ctx context.Context, i uint64, about *entry.Entry, v *View) (*Reason, int) {
	e, j, err := r.word(ctx, i)
	if err != nil || j.wrong != nil {
		return nil, 0
	}
	o, err := r.open(ctx, i, e, entry.LineWho, entry.LineWhy)
	if err != nil {
		return nil, 0
	}
	why := reason(o.bodies.why)
	if why == nil {
		return nil, 0
	}
	var giver Giver
	if w := o.bodies.who; w != nil {
		giver.Giver = body.Giver{User: w.User, UID: w.UID}
	}
	switch {
	case e.Source != about.Source:
		giver.Host, why.GivenBy = j.by.name(), &giver
		return why, fromElsewhere
	case v.Actor != nil && v.Actor.IsPerson(giver.UID):
		return why, fromActor
	case giver.UID != nil && *giver.UID == 0:
		why.GivenBy = &giver
		return why, fromActor
	}
	why.GivenBy = &giver
	return why, fromHost
}
