package capture

import (
	"slices"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/names"
)

// tell hands over what p went through. The record moves on with each
// observation, before the handler has it: a crash in between is a difference
// that the scan of the next start finds.
func (l *loop) tell(p *pending) {
	told, lost := 0, p.lost
	defer func(finding bool, mount string) { l.finding, l.mount = finding, mount }(l.finding, l.mount)
	l.finding, l.mount = p.found, p.mount
	for _, s := range fold(p.sights, l.set.Read(p.path)) {
		if s.unread {
			l.tellUnread(p.path, s)
			told, lost = told+1, true
			continue
		}
		if l.tellSight(p.path, s, lost) {
			told++
		}
		lost = false
	}
	p.lost = lost
	if told == 0 {
		l.c.count(func(s *Status) { s.Counters.Unchanged++ })
	}
}

// tellUnread tells of a change whose text is not known; the record stays.
func (l *loop) tellUnread(path string, s sight) {
	k, existed := l.recorded[path]
	a := body.Modify
	if !existed {
		a = body.Create
	}
	l.put(&Observation{Path: path, Action: a, Marks: []string{body.MarkUnread}, Known: k}, s) // nothing else is known either
}

// tellSight tells of a state, if it is another one than was recorded, or if a
// text was lost in between.
func (l *loop) tellSight(path string, s sight, lost bool) bool {
	from, origin := l.renamedFrom(path, s)
	before, existed := l.recorded[path]
	a, changed := action(before, existed, s)
	switch {
	case from != "":
		a = body.Rename
	case !changed && lost && s.exists:
		a = body.Modify
	case !changed && lost: // it was told to be there
		a = body.Delete
	case !changed:
		l.record(path, s)
		return false
	}
	names := l.otherNames(path, before, s)
	l.record(path, s)
	o := observe(path, from, a, s)
	if o.Before, o.Names = before, names; from != "" {
		o.Before = origin
	}
	l.put(o, s)
	return true
}

func observe(path, from string, a body.Action, s sight) *Observation {
	return &Observation{
		Path: path, From: from, Action: a,
		Content: s.content, HasContent: s.has, Digest: s.sum,
		Size: s.known.Size, Mode: s.known.Mode, Owner: s.known.Owner(),
		Attributes: s.beside, Marks: slices.Clone(s.marks), Known: s.known,
		Target: s.target, Real: s.real(),
	}
}

// renamedFrom returns the name s had before, and what was recorded of it, if a
// subject of that name is gone and was this very inode. Its history goes on under
// the new name.
func (l *loop) renamedFrom(path string, s sight) (string, inode.Known) {
	if s.from == "" || s.from == path || !s.exists || !l.set.Subject(s.from) {
		return "", inode.Known{}
	}
	if _, there := l.stat(s.from); there {
		return "", inode.Known{}
	}
	if l.onTheWay(s) {
		return "", inode.Known{}
	}
	gone := l.settleSource(s)
	k, ok := l.recorded[s.from]
	if !ok && gone != nil && gone.lost { // told to be there; nothing else is known of it
		return s.from, inode.Known{}
	}
	if !ok || k.Ino != s.known.Ino {
		if gone != nil { // it was not this file: its removal is told by itself
			l.pending[s.from] = gone
		}
		return "", inode.Known{}
	}
	delete(l.recorded, s.from)
	l.linked.Drop(s.from, names.FileOf(k))
	return s.from, k
}

// onTheWay says whether the source of a rename was a step of the process that made
// it, as of one who writes a file anew and then puts it in place. It is dropped: its
// text is told under the name that it got. Where another text stood under it for long
// enough to be told, it is not.
func (l *loop) onTheWay(s sight) bool {
	p := l.pending[s.from]
	if _, existed := l.recorded[s.from]; p == nil || existed || s.by.PID == 0 || l.set.Read(s.from) {
		return false
	}
	if p.deferred != nil && !p.deferred.By.SameAs(s.by) {
		return false
	}
	for i := range p.sights {
		if !p.sights[i].by.SameAs(s.by) {
			return false
		}
	}
	if stood(p.sights, s) {
		return false
	}
	delete(l.pending, s.from)
	l.held -= p.held
	return true
}

