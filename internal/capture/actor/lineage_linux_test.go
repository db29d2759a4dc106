package actor

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/internal/capture/bpf"
)

// queue is a queue of notifications that knows what order does not.
type queue struct {
	now        time.Duration
	made, read uint64
	reading    *Read // under way
}

func (q *queue) waiting() uint32 { return uint32(q.made - q.read) }

// step lets something happen beside what is measured.
func (q *queue) step(t *rapid.T, o *order) {
	q.now += time.Duration(rapid.IntRange(1, 3).Draw(t, "time"))
	switch b := q.reading; rapid.IntRange(0, 3).Draw(t, "step") {
	case 0:
		q.made += uint64(rapid.IntRange(1, 3).Draw(t, "made"))
	case 1:
		if b == nil {
			q.reading = &Read{Waited: q.waiting(), Began: q.now}
		}
	case 2:
		if b != nil && q.made > q.read { // one at a time, as the kernel does
			b.Events, q.read = b.Events+1, q.read+1
		}
	case 3:
		if b != nil {
			b.Ended = q.now
			q.now++
			b.Left = q.waiting()
			o.took(*b)
			q.reading = nil
		}
	}
}

// noted is a record as the kernel writes it, and how many notifications had
// really been made then.
type noted struct {
	from, until time.Duration
	waiting     uint32
	made        uint64
	beside      bool // no read was under way
}

func note(t *rapid.T, q *queue, o *order) noted {
	n := noted{from: q.now, beside: q.reading == nil}
	for range rapid.IntRange(0, 2).Draw(t, "before") {
		q.step(t, o)
	}
	n.waiting, n.made = q.waiting(), q.made
	n.beside = n.beside && q.reading == nil
	for range rapid.IntRange(0, 2).Draw(t, "after") {
		q.step(t, o)
	}
	n.until = q.now
	q.now++
	return n
}

// The order never says that something came before what it came after, and
// knows exactly where no read was near.
func TestOrderIsNeverWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o order
		var q queue
		var notes []noted
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "note") {
				notes = append(notes, note(t, &q, &o))
			}
			q.step(t, &o)
		}
		for q.reading != nil { // records are taken between reads
			q.step(t, &o)
		}
		for _, n := range notes {
			m := o.moment(n.from, n.until, n.waiting)
			if n.made < m.lo || n.made > m.hi {
				t.Fatalf("%+v: %d had been made, order says %+v; reads %+v", n, n.made, m, o.reads)
			}
			if blind := o.moment(n.from, n.until, bpf.Unset); n.made < blind.lo || n.made > blind.hi {
				t.Fatalf("%+v: without the queue's length %+v", n, blind)
			}
		}
	})
}

func TestOrderBesideReadsIsExact(t *testing.T) {
	var o order
	o.took(Read{Events: 3, Waited: 3, Began: 10, Ended: 20})
	o.took(Read{Events: 2, Waited: 1, Began: 30, Ended: 40, Left: 1})
	for _, c := range []struct {
		at      time.Duration
		waiting uint32
		want    moment
	}{
		{5, 2, moment{2, 2}},
		{25, 1, moment{4, 4}},
		{45, 0, moment{5, 5}},
		{35, 0, moment{4, 5}}, // one of the two had been read, or both
		{35, 1, moment{4, 6}},
		{25, bpf.Unset, moment{3, math.MaxUint64}},
	} {
		if got := o.moment(c.at, c.at, c.waiting); got != c.want {
			t.Errorf("at %d with %d waiting: %+v, want %+v", c.at, c.waiting, got, c.want)
		}
	}
	for range 2 * maxReads {
		o.took(Read{Events: 1, Began: 50, Ended: 60})
	}
	if want := (moment{2, o.reads[0].before + 2}); len(o.reads) > maxReads || o.moment(5, 5, 2) != want {
		t.Errorf("%d reads are kept; before them %+v, want %+v", len(o.reads), o.moment(5, 5, 2), want)
	}
}

// family builds a lineage; every record stands right before the notification of
// its number.
type family struct {
	*lineage
	now time.Duration
}

func newFamily() *family {
	return &family{lineage: newLineage(func(uint64) cgroup { return cgroup{} })}
}

func (f *family) record(kind bpf.Kind, pid int, number uint64, maker int, exe string) {
	f.now += time.Second
	r := &bpf.Record{Kind: kind, Time: f.now, PID: pid, Maker: maker, Exe: exe, Start: f.now}
	if p := f.current(pid); p != nil && kind != bpf.Fork {
		r.Start = p.start
	}
	if m := f.current(maker); m != nil {
		r.MakerStart = m.start
	}
	f.take(r, moment{number, number})
}

func (f *family) exe(pid int, number uint64) string {
	p, sure := f.find(pid, number)
	if p == nil {
		return "nobody"
	}
	at, one := p.at(number)
	s := p.lives[at].image.exe
	if !sure || !one {
		s += "?"
	}
	return s
}

// A number that is given to another process, and a process that becomes another
// program: each notification finds who it was then.
func TestWhoItWasThen(t *testing.T) {
	f := newFamily()
	f.record(bpf.Exec, 1, 0, 0, "init")
	f.record(bpf.Fork, 7, 10, 1, "")
	f.record(bpf.Exec, 7, 12, 0, "evil")
	f.record(bpf.Exec, 7, 20, 0, "innocent")
	f.record(bpf.Exit, 7, 30, 0, "")
	f.record(bpf.Fork, 7, 40, 1, "")
	f.record(bpf.Exec, 7, 41, 0, "bystander")
	for number, want := range map[uint64]string{
		9: "nobody", 10: "init", 11: "init", 12: "evil", 19: "evil", 20: "innocent", 39: "innocent", 40: "init", 41: "bystander",
	} {
		if got := f.exe(7, number); got != want {
			t.Errorf("notification %d: %s, want %s", number, got, want)
		}
	}
}

