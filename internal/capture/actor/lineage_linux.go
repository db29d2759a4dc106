package actor

import (
	"slices"
	"time"

	"github.com/stele-log/stele/internal/capture/bpf"
)

// lineage knows the processes of this host, what program each one was at which
// time and who made it, from the records of the kernel. It is a plain data
// structure: whoever owns it feeds it.
type lineage struct {
	groups    func(id uint64) cgroup // what a control group stands for
	processes map[int][]*process     // by number, oldest first
	gone      []*process             // those that ended, in that order
}

// Limits of what is remembered. A process that ended is kept for a while, for
// notifications that are still to be read, and longer as an ancestor of others.
const (
	keepFor  = 10 * time.Second
	maxGone  = 1 << 15
	maxLives = 8
)

// process is one process for all its life.
type process struct {
	pid   int
	start time.Duration // since boot; of what was read from /proc, in ticks
	born  moment
	lives []life  // oldest first, never empty
	known bpf.IDs // what it acted under when that was last looked at
	held  moment  // since when it is known to have; zero: all of its latest life
	ended bool
	end   time.Duration
	final bpf.IDs // known once it ended

	makerPID int
	maker    *process // nil: not known, or of no more use
	under    life     // what the maker was then

	address string // where its person came from, read from its environment
	asked   bool   // the environment of its latest life was looked at
	peer    string // of root's end of an ssh session: the other end of its connection
	greeted int    // how often that was looked for
}

// life is the time of a process in one program.
type life struct {
	from  moment
	at    time.Duration // the same since boot; 0: not known, before there were records
	image *image        // nil: not known
	ids   bpf.IDs
	tty   string
	group cgroup
}

// cgroup is what a control group says about those in it.
type cgroup struct{ unit, container string }

// image is a program as it was called. It is shared and never altered.
type image struct {
	exe     string
	command []string
	partial bool // its command line could not be read
}

func newLineage(groups func(uint64) cgroup) *lineage {
	return &lineage{groups: groups, processes: map[int][]*process{}}
}

// take follows a record that was made at a moment.
func (l *lineage) take(r *bpf.Record, at moment) {
	switch r.Kind {
	case bpf.Fork:
		l.fork(r, at)
	case bpf.Exec:
		l.exec(r, at)
	case bpf.Exit:
		p := l.of(r, at)
		if !p.ended { // two last threads can both say so
			l.gone = append(l.gone, p)
		}
		p.ended, p.end, p.final = true, r.Time, r.IDs
	}
}

func (l *lineage) fork(r *bpf.Record, at moment) {
	p := l.newProcess(r, at)
	p.makerPID = r.Maker
	if m := l.current(r.Maker); m != nil && sameStart(m.start, r.MakerStart) {
		p.madeBy(m)
		p.lives[0].image = p.under.image
	}
	l.add(p)
}

func (l *lineage) newProcess(r *bpf.Record, born moment) *process {
	return &process{pid: r.PID, start: r.Start, born: born, known: r.IDs, lives: []life{l.life(r, born, nil)}}
}

func (l *lineage) life(r *bpf.Record, from moment, i *image) life {
	return life{from, r.Time, i, r.IDs, ttyOf(r.TTY), l.groups(r.Cgroup)}
}

// madeBy links p to its maker. An ancestor too far up to be told, and gone, is
// of no use any more: without the cut a chain of processes of which each makes
// the next and ends would be remembered for ever.
func (p *process) madeBy(m *process) {
	p.maker, p.makerPID, p.under = m, m.pid, m.latest()
	p.under.ids = p.lives[0].ids // inherited at that moment
	for range maxAncestors {
		if m = m.maker; m == nil {
			return
		}
	}
	if m.ended {
		m.maker = nil
	}
}

func (l *lineage) exec(r *bpf.Record, at moment) {
	p := l.of(r, at)
	if len(p.lives) == maxLives {
		p.lives = slices.Delete(p.lives, 0, 1)
	}
	p.lives = append(p.lives, l.life(r, at, imageOf(r)))
	p.known, p.held, p.asked, p.address = r.IDs, moment{}, false, ""
}

