package actor

import (
	"os"
	"strconv"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/bpf"
	"github.com/stele-log/stele/internal/doors"
)

// Layer implements [Source].
func (t *Tracer) Layer() string { return LayerBPF }

// Actor implements [Source].
func (t *Tracer) Actor(n Named) Actor {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.drain() {
		return t.proc.Actor(n)
	}
	p, sure := t.find(n)
	if p == nil {
		return t.stranger(n)
	}
	at, one := p.at(n.Number)
	if at < 0 || p.lives[at].image == nil {
		return t.later(n, at == len(p.lives)-1)
	}
	ids, steady := t.acting(p, at, n.Number)
	return t.described(p, p.lives[at], ids, sure && one && steady)
}

// described is p as the actor, in one of its lives. It is certain only where no
// other can be meant.
func (t *Tracer) described(p *process, l life, ids bpf.IDs, sure bool) Actor {
	who, chain := t.who(p, l, ids)
	a := Actor{PID: p.pid, Who: who, Line: line(p.pid, p.start, chain), Confidence: body.Likely}
	if sure && !isShared(chain) && l.image.exe != "" && !l.image.partial {
		a.Confidence = body.Certain
	}
	return a
}

// later asks /proc for a program that was not told of. If the process has become
// another one since, that is what is read.
func (t *Tracer) later(n Named, same bool) Actor {
	a := t.proc.Actor(n)
	if !same && a.Who != nil {
		a.Confidence = body.Likely
	}
	return a
}

// find returns the process that n names, and whether it can be no other. While
// that one lives, nobody else has its number.
func (t *Tracer) find(n Named) (*process, bool) {
	p, sure := t.kin.find(n.PID, n.Number)
	if !sure && n.Same != nil && n.Same() {
		p = t.kin.current(n.PID)
		sure = p != nil
	}
	return p, sure
}

// stranger is a process kin does not know. If it lives, or two could be meant
// and /proc knows which, that is read from there. That one lives and was never
// told of must not be: records were lost without being counted.
func (t *Tracer) stranger(n Named) Actor {
	a := t.proc.Actor(n)
	if t.kin.current(n.PID) == nil && a.Certainty() == body.Certain {
		t.lose(1)
	}
	return a
}

// acting returns the ids that p acted under in one of its lives, when it made
// that notification, and whether they were the same all the time that is in
// question.
func (t *Tracer) acting(p *process, at int, number uint64) (ids bpf.IDs, steady bool) {
	if at < len(p.lives)-1 {
		ids = p.lives[at].ids
		return ids, ids == p.lives[at+1].ids
	}
	now, ok := t.look(p)
	if !ok {
		return p.known, false
	}
	if now != p.known { // what was made before this says nothing about either
		p.known, p.held = now, t.moment()
	}
	return now, p.held.at(number) == happened
}

// look reads what p acts under now, or what it did at its end.
func (t *Tracer) look(p *process) (bpf.IDs, bool) {
	if p.ended {
		return p.final, true
	}
	ids, ok := readIDs(p.pid)
	if whole := t.drain(); p.ended { // what was read may be of a later process
		return p.final, whole
	} else if !whole {
		return bpf.IDs{}, false
	}
	return ids, ok
}

func readIDs(pid int) (bpf.IDs, bool) {
	dir, err := openProc(pid)
	if err != nil {
		return bpf.IDs{}, false
	}
	defer dir.close()
	return dir.ids()
}

func (d procDir) ids() (bpf.IDs, bool) {
	s, ok := parseStatus(d.read("status", 8<<10))
	return bpf.IDs{UID: s.uid, EUID: s.euid, GID: s.gid, LoginUID: d.number("loginuid"), Session: d.number("sessionid")}, ok
}

// who puts down what is known of p in one of its lives, and of those above it.
func (t *Tracer) who(p *process, l life, ids bpf.IDs) (w *body.Who, chain []ancestor) {
	w = &body.Who{
		User: t.proc.names.user(ids.UID), UID: &ids.UID, GID: &ids.GID, PID: p.pid,
		Started: t.proc.since(p.start), Command: l.image.command, TTY: l.tty,
		Unit: l.group.unit, Container: l.group.container, NamedBy: LayerBPF,
	}
	w.Exe, w.Exe64 = encode(l.image.exe)
	if ids.EUID != ids.UID {
		w.EUID = &ids.EUID
	}
	t.proc.login(w, ids.LoginUID)
	chain = t.ancestors(p)
	w.Ancestors = t.proc.names.above(chain, ids.UID)
	arrival(w, ids.Session, t.address(p), chain)
	return w, chain
}