// Where the order is not known, two that could be meant are nobody; one alone is
// likely it.
func TestDoubt(t *testing.T) {
	f := newFamily()
	f.record(bpf.Exec, 1, 0, 0, "init")
	f.take(&bpf.Record{Kind: bpf.Fork, PID: 7, Maker: 1, Start: time.Hour, Time: time.Hour}, moment{10, 20})
	f.current(7).lives[0].image = &image{exe: "only"}
	if got := f.exe(7, 15); got != "only?" {
		t.Errorf("one alone: %s", got)
	}
	f.record(bpf.Exit, 7, 21, 0, "")
	f.take(&bpf.Record{Kind: bpf.Fork, PID: 7, Maker: 1, Start: 2 * time.Hour, Time: 2 * time.Hour}, moment{22, 30})
	for number, want := range map[uint64]string{15: "only?", 21: "only", 25: "nobody"} {
		if got := f.exe(7, number); got != want {
			t.Errorf("notification %d: %s, want %s", number, got, want)
		}
	}
}

// Ancestors are told as they were when they made the next, also those gone.
func TestAncestorsThatAreGone(t *testing.T) {
	f := newFamily()
	f.record(bpf.Exec, 1, 0, 0, "init")
	f.record(bpf.Fork, 2, 0, 1, "")
	f.record(bpf.Exec, 2, 0, 0, "sshd")
	f.record(bpf.Fork, 3, 0, 2, "")
	f.record(bpf.Exec, 3, 0, 0, "sudo")
	f.record(bpf.Fork, 4, 0, 3, "")
	f.record(bpf.Exec, 4, 0, 0, "vim")
	f.record(bpf.Exec, 2, 0, 0, "later")
	f.record(bpf.Exit, 3, 0, 0, "")
	f.sweep(f.now + time.Hour)
	var got string
	for p := f.current(4); p.maker != nil; p = p.maker {
		got += " " + p.under.image.exe
	}
	if got != " sudo sshd init" || f.current(3) != nil {
		t.Errorf("ancestors%s", got)
	}
}

// A chain of processes of which each makes the next and ends, and a storm of
// them: memory stays bounded.
func TestLineageIsBounded(t *testing.T) {
	f := newFamily()
	for pid := 1; pid < 100; pid++ {
		f.record(bpf.Fork, pid+1, 0, pid, "")
		f.record(bpf.Exit, pid, 0, 0, "")
	}
	depth := 0
	for p := f.current(100); p.maker != nil; p = p.maker {
		depth++
	}
	if depth > maxAncestors+1 {
		t.Errorf("%d ancestors are remembered", depth)
	}
	for i := range 3 * maxGone {
		r := &bpf.Record{Kind: bpf.Fork, PID: 1000 + i%maxGone, Start: time.Duration(i) * time.Second}
		f.take(r, moment{})
		f.take(&bpf.Record{Kind: bpf.Exit, PID: r.PID, Start: r.Start, Time: f.now}, moment{})
	}
	f.sweep(0)
	if len(f.gone) > maxGone || len(f.processes) > maxGone+1 {
		t.Errorf("%d processes are remembered, %d of them gone", len(f.processes), len(f.gone))
	}
	for range 3 * maxLives {
		f.record(bpf.Exec, 100, 0, 0, "again")
	}
	if n := len(f.current(100).lives); n > maxLives {
		t.Errorf("%d lives are remembered", n)
	}
	f.sweep(f.now + time.Hour)
	if len(f.gone) != 0 || len(f.processes) != 1 {
		t.Errorf("after an hour %v are remembered", fmt.Sprint(f.processes))
	}
}

// What was read from /proc does not overrule what records told meanwhile.
func TestAdopt(t *testing.T) {
	f := newFamily()
	f.record(bpf.Fork, 7, 0, 5, "") // by one that was there before
	f.record(bpf.Exec, 8, 0, 0, "new")
	f.record(bpf.Exit, 9, 0, 0, "")
	for _, pid := range []int{5, 7, 8, 9} {
		p := &process{pid: pid, start: tickLength, lives: []life{{image: &image{exe: "read"}}}, makerPID: 1}
		if c := f.current(pid); c != nil {
			p.start = c.start / tickLength * tickLength
		}
		f.adopt(p)
	}
	f.link()
	for pid, want := range map[int]string{5: "read", 7: "read", 8: "new"} {
		if got := f.exe(pid, 1); got != want {
			t.Errorf("process %d: %s, want %s", pid, got, want)
		}
	}
	if p := f.current(9); !p.ended || f.current(7).maker != f.current(5) {
		t.Errorf("process 9 %+v, maker of 7 %+v", p, f.current(7).maker)
	}
}

// Of a command line that was cut nothing of the last argument is told: it may be
// half a secret.
func TestCutCommand(t *testing.T) {
	i := imageOf(&bpf.Record{Exe: "/bin/x", Args: []byte("x\x00--password\x00hunt"), CutArgs: true})
	if diff := cmp.Diff([]string{"x", "--password", "…"}, i.command); diff != "" {
		t.Error(diff)
	}
	whole := imageOf(&bpf.Record{Exe: "/bin/x", Args: []byte("x\x00--password\x00hunt\x00")})
	if diff := cmp.Diff([]string{"x", "--password", "hunt"}, whole.command); diff != "" || whole.partial {
		t.Error(diff)
	}
}