func imageOf(r *bpf.Record) *image {
	i := &image{exe: r.Exe, command: splitCommand(string(r.Args)), partial: r.UnknownArgs}
	if r.CutArgs && len(i.command) > 0 {
		// Half a secret is not known for one.
		i.command[len(i.command)-1] = "…"
	}
	return i
}

// of finds the process a record is about, or takes it up: it began before there
// were records, or its first one was lost.
func (l *lineage) of(r *bpf.Record, at moment) *process {
	if p := l.current(r.PID); p != nil && sameStart(p.start, r.Start) {
		return p
	}
	p := l.newProcess(r, moment{0, at.hi})
	l.add(p)
	return p
}

func (l *lineage) add(p *process) { l.processes[p.pid] = append(l.processes[p.pid], p) }

// current is the latest process of that number.
func (l *lineage) current(pid int) *process {
	ps := l.processes[pid]
	if len(ps) == 0 {
		return nil
	}
	return ps[len(ps)-1]
}

func (p *process) latest() life { return p.lives[len(p.lives)-1] }

// whose is the process of that number that began then.
func (l *lineage) whose(pid int, start time.Duration) *process {
	for _, p := range slices.Backward(l.processes[pid]) {
		if sameStart(p.start, start) {
			return p
		}
	}
	return nil
}

// leading returns which of its lives p led at a time since boot; -1: none that is
// remembered.
func (p *process) leading(at time.Duration) int {
	for i := len(p.lives) - 1; i >= 0; i-- {
		if p.lives[i].at <= at {
			return i
		}
	}
	return -1
}

// sameStart compares times of which one may be known in ticks only.
func sameStart(a, b time.Duration) bool { return a/tickLength == b/tickLength }

// find returns the process of that number that made the notification, and
// whether that is beyond doubt. Where two could be meant it is nil. One that may
// have been made a moment too late, and is the only one of its number for as long
// as a process is remembered, is likely it.
func (l *lineage) find(pid int, number uint64) (p *process, sure bool) {
	for _, q := range slices.Backward(l.processes[pid]) {
		switch q.born.at(number) {
		case happened:
			if p != nil {
				return nil, false
			}
			return q, true
		case unsure:
			if p != nil {
				return nil, false
			}
			p = q
		}
	}
	return p, false
}

// at returns which of its lives p led when it made the notification, and
// whether no other can be meant. Where two can, it is the later one; where none
// is known, -1.
func (p *process) at(number uint64) (index int, sure bool) {
	for i := len(p.lives) - 1; i >= 0; i-- {
		if v := p.lives[i].from.at(number); v != notYet {
			return i, v == happened
		}
	}
	return -1, false
}

// sweep forgets processes that ended before that time, and the oldest when there
// are too many.
func (l *lineage) sweep(before time.Duration) {
	n := 0
	for n < len(l.gone) && (l.gone[n].end < before || len(l.gone)-n > maxGone) {
		l.remove(l.gone[n])
		n++
	}
	l.gone = slices.Delete(l.gone, 0, n)
}

func (l *lineage) remove(p *process) {
	kept := slices.DeleteFunc(l.processes[p.pid], func(q *process) bool { return q == p })
	if len(kept) == 0 {
		delete(l.processes, p.pid)
	} else {
		l.processes[p.pid] = kept
	}
}

// adopt takes up a process as it was read from /proc, unless records told more
// of it meanwhile.
func (l *lineage) adopt(p *process) {
	known := l.current(p.pid)
	if known == nil {
		l.add(p)
		return
	}
	if !sameStart(known.start, p.start) || known.ended {
		return // p is gone
	}
	if len(known.lives) == 1 && known.lives[0].image == nil {
		known.lives[0].image = p.lives[0].image
	}
	if known.makerPID == 0 {
		known.makerPID = p.makerPID
	}
}

// link joins those that were adopted with their makers.
func (l *lineage) link() {
	for _, ps := range l.processes {
		for _, p := range ps {
			m := l.current(p.makerPID)
			if p.maker != nil || m == nil || m == p || m.start/tickLength > p.start/tickLength {
				continue
			}
			p.maker, p.under = m, m.latest()
			if p.lives[0].image == nil {
				p.lives[0].image = p.under.image
			}
		}
	}
}