// stood says whether another text than the last one stood among sights for long
// enough to be told.
func stood(sights []sight, last sight) bool {
	var since *sight // of the text that stands
	for i := range sights {
		s := &sights[i]
		if since != nil && !(s.exists && s.known.SameText(since.known)) {
			if s.at.Sub(since.at) >= quiet {
				return true
			}
			since = nil
		}
		if since == nil && s.exists && !s.unread && !s.provisional && !s.known.SameText(last.known) {
			since = s
		}
	}
	return since != nil && last.at.Sub(since.at) >= quiet
}

// settleSource tells what happened to the source of a rename before the rename.
// What it returns has only the removal left to tell.
func (l *loop) settleSource(s sight) *pending {
	p := l.pending[s.from]
	if p == nil {
		return nil
	}
	delete(l.pending, s.from)
	l.held -= p.held
	rest := &pending{path: p.path, first: p.first, last: p.last}
	if t := p.top(); t != nil && !t.exists && !t.unread {
		rest.sights = []sight{*t}
		p.sights = p.sights[:len(p.sights)-1]
	}
	l.tell(p)
	rest.lost = p.lost
	return rest
}

// record moves the record of path on, and marks a new file under its own inode,
// so that writes under its other names are noticed.
func (l *loop) record(path string, s sight) {
	if l.c.cages.holds(path) {
		return // of a canary nothing is kept
	}
	before, existed := l.recorded[path]
	if !s.exists {
		delete(l.recorded, path)
		l.c.behind.Put(path, nil)
		l.linked.Drop(path, names.FileOf(before))
		if existed {
			l.readable(path, nil) // there is nothing to read any more
			l.sensor.Forget(path)
		}
		return
	}
	l.recorded[path] = s.known
	l.linked.Add(path, names.FileOf(s.known), s.known.Links)
	if s.known.Regular() && !(existed && before.SameFile(s.known)) {
		l.markFile(path)
	}
	if !existed {
		l.ledHere(path, s)
	}
}

// counted adds this loop's counts to those of the capture.
func (l *loop) counted() {
	marks := l.sensor.Marks()
	watched, pending := len(l.recorded)-l.counts.watched, len(l.pending)-l.counts.pending
	l.counts.watched, l.counts.pending = len(l.recorded), len(l.pending)
	l.c.count(func(s *Status) { s.Watched, s.Pending, s.Marks = s.Watched+watched, s.Pending+pending, marks })
}

// put completes an observation and puts it into the box, after the gap it
// belongs to.
func (l *loop) put(o *Observation, s sight) {
	o.Time, o.Since, o.Layer, o.Events, o.Found, o.Mount = s.at, s.interval(), s.layer, s.events, l.finding, l.mount
	o.Who, o.Line, o.Confidence = s.by.Who, s.by.Line, s.by.Certainty()
	if l.c.cages.came(o) {
		return
	}
	if s.unreported != nil {
		l.tellGap(s.unreported)
	}
	l.c.count(func(st *Status) { st.Counters.add(o, s.unreported != nil) })
	l.out.put(item{obs: o, uid: l.uid})
}

func (c *Counters) add(o *Observation, unreported bool) {
	c.Changed++
	if unreported {
		c.Unreported++
	}
	if slices.Contains(o.Marks, body.MarkUnread) {
		c.Unread++
	}
	if o.Who == nil {
		c.Unknown++
	}
}

// tellGap tells, once per scan, that something went by unseen.
func (l *loop) tellGap(s *scan) {
	if s.told {
		return
	}
	s.told = true
	l.out.put(item{gap: &Gap{Since: s.since, Cause: s.cause}})
	l.c.cfg.Log.Warn("gap found", "since", s.since, "cause", s.cause)
}