// ancestors climbs from a process to those who made it, each as it was then.
func (t *Tracer) ancestors(p *process) []ancestor {
	var chain []ancestor
	for ; p.maker != nil && len(chain) < maxAncestors; p = p.maker {
		uid := p.under.ids.UID
		a := ancestor{Process: body.Process{PID: p.maker.pid, UID: &uid}, start: p.maker.start, address: t.address(p.maker), peer: p.maker.peer, loginUID: p.under.ids.LoginUID}
		if i := p.under.image; i != nil {
			a.Exe, a.Exe64 = encode(i.exe)
			a.Command = i.command
		}
		chain = append(chain, a)
	}
	return chain
}

// address is where the person behind p came from, as the environment of p says.
// It is read once, while p lives.
func (t *Tracer) address(p *process) string {
	if p.asked || p.ended {
		return p.address
	}
	p.asked = true
	dir, err := openProc(p.pid)
	if err != nil {
		return ""
	}
	address := sshPeer(dir.read("environ", maxCommand))
	dir.close()
	if t.drain(); !p.ended { // else it may be that of a later process
		p.address = address
	}
	return p.address
}

// greet notes the other end of an ssh session when root's end of it begins, and
// again when its first program does: that one may be through, and root's end gone
// with it, before anybody asks. It is tried no more often than that, and for a part of
// the time only: whoever holds many connections makes a look at them take long, and no
// notification is read meanwhile.
func (t *Tracer) greet(r *bpf.Record) {
	p := t.kin.current(r.PID)
	for m := p; m != nil && (m == p || m.runsSSH()); m = m.maker {
		if m.peer != "" || m.ended || m.greeted == greetings || !m.runsSSH() || m.latest().ids.UID != 0 {
			continue
		}
		if begun := SinceBoot(); t.greeting.any(begun) {
			m.greeted++
			m.peer = peerOfProcess(m.pid, m.start)
			t.greeting.use(SinceBoot() - begun)
		}
	}
}

// greetings are the times at which root's end of an ssh session is looked at: when it
// begins, perhaps before the session has a process of its own, and with that one's program.
const greetings = 3

// budget is time to spend: budgetMost at once, and a tenth of all.
type budget struct{ spent, at time.Duration }

const (
	budgetMost = time.Second
	budgetPart = 10
)

// any says whether some is left.
func (b *budget) any(now time.Duration) bool {
	b.spent, b.at = max(0, b.spent-(now-b.at)/budgetPart), now
	return b.spent < budgetMost
}

func (b *budget) use(took time.Duration) { b.spent += took }

// peerOfProcess is peerOf of the process of that number that began then.
func peerOfProcess(pid int, start time.Duration) string {
	dir, err := openProc(pid)
	if err != nil {
		return ""
	}
	defer dir.close()
	peer := peerOf(dir)
	// The directory stays that process's: what began at another time is another.
	if !dir.began(start) {
		return ""
	}
	return peer
}

// runsSSH says whether a process runs the program of root's end of an ssh session.
func (p *process) runsSSH() bool {
	i, root := p.latest().image, uint32(0)
	return i != nil && doors.Kind(i.exe, &root) == doors.SSH
}

// readProcesses reads all processes there are.
func readProcesses() []*process {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // what could be read counts
	var all []*process
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if r := readProcess(pid); r != nil {
				all = append(all, r)
			}
		}
	}
	return all
}

func readProcess(pid int) *process {
	dir, err := openProc(pid)
	if err != nil {
		return nil
	}
	defer dir.close()
	id, st := dir.ident()
	ids, ok := dir.ids()
	if !ok || st.started == 0 {
		return nil
	}
	l := life{image: &image{exe: id.exe, command: splitCommand(id.command)}, ids: ids, tty: ttyName(st.tty)}
	l.group.unit, l.group.container = parseCgroup(dir.read("cgroup", 8<<10))
	return &process{pid: pid, start: ticks(st.started), known: ids, makerPID: st.ppid, lives: []life{l}}
}

// since says from when on what is known of a process that was read holds.
func (p *process) since(at moment) { p.born, p.lives[0].from = at, at }

// ttyOf names a terminal as proc_pid_stat(5) numbers it.
func ttyOf(d bpf.Device) string {
	return ttyName(d.Minor&0xff | d.Major<<8 | d.Minor&^0xff<<12)
}
