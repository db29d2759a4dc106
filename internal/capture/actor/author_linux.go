package actor

import (
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/bpf"
)

// Author says who made a file what it is, by the kernel's record of who set its
// time of change to what it is. Of two who write within one tick of the clock of its
// file system, neither of them told of, it is the first.
func (t *Tracer) Author(f File) Actor {
	if t == nil {
		return Actor{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.touches == nil {
		return t.family(f)
	}
	touches, whole := t.touches.Of(f.Dev, f.Ino)
	touch, sure := f.author(touches, whole)
	if touch.PID == 0 {
		return Actor{}
	}
	return t.toucher(touch, sure)
}

// Lately is the process that has, or had a moment ago, a number, as whoever did what
// comes without an order among the notifications. It is likely at most.
func (t *Tracer) Lately(pid int) Actor {
	if t == nil || pid <= 0 {
		return Actor{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.drain() || len(t.kin.processes[pid]) != 1 {
		return Actor{}
	}
	p := t.kin.current(pid)
	if p.latest().image == nil {
		return Actor{}
	}
	ids, ok := t.look(p)
	if !ok {
		ids = p.known
	}
	return t.described(p, p.latest(), ids, false)
}

// author chooses among those who touched a file, the latest first: who wrote what
// it says or brought it where it is, or else who changed it last. It is sure where
// that is who touched it last, and nobody else had it there before: which is known
// where they are the whole of those who touched it, or go back to before it was known
// to be another. The kernel's record forgets, and anybody can make it forget.
func (f File) author(touches []bpf.Touch, whole bool) (by bpf.Touch, sure bool) {
	before := func(b bpf.Touch) bool { return b.CtimeNs < f.Since }
	whole = whole || slices.ContainsFunc(touches, before)
	touches = slices.DeleteFunc(touches, before)
	if f.Gone {
		if len(touches) > 0 && touches[0].CtimeNs > f.CtimeNs {
			return touches[0], false
		}
		return bpf.Touch{}, false
	}
	last := slices.IndexFunc(touches, func(b bpf.Touch) bool { return b.CtimeNs == f.CtimeNs })
	if last < 0 {
		return bpf.Touch{}, false
	}
	for i, b := range touches[last:] {
		if f.Parent != 0 && b.Parent != 0 && b.Parent != f.Parent {
			return b, i == 0 && f.Links < 2 // else that is the directory of another name
		}
		// Of several within one tick it is the first: others changed what it made.
		if b.CtimeNs == f.MtimeNs && !slices.ContainsFunc(touches[last+i+1:], func(b bpf.Touch) bool { return b.CtimeNs == f.MtimeNs }) {
			return b, i == 0 && last == len(touches)-1 && whole
		}
	}
	return touches[last], last == len(touches)-1 && whole
}

// toucher describes the process of a touch as it was then.
func (t *Tracer) toucher(b bpf.Touch, sure bool) Actor {
	var p *process
	if t.drain() {
		p = t.kin.whose(b.PID, b.Start)
	}
	if p == nil {
		return t.stillThere(b)
	}
	at := p.leading(b.Time)
	if at < 0 || p.lives[at].image == nil {
		return t.stillThere(b)
	}
	l := p.lives[at]
	if at < len(p.lives)-1 {
		return t.described(p, l, l.ids, sure && l.ids == p.lives[at+1].ids)
	}
	ids, ok := t.look(p)
	if !ok {
		ids = p.known
	}
	return t.described(p, l, ids, sure && ok && ids == l.ids)
}

// stillThere asks /proc for the process of a touch. It may have become another
// program since.
func (t *Tracer) stillThere(b bpf.Touch) Actor {
	same := func() bool { return began(b.PID, b.Start) }
	if !same() {
		return Actor{}
	}
	a := t.proc.Actor(Named{PID: b.PID, Same: same})
	if a.Who != nil {
		a.Confidence = body.Likely
	}
	return a
}

// began reports whether the process that has the number began then.
func began(pid int, start time.Duration) bool {
	dir, err := openProc(pid)
	if err != nil {
		return false
	}
	defer dir.close()
	return dir.began(start)
}

func (d procDir) began(start time.Duration) bool {
	return sameStart(ticks(parseStat(d.read("stat", 2<<10)).started), start)
}
