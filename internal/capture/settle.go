package capture

import (
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/inode"
)

const (
	quiet   = 50 * time.Millisecond  // without a notification, and a path is settled
	goneFor = 200 * time.Millisecond // the same, while it is not there: editors put it back
	longest = time.Second            // after the first notification, settled or not
	holding = 10 * time.Second       // the same, while its creator has not closed it
)

// maxTexts bounds the texts kept of one path while it does not settle; the
// oldest beyond it are told as unread.
const maxTexts = 64

// pending is a path that is being changed: what was seen of it, in order, and
// what is still to be looked at.
type pending struct {
	path        string
	first, last time.Time // of the notifications, on the loop's clock
	sights      []sight
	events      int // since the last sight
	held        int // bytes of texts in sights, as they were last added up

	deferred *fanotify.Happening // to be looked at once quiet: its writer may be at it
	peeked   bool                // a provisional look was taken meanwhile
	suspect  *scan               // found it, nobody told
	lost     bool                // it was told last as unread
	found    bool                // in a place that was added
	mount    string              // that hid or uncovered it
}

// weigh adds up the texts and says by how much they have grown.
func (p *pending) weigh() (grown int) {
	was := p.held
	p.held = 0
	for i := range p.sights {
		p.held += len(p.sights[i].content)
	}
	return p.held - was
}

func (p *pending) top() *sight {
	if len(p.sights) == 0 {
		return nil
	}
	return &p.sights[len(p.sights)-1]
}

// push adds a sight unless it shows what the one before showed.
func (p *pending) push(s sight, h fanotify.Happening) {
	s.by, s.layer, s.at, s.since, s.from = h.By, h.Layer, h.At, h.Since, h.From
	s.events, p.events = p.events, 0
	t := p.top()
	switch {
	case t == nil || !t.shows(s):
		p.sights = append(p.sights, s)
	case s.identical(*t) && h.Kind&(fanotify.Written|fanotify.Arrived) != 0 && !t.by.SameAs(s.by):
		p.reassign(s)
	default:
		t.events += s.events
	}
	if n := len(p.sights) - 1 - maxTexts; n >= 0 {
		p.sights[n].lose()
	}
}

// reassign: a second process wrote, and the same inode with the same times was
// seen as after the first. What was seen is the work of the second; the text of
// the first was gone before it could be read. Where a listing came first, there
// was no first process.
func (p *pending) reassign(s sight) {
	t := p.top()
	if t.by.PID == 0 {
		s.events += t.events
		*t = s
		return
	}
	if n := len(p.sights) - 2; n >= 0 && p.sights[n].kept && p.sights[n].by.SameAs(t.by) {
		s.events += t.events
		*t = s // that the first wrote is told
		return
	}
	*t = sight{unread: true, by: t.by, layer: t.layer, at: t.at, events: t.events}
	p.sights = append(p.sights, s)
}

func (s *sight) lose() {
	s.unread, s.content, s.has = true, nil, false
}

// shows: the two sights are the same state.
func (s sight) shows(o sight) bool {
	if s.unread || o.unread || s.exists != o.exists {
		return false
	}
	return !s.exists || (s.known.SameText(o.known) && s.known.SameAttributes(o.known))
}

// identical: nothing at all happened between the two.
func (s sight) identical(o sight) bool { return s.exists && s.known == o.known }

// due is when p is settled if nothing more happens.
func (p *pending) due(live bool) time.Time {
	limit, wait := p.first.Add(longest), quiet
	switch t := p.top(); {
	case p.suspect != nil && live, p.deferred != nil && p.deferred.Kind&fanotify.Created != 0:
		wait = longest
	case t != nil && !t.exists && !t.unread && p.deferred == nil, p.deferred != nil && p.deferred.Kind&fanotify.Removed != 0:
		wait = goneFor
	}
	if at := p.last.Add(wait); at.Before(limit) {
		return at
	}
	return limit
}

// fold drops what one process passed through on its way from one state to
// another, as editors do. Of a name that a program reads nothing is dropped that
// stood there and is gone: it may have been read.
func fold(sights []sight, read bool) []sight {
	var kept []sight
	for _, s := range slices.Backward(sights) {
		if n := len(kept); n > 0 && s.transient(kept[n-1]) && !(read && s.stood() && !kept[n-1].exists) {
			next := &kept[n-1]
			next.events += s.events
			if s.from != "" && next.from == "" && next.exists {
				next.from = s.from
			}
			continue
		}
		kept = append(kept, s)
	}
	slices.Reverse(kept)
	return kept
}

func (s sight) stood() bool { return s.exists || s.unread }

// transient says whether s was a step of the process that then made next.
func (s sight) transient(next sight) bool {
	if !s.by.SameAs(next.by) {
		return false
	}
	brief := next.at.Sub(s.at) < quiet
	switch {
	case s.kept:
		return false
	case s.unread, s.provisional, s.linked: // a second name may be a copy to go back to
		return true
	case !s.exists:
		return next.exists
	case !next.exists:
		return brief && !next.unread
	}
	return s.known.SameText(next.known) || (brief && s.known.Size == 0 && s.known.Regular())
}

// action tells what changed between two states. False: nothing.
func action(before inode.Known, existed bool, s sight) (body.Action, bool) {
	switch {
	case !existed && !s.exists:
		return "", false
	case !existed:
		return body.Create, true
	case !s.exists:
		return body.Delete, true
	case !before.SameText(s.known):
		return body.Modify, true
	case !before.SameAttributes(s.known):
		return body.Attributes, true
	}
	return "", false
}

const (
	// lagAtMost is how far behind the kernel a look may be without anything being
	// missed: an idle reader looks at an empty queue every 100 ms.
	lagAtMost = 100*time.Millisecond + quiet
	// lagTold is the lag of the reader behind the kernel beyond which the time of a
	// change is told as an interval.
	lagTold = time.Second
)

// lagged: by now a text may have stood for long enough to be recorded, and been
// replaced.
func (l *loop) lagged(h fanotify.Happening) bool {
	return !h.Since.IsZero() && l.c.cfg.Now().Sub(h.Since) > lagAtMost
}

// steps: who wrote it has given it another name. What it was under this one is a
// step on the way.
func (p *pending) steps(h fanotify.Happening) {
	for i := range p.sights {
		if p.sights[i].by.SameAs(h.By) {
			p.sights[i].kept = false
		}
	}
}

// interval is when a change happened at the earliest, where it was read too late
// for its time to be that of the reading.
func (s *sight) interval() (since time.Time) {
	if !s.since.IsZero() && s.at.Sub(s.since) > lagTold {
		return s.since
	}
	return time.Time{}
}
